//! Opens files without leaving the root.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::refusal::FileRefusal;

/// An opened file or directory.
#[derive(Debug)]
pub(super) enum OpenedFile {
    File(File, Metadata),
    Directory,
}

impl OpenedFile {
    /// Opens `path` below `root`. Symbolic links are followed if they stay below it; one with an absolute target does not.
    /// Anything but a regular file or a directory is not found, and never waited for.
    pub(super) fn open(root: &Path, path: &Path) -> Result<Self, FileRefusal> {
        let directory = open_root(root)?;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
        let opened = directory.open_with(path, &options).and_then(|file| {
            let file = file.into_std();
            file.metadata().map(|metadata| (file, metadata))
        });
        let (file, metadata) = opened.map_err(|error| refuse(error, path))?;
        match metadata.file_type() {
            kind if kind.is_file() => Ok(Self::File(file, metadata)),
            kind if kind.is_dir() => Ok(Self::Directory),
            _ => Err(FileRefusal::NotFound),
        }
    }
}

/// Opens the root. This is done for each request, so that a deployment can swap a symbolic link.
fn open_root(root: &Path) -> Result<Dir, FileRefusal> {
    Dir::open_ambient_dir(root, ambient_authority()).map_err(|error| {
        tracing::error!(target: "downtime::files", root = %root.display(), %error, "cannot open the root directory of the site");
        FileRefusal::Unavailable
    })
}

fn refuse(error: io::Error, path: &Path) -> FileRefusal {
    let message = error.to_string();
    let refusal = FileRefusal::from(error);
    if matches!(refusal, FileRefusal::Internal | FileRefusal::Unavailable) {
        let path = path.display();
        tracing::error!(target: "downtime::files", %path, error = message, "cannot open a file");
    }
    refusal
}
