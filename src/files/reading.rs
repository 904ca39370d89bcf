//! Reads files, and notices if somebody has written to them.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::Bytes;
use rustix::io::{ReadWriteFlags, preadv2};

use super::open::{DiskWait, Failure, OpenFile};
use super::refusal::FileRefusal;
use super::version::FileVersion;
use super::warnings::CANNOT_READ;

/// Why a part of a file was not read.
#[derive(Debug)]
pub(super) enum ReadFault {
    /// Somebody has written to the file.
    Changed,
    Failed(io::Error),
}

impl From<ReadFault> for io::Error {
    fn from(fault: ReadFault) -> Self {
        match fault {
            ReadFault::Changed => Self::other("another program has written to the file"),
            ReadFault::Failed(error) => error,
        }
    }
}

/// Reads a whole file, of exactly this version. The path is for the log.
pub(super) fn read_whole(opened: &OpenFile, path: &Path, waiting: DiskWait) -> Result<Bytes, Failure> {
    let OpenFile { file, version } = opened;
    let whole = 0..version.length();
    let read = match read_in_memory(file, &whole) {
        Some(bytes) => Ok(bytes),
        None if waiting == DiskWait::Never => return Err(Failure::WouldWait),
        None => read_waiting(file, &whole),
    };
    let current = file.metadata().map(|metadata| FileVersion::new(&metadata));
    if current.as_ref().is_ok_and(|current| current != version) {
        return Err(FileRefusal::Changed.into());
    }
    current.and(read).map_err(|error| {
        CANNOT_READ.log(path, &error);
        FileRefusal::Internal.into()
    })
}

/// Reads a range without waiting, if the system has it in memory.
pub(super) fn read_in_memory(file: &File, range: &Range<u64>) -> Option<Bytes> {
    let mut bytes = allocate(range);
    let into = &mut [IoSliceMut::new(&mut bytes)];
    let length = preadv2(file, into, range.start, ReadWriteFlags::NOWAIT).ok()?;
    (length == bytes.len()).then(|| bytes.into())
}

fn read_waiting(file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    let mut bytes = allocate(range);
    file.read_exact_at(&mut bytes, range.start).map(|()| bytes.into())
}

pub(super) fn read(
    file: &File,
    version: &FileVersion,
    range: &Range<u64>,
) -> Result<(Bytes, FileVersion), ReadFault> {
    let read = read_waiting(file, range);
    let version = check(file, version)?;
    Ok((read.map_err(ReadFault::Failed)?, version))
}

fn allocate(range: &Range<u64>) -> Vec<u8> {
    vec![0; usize::try_from(range.end.saturating_sub(range.start)).unwrap_or_default()]
}

/// Returns the version of a file to which nobody has written since an earlier one.
pub(super) fn check(file: &File, version: &FileVersion) -> Result<FileVersion, ReadFault> {
    let current = FileVersion::new(&file.metadata().map_err(ReadFault::Failed)?);
    if version.has_content_of(&current) { Ok(current) } else { Err(ReadFault::Changed) }
}
