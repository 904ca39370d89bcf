//! Files that commands write their output to.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file. If only a part of it can be written, the file is removed, since that part is of no use.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    let is_regular = file.metadata()?.is_file();
    file.write_all(bytes).inspect_err(|_| {
        // A device, such as /dev/stdout, stays.
        if is_regular {
            drop(fs::remove_file(path));
        }
    })
}

/// Returns how to help if a file cannot be written; `otherwise` if the disk is not full.
pub(super) fn write_help<'h>(error: &io::Error, otherwise: &'h str) -> &'h str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, and try again",
        _ => otherwise,
    }
}
