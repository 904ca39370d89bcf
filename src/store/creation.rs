//! Creates a file as a whole.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::error::{FileError, Reason};
use super::replacement::sync;

/// The mode of a new file, of which the umask takes some bits away.
const MODE: u32 = 0o644;

/// Creates a file with this text; a reader finds either no file or the whole text. Returns false if there is one already.
pub fn create(path: &Path, text: &str) -> Result<bool, FileError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error| FileError::new(path, Reason::from_creating(directory, error));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".downtime.").permissions(Permissions::from_mode(MODE));
    let mut file = builder.tempfile_in(directory).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => {
            let synced = File::open(directory).and_then(|directory| sync(&directory));
            synced.map_err(|error| FileError::new(path, Reason::Unsynced(error))).map(|()| true)
        }
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error.error)),
    }
}
