//! Versions of files: what the system tells about a file, by which a change is noticed.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// How long a file must be unchanged before its version is trusted, in seconds. A second change within one tick of the file
/// system's clock leaves the times as they were. FAT has the longest tick, 2 s.
const SETTLING_TIME: i64 = 2;

/// The units to which times are cut when files are copied, in nanoseconds.
const KEPT_UNITS: [i64; 4] = [1_000_000_000, 1_000_000, 1_000, 100];

/// A version of a file. A file that is replaced, changes its length, or was written to has another one.
///
/// It includes the time of the last status change, since that of the last modification can be set back (`touch -r`, `cp -p`,
/// `tar`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileVersion {
    device: u64,
    inode: u64,
    length: u64,
    /// In seconds and nanoseconds since 1970.
    modified: (i64, i64),
    changed: (i64, i64),
    links: u64,
}

impl FileVersion {
    pub(super) fn new(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            links: metadata.nlink(),
        }
    }

    /// The length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// All that tells it from other versions, as bytes.
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        let times = [self.modified.0, self.modified.1, self.changed.0, self.changed.1];
        let numbers = [self.device, self.inode, self.length];
        numbers.into_iter().chain(times.map(i64::cast_unsigned)).flat_map(u64::to_le_bytes)
    }

    /// The time of the last modification in whole seconds; `None` before 1970 and after `now`, which a response must not claim
    /// (RFC 9110, section 8.8.2.1).
    pub(super) fn modified(&self, now: Timestamp) -> Option<SystemTime> {
        let seconds = Some(self.modified.0).filter(|seconds| *seconds <= now.as_second())?;
        UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
    }

    /// Returns true if it was modified before `other`. A time that is the other's with fewer digits is not before it: some
    /// programs and file systems keep only seconds, milliseconds, microseconds or units of 100 ns.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let (seconds, nanoseconds) = other.modified;
        let is_cut = |unit| self.modified == (seconds, nanoseconds - nanoseconds.rem_euclid(unit));
        self.modified < other.modified && !KEPT_UNITS.into_iter().any(is_cut)
    }

    /// Returns true if a later change of the file will show in its version. A time of modification in the future, other than by
    /// a clock that is a little fast, was set on purpose, and a change sets another one.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        let now = now.as_second();
        let is_past = |time: i64| time.saturating_add(SETTLING_TIME) < now;
        let is_future = |time: i64| time > now.saturating_add(SETTLING_TIME);
        is_past(self.changed.0) && (is_past(self.modified.0) || is_future(self.modified.0))
    }

    /// Returns true if both are versions of one file.
    pub(super) fn is_file_of(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Returns true if nobody has written to the file between this version and a `later` one.
    ///
    /// A new or removed link changes the status, for example a rename over the file. Any other change of the status counts as
    /// a write: the time of modification may have been set back afterwards. So does a link that was made and removed again: that
    /// leaves the same traces.
    pub(super) fn has_content_of(&self, later: &Self) -> bool {
        let is_explained = self.changed == later.changed || self.links != later.links;
        is_explained && (self.length, self.modified) == (later.length, later.modified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_from_the_future_or_before_1970_has_no_date() {
        let file = tempfile::tempfile().unwrap();
        let now = Timestamp::from_second(1_000).unwrap();
        for (modified, dated) in [(999, true), (1_000, true), (1_001, false), (0, true), (-1, false)] {
            let modified: SystemTime = Timestamp::from_second(modified).unwrap().try_into().unwrap();
            file.set_modified(modified).unwrap();
            let expected = dated.then_some(modified);
            assert_eq!(FileVersion::new(&file.metadata().unwrap()).modified(now), expected, "{modified:?}");
        }
    }

    #[test]
    fn a_version_is_trusted_some_seconds_after_the_last_change() {
        let version = FileVersion::new(&tempfile::tempfile().unwrap().metadata().unwrap());
        for (modified, changed, now, is_settled) in [
            (10, 20, 10, false),
            (10, 20, 20, false),
            (10, 20, 22, false),
            (10, 20, 23, true),
            (20, 10, 22, false),
            (20, 10, 18, false),
            (20, 10, 17, true),
            (20, 20, 17, false),
        ] {
            let version = FileVersion { modified: (modified, 0), changed: (changed, 999_999_999), ..version };
            let settled = version.is_settled(Timestamp::from_second(now).unwrap());
            assert_eq!(settled, is_settled, "{modified} {changed} {now}");
        }
    }

    #[test]
    fn any_change_but_a_link_counts_as_a_write() {
        let before = FileVersion::new(&tempfile::tempfile().unwrap().metadata().unwrap());
        let (seconds, nanoseconds) = before.changed;
        let changed = FileVersion { changed: (seconds, nanoseconds + 1), ..before };
        for (later, is_same) in [
            (before, true),
            (FileVersion { links: before.links + 1, ..changed }, true),
            (changed, false),
            (FileVersion { length: 1, ..before }, false),
            (FileVersion { modified: (seconds, nanoseconds + 1), ..before }, false),
            (FileVersion { length: 1, links: before.links + 1, ..changed }, false),
        ] {
            assert_eq!(before.has_content_of(&later), is_same, "{later:?}");
        }
    }

    #[test]
    fn a_time_with_fewer_digits_is_not_older() {
        let file = FileVersion::new(&tempfile::tempfile().unwrap().metadata().unwrap());
        let at = |seconds, nanoseconds| FileVersion { modified: (seconds, nanoseconds), ..file };
        for (modified, is_older) in [
            ((20, 987_654_321), false),
            ((20, 987_654_320), true),
            ((20, 987_654_300), false),
            ((20, 987_654_000), false),
            ((20, 987_000_000), false),
            ((20, 0), false),
            ((20, 900_000_000), true),
            ((20, 1), true),
            ((19, 999_999_999), true),
            ((19, 0), true),
            ((20, 987_654_322), false),
            ((21, 0), false),
        ] {
            let sibling = at(modified.0, modified.1);
            assert_eq!(sibling.is_older_than(&at(20, 987_654_321)), is_older, "{modified:?}");
        }
    }
}
