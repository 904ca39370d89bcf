//! Writes the new file and puts it in the place of the old one.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use super::locked_file::{LockedFile, link_stamp};
use super::read::{FileStamp, MAX_LENGTH};
use super::{Reason, attributes};

/// The number of times that a save is put back before giving up, if another one replaces it each time.
const MAX_RETURNS: usize = 100;

/// The new file, written and synced beside the old one.
struct Replacement {
    file: NamedTempFile,
    stamp: FileStamp,
}

/// Replaces the file that was read by one with this text. Returns false if it is no longer there, or has changed.
pub(super) fn replace(path: &Path, source: &LockedFile, text: &str) -> Result<bool, Reason> {
    if text.len() as u64 > MAX_LENGTH {
        return Err(Reason::TooLarge);
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    let opened = File::open(directory).map_err(|error| Reason::from_writing(directory, error))?;
    let new = prepare(path, directory, source, text)?;
    let replaced = source.is_untouched_at(path) && swap(path, source, new)?;
    if replaced {
        sync(&opened).map_err(Reason::Unsynced)?;
    }
    Ok(replaced)
}

/// Syncs a directory. Some file systems (such as those shared with a virtual machine) cannot, and return EINVAL.
pub(super) fn sync(directory: &File) -> io::Result<()> {
    match directory.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// Writes and syncs the new file beside the old one, with its attributes.
fn prepare(path: &Path, directory: &Path, source: &LockedFile, text: &str) -> Result<Replacement, Reason> {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    let failed = |error| Reason::from_writing(directory, error);
    let mut file = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory).map_err(failed)?;
    // Another edit may open this file as soon as it has the path: it must wait until the swap is done.
    let _may_be_unsupported = file.as_file().try_lock();
    file.write_all(text.as_bytes()).map_err(failed)?;
    attributes::copy(source.file(), source.metadata(), file.as_file())?;
    file.as_file().sync_all().map_err(failed)?;
    let metadata = file.as_file().metadata().map_err(failed)?;
    // A network file system may have stored less than it reported.
    if usize::try_from(metadata.len()) != Ok(text.len()) {
        return Err(failed(io::ErrorKind::WriteZero.into()));
    }
    Ok(Replacement { file, stamp: FileStamp::from(&metadata) })
}

/// Exchanges the two files, and puts back what came out if it is not the file that was read.
fn swap(path: &Path, source: &LockedFile, new: Replacement) -> Result<bool, Reason> {
    match exchange(new.file.path(), path) {
        Ok(()) if source.is_same_version_at(new.file.path()) => Ok(true),
        Ok(()) => put_back(path, new).map(|()| false),
        Err(Errno::NOENT) => Ok(false),
        // Some sandboxes refuse this system call with EPERM; if EPERM is about the file, a plain rename gets it too.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP | Errno::PERM) => rename(path, source, new),
        Err(error) => Err(Reason::from_renaming(error.into())),
    }
}

/// Renames after one more check, for file systems without exchange. A save in the microseconds between is lost.
fn rename(path: &Path, source: &LockedFile, new: Replacement) -> Result<bool, Reason> {
    if !source.is_untouched_at(path) {
        return Ok(false);
    }
    new.file.persist(path).map(|_| true).map_err(|error| Reason::from_renaming(error.error))
}

/// Puts back another program's save, which came out of the exchange.
///
/// Yet another save may arrive before each exchange; the last one to arrive must stay.
fn put_back(path: &Path, new: Replacement) -> Result<(), Reason> {
    let Replacement { mut file, stamp } = new;
    return_last_save(path, file.path(), stamp).map_err(|error| {
        file.disable_cleanup(true);
        Reason::Stranded(file.path().to_owned(), error)
    })
}

fn return_last_save(path: &Path, aside: &Path, mut placed: FileStamp) -> io::Result<()> {
    for _ in 0..MAX_RETURNS {
        let returning = link_stamp(aside)?;
        exchange(aside, path)?;
        if link_stamp(aside)?.is_same_version(&placed) {
            return Ok(());
        }
        placed = returning;
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

fn exchange(a: &Path, b: &Path) -> rustix::io::Result<()> {
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use tempfile::{TempDir, tempdir};

    use super::*;

    fn read(directory: &TempDir) -> (PathBuf, LockedFile, Replacement) {
        let path = directory.path().join("downtime.toml");
        fs::write(&path, "old").unwrap();
        let source = LockedFile::read(File::open(&path).unwrap()).ok().flatten().unwrap();
        let new = prepare(&path, directory.path(), &source, "new").unwrap();
        (path, source, new)
    }

    fn names(directory: &TempDir) -> Vec<OsString> {
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_swap_puts_the_new_file_in_place_and_removes_the_old_one() {
        let directory = tempdir().unwrap();
        let (path, source, new) = read(&directory);
        assert!(swap(&path, &source, new).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(&directory), ["downtime.toml"]);
    }

    #[test]
    fn a_save_by_rename_that_comes_out_of_the_exchange_is_put_back() {
        let directory = tempdir().unwrap();
        let (path, source, new) = read(&directory);
        fs::write(directory.path().join("saved"), "old").unwrap();
        fs::rename(directory.path().join("saved"), &path).unwrap();
        let saved = link_stamp(&path).unwrap();
        assert!(!swap(&path, &source, new).unwrap());
        assert!(link_stamp(&path).unwrap().is_same_file(&saved));
        assert_eq!(names(&directory), ["downtime.toml"]);
    }

    #[test]
    fn a_save_in_place_that_comes_out_of_the_exchange_is_put_back() {
        let directory = tempdir().unwrap();
        let (path, source, new) = read(&directory);
        let times = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "mad").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(times).unwrap();
        assert!(!swap(&path, &source, new).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mad");
        assert_eq!(names(&directory), ["downtime.toml"]);
    }

    #[test]
    fn a_save_that_arrives_between_the_exchanges_stays() {
        let directory = tempdir().unwrap();
        let (path, _source, new) = read(&directory);
        exchange(new.file.path(), &path).unwrap();
        fs::write(directory.path().join("saved"), "later").unwrap();
        fs::rename(directory.path().join("saved"), &path).unwrap();
        put_back(&path, new).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "later");
        assert_eq!(names(&directory), ["downtime.toml"]);
    }

    #[test]
    fn a_save_that_cannot_be_put_back_is_kept_and_named() {
        let directory = tempdir().unwrap();
        let (path, _source, new) = read(&directory);
        exchange(new.file.path(), &path).unwrap();
        fs::remove_file(&path).unwrap();
        let Err(Reason::Stranded(kept, _)) = put_back(&path, new) else { panic!("the save is lost") };
        assert_eq!(fs::read_to_string(kept).unwrap(), "old");
    }

    #[test]
    fn a_deleted_file_is_not_created_again() {
        let directory = tempdir().unwrap();
        let (path, source, new) = read(&directory);
        fs::remove_file(&path).unwrap();
        assert!(!swap(&path, &source, new).unwrap());
        assert_eq!(names(&directory), Vec::<OsString>::new());
    }

    #[test]
    fn a_plain_rename_checks_once_more() {
        let directory = tempdir().unwrap();
        let (path, source, new) = read(&directory);
        fs::write(&path, "saved").unwrap();
        assert!(!rename(&path, &source, new).unwrap());
        drop(source);
        let (path, source, new) = read(&directory);
        assert!(rename(&path, &source, new).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(&directory), ["downtime.toml"]);
    }
}
