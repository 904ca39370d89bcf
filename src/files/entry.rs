//! What a path names in the file system, opened without leaving the root.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::refusal::FileRefusal;

/// What was opened: only regular files are served.
#[derive(Debug)]
pub(super) enum OpenedFile {
    File(File, Metadata),
    Folder,
}

impl OpenedFile {
    /// Opens `path` below `root`, following symbolic links as long as they stay below it. One with an
    /// absolute target counts as leading out.
    ///
    /// Anything but a regular file or a folder is not found. `O_NONBLOCK` keeps a FIFO from waiting for its
    /// writer.
    pub(super) fn open(root: &Path, path: &Path) -> Result<Self, FileRefusal> {
        let folder = open_root(root)?;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
        let opened = folder.open_with(path, &options).and_then(|file| {
            let file = file.into_std();
            file.metadata().map(|metadata| (file, metadata))
        });
        let (file, metadata) = opened.map_err(|error| refuse(error, path))?;
        match metadata.file_type() {
            kind if kind.is_file() => Ok(Self::File(file, metadata)),
            kind if kind.is_dir() => Ok(Self::Folder),
            _ => Err(FileRefusal::NotFound),
        }
    }
}

/// Opened anew for each request, so that a deployment can swap a symbolic link.
fn open_root(root: &Path) -> Result<Dir, FileRefusal> {
    Dir::open_ambient_dir(root, ambient_authority()).map_err(|error| {
        tracing::error!(target: "downtime::files", root = %root.display(), %error, "cannot open the root");
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
