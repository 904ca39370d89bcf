//! The new file, and how it takes the old one's place.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use super::source::{LockedFile, same_version, within_limit};
use super::{Reason, attributes};

/// How often a save that came out is put back, each time because yet another one came in.
const RETURNS: usize = 100;

/// The new file, written and synced beside the old one.
struct Replacement {
    file: NamedTempFile,
    metadata: Metadata,
}

/// Puts a file with this text in the place of the one that was read; false if that one is no longer there.
pub(super) fn replace(path: &Path, source: &LockedFile, text: &str) -> Result<bool, Reason> {
    within_limit(text.len())?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let opened = File::open(directory).map_err(|error| Reason::of_writing(directory, error))?;
    let new = prepare(path, directory, source, text)?;
    let replaced = source.stands_at(path) && swap(path, source, new)?;
    if replaced {
        sync(&opened).map_err(Reason::Unsynced)?;
    }
    Ok(replaced)
}

/// Syncs a directory. Some file systems (folders shared with a virtual machine) cannot, and say so with EINVAL: they
/// have no more to offer.
fn sync(directory: &File) -> io::Result<()> {
    match directory.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// Writes the new file beside the old one, as durable and as accessible as that.
fn prepare(path: &Path, directory: &Path, source: &LockedFile, text: &str) -> Result<Replacement, Reason> {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    let failed = |error| Reason::of_writing(directory, error);
    let mut file = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory).map_err(failed)?;
    // The next edit may open this file as soon as it has the path: it must wait until the swap is settled.
    let _unsupported = file.as_file().try_lock();
    file.write_all(text.as_bytes()).map_err(failed)?;
    attributes::copy(source.file(), source.metadata(), file.as_file())?;
    file.as_file().sync_all().map_err(failed)?;
    let metadata = file.as_file().metadata().map_err(failed)?;
    // A file system behind a network may have taken less than it said.
    if usize::try_from(metadata.len()) != Ok(text.len()) {
        return Err(failed(io::ErrorKind::WriteZero.into()));
    }
    Ok(Replacement { file, metadata })
}

/// Exchanges the two files and looks what came out.
fn swap(path: &Path, source: &LockedFile, new: Replacement) -> Result<bool, Reason> {
    match exchange(new.file.path(), path) {
        Ok(()) if source.is_at(new.file.path()) => Ok(true),
        Ok(()) => put_back(path, new).map(|()| false),
        Err(Errno::NOENT) => Ok(false),
        // Some sandboxes refuse the system call with EPERM; a plain rename then says whether it was meant.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP | Errno::PERM) => rename(path, source, new),
        Err(error) => Err(Reason::of_renaming(error.into())),
    }
}

/// For file systems that cannot exchange: looks once more, and hopes that nobody saves in the next microseconds.
fn rename(path: &Path, source: &LockedFile, new: Replacement) -> Result<bool, Reason> {
    if !source.stands_at(path) {
        return Ok(false);
    }
    new.file.persist(path).map(|_| true).map_err(|error| Reason::of_renaming(error.error))
}

/// Gives somebody's save, which came out of the exchange, its place back.
///
/// Another save may come in at each exchange, in the place of the file that was put there or into it; the last one to
/// come in is the one that has to stay.
fn put_back(path: &Path, new: Replacement) -> Result<(), Reason> {
    let Replacement { mut file, metadata } = new;
    return_last_save(path, file.path(), metadata).map_err(|error| {
        file.disable_cleanup(true);
        Reason::Stranded(file.path().to_owned(), error)
    })
}

fn return_last_save(path: &Path, aside: &Path, mut placed: Metadata) -> io::Result<()> {
    for _ in 0..RETURNS {
        let returning = fs::symlink_metadata(aside)?;
        exchange(aside, path)?;
        if same_version(&fs::symlink_metadata(aside)?, &placed) {
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
    use std::path::PathBuf;

    use tempfile::{TempDir, tempdir};

    use super::super::source::identity;
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
        let saved = identity(&fs::metadata(&path).unwrap());
        assert!(!swap(&path, &source, new).unwrap());
        assert_eq!(identity(&fs::metadata(&path).unwrap()), saved);
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
    fn a_save_that_comes_in_between_the_exchanges_is_the_one_that_stays() {
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
    fn a_file_that_is_gone_is_not_made_again() {
        let directory = tempdir().unwrap();
        let (path, source, new) = read(&directory);
        fs::remove_file(&path).unwrap();
        assert!(!swap(&path, &source, new).unwrap());
        assert_eq!(names(&directory), Vec::<OsString>::new());
    }

    #[test]
    fn a_plain_rename_looks_once_more() {
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
