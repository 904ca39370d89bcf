//! Finds out which directory keeps a user from a file.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// At most this many symbolic links are followed, as by the system (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// Returns the first directory on the way to a file that this user may not search, without symbolic links. `None` if there is
/// none, so that it is the file itself that is closed.
pub fn closed_directory(file: &Path) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    first_closed(&file, MAX_LINKS).map(|directory| directory.canonicalize().unwrap_or(directory))
}

fn first_closed(path: &Path, links: usize) -> Option<PathBuf> {
    let ancestors: Vec<_> = path.ancestors().collect();
    ancestors.into_iter().rev().find_map(|place| {
        let target = fs::read_link(place).ok().and_then(|target| Some(place.parent()?.join(target)));
        let before_target = target.and_then(|target| first_closed(&target, links.checked_sub(1)?));
        before_target.or_else(|| (place != path && is_closed(place)).then(|| place.to_owned()))
    })
}

/// Returns true if nothing in a directory can be looked up.
fn is_closed(directory: &Path) -> bool {
    let itself = directory.join(".").symlink_metadata();
    itself.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}
