//! Decides when a changed file may be read: a pure state machine over stamps and time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::store::read::FileStamp;

/// The quiet time: how long a file that is written in place must not change before it is read.
pub const QUIET: Duration = Duration::from_millis(100);
/// The time that a file may keep changing before this is logged.
const BUSY: Duration = Duration::from_secs(10);

/// The files that a snapshot is made of, each with its stamp; `None` if it does not exist.
pub type FileStamps = Vec<(PathBuf, Option<FileStamp>)>;

/// The meaning of events for the files, the strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hint {
    /// Nothing.
    Nothing,
    /// A file may have changed, even if its stamp has not: the times of some file systems are coarse.
    Touched,
    /// A complete file was just renamed into place.
    Renamed,
}

/// The next step of the watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing: the files have not changed since they were read.
    Idle,
    /// Check the files again after this long.
    Wait(Duration),
    /// Like `Wait`, and the files have kept changing for ten seconds. Returned once per change.
    Busy(Duration),
    /// Read the files.
    Read,
    /// Read the files early. An error may mean that another program has not finished, and does not count.
    ReadEarly,
}

/// Remembers what was read, and since when the files differ from it.
#[derive(Debug)]
pub struct Debounce {
    read: FileStamps,
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    stamps: FileStamps,
    since: Instant,
    first: Instant,
    is_reported: bool,
}

impl Debounce {
    /// Starts with what was read at startup.
    pub fn new(read: FileStamps) -> Self {
        Self { read, pending: None }
    }

    /// Returns the files to check: those of the last reading, even if it did not count.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.last_seen().iter().map(|(file, _)| file)
    }

    fn last_seen(&self) -> &FileStamps {
        self.pending.as_ref().map_or(&self.read, |pending| &pending.stamps)
    }

    /// Records what was read.
    pub fn set_read(&mut self, stamps: FileStamps) {
        *self = Self::new(stamps);
    }

    /// Returns true if a reading found all its files as they were last seen. If not, the quiet time starts again.
    pub fn confirm(&mut self, stamps: &FileStamps, now: Instant) -> bool {
        if stamps.iter().all(|stamp| self.last_seen().contains(stamp)) {
            return true;
        }
        let (first, is_reported) =
            self.pending.as_ref().map_or((now, false), |pending| (pending.first, pending.is_reported));
        self.pending = Some(Pending { stamps: stamps.clone(), since: now, first, is_reported });
        false
    }

    /// Returns the next step, given the files' stamps at `now` and the strongest hint of the events.
    pub fn observe(&mut self, stamps: FileStamps, hint: Hint, now: Instant) -> NextStep {
        if self.pending.is_none() && hint == Hint::Nothing && stamps == self.read {
            return NextStep::Idle;
        }
        let new = || Pending { stamps: stamps.clone(), since: now, first: now, is_reported: false };
        let pending = self.pending.get_or_insert_with(new);
        if pending.stamps != stamps {
            pending.stamps = stamps;
            pending.since = now;
        }
        let quiet = now.saturating_duration_since(pending.since);
        if quiet >= QUIET {
            return NextStep::Read;
        }
        // Of several files, the others may be about to follow as part of the same change.
        if hint == Hint::Renamed && pending.stamps.len() == 1 {
            return NextStep::ReadEarly;
        }
        let wait = QUIET.saturating_sub(quiet);
        if !pending.is_reported && now.saturating_duration_since(pending.first) >= BUSY {
            pending.is_reported = true;
            return NextStep::Busy(wait);
        }
        NextStep::Wait(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(content: &str) -> FileStamps {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        vec![(PathBuf::from("downtime.toml"), FileStamp::from_path(file.path()))]
    }

    #[test]
    fn a_file_is_read_once_it_has_been_quiet() {
        let (old, new, newer) = (stamps("old"), stamps("new"), stamps("newer"));
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut debounce = Debounce::new(old.clone());
        for (at, stamps, hint, step) in [
            (0, &old, Hint::Nothing, NextStep::Idle),
            (10, &new, Hint::Touched, NextStep::Wait(ms(100))),
            (60, &new, Hint::Nothing, NextStep::Wait(ms(50))),
            (61, &newer, Hint::Touched, NextStep::Wait(ms(100))),
            (160, &newer, Hint::Touched, NextStep::Wait(ms(1))),
            (161, &newer, Hint::Nothing, NextStep::Read),
            (190, &old, Hint::Renamed, NextStep::ReadEarly),
        ] {
            assert_eq!(debounce.observe(stamps.clone(), hint, start + ms(at)), step, "at {at} ms");
        }
        debounce.set_read(newer.clone());
        assert_eq!(debounce.observe(newer, Hint::Nothing, start + ms(200)), NextStep::Idle);
        assert_eq!(debounce.files().count(), 1);
    }

    #[test]
    fn a_hint_leads_to_a_reading_even_if_the_stamps_are_the_same() {
        let old = stamps("old");
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut debounce = Debounce::new(old.clone());
        assert_eq!(debounce.observe(old.clone(), Hint::Renamed, start), NextStep::ReadEarly);
        debounce.set_read(old.clone());
        assert_eq!(debounce.observe(old.clone(), Hint::Touched, start), NextStep::Wait(ms(100)));
        assert_eq!(debounce.observe(old.clone(), Hint::Touched, start + ms(60)), NextStep::Wait(ms(40)));
        assert_eq!(debounce.observe(old, Hint::Nothing, start + ms(100)), NextStep::Read);
    }

    #[test]
    fn a_renamed_file_is_read_at_once_unless_it_is_one_of_several() {
        let both = |config: &str, page: &str| [stamps(config), stamps(page)].concat();
        let (old, half, new) = (both("old", "old"), both("new", "old"), both("new", "new"));
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut debounce = Debounce::new(old);
        for (at, stamps, hint, step) in [
            (0, &half, Hint::Renamed, NextStep::Wait(ms(100))),
            (5, &new, Hint::Renamed, NextStep::Wait(ms(100))),
            (105, &new, Hint::Nothing, NextStep::Read),
        ] {
            assert_eq!(debounce.observe(stamps.clone(), hint, start + ms(at)), step, "at {at} ms");
        }
    }

    #[test]
    fn a_reading_of_unseen_versions_is_repeated_after_the_quiet_time() {
        let named = |name: &str, content: &str| vec![(PathBuf::from(name), stamps(content)[0].1)];
        let (old, new, page, other) =
            (stamps("old"), stamps("new"), named("page.html", "page"), named("page.html", "other"));
        let both = |page: &FileStamps| [new.clone(), page.clone()].concat();
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut debounce = Debounce::new(old.clone());
        assert!(debounce.confirm(&old, start));
        assert_eq!(debounce.observe(new.clone(), Hint::Renamed, start), NextStep::ReadEarly);
        assert!(debounce.confirm(&new, start));
        // It names a template that was not checked before.
        assert!(!debounce.confirm(&both(&page), start));
        assert_eq!(debounce.files().count(), 2);
        for (at, stamps, step) in [
            (10, both(&page), NextStep::Wait(ms(90))),
            (20, both(&other), NextStep::Wait(ms(100))),
            (120, both(&other), NextStep::Read),
        ] {
            assert_eq!(debounce.observe(stamps, Hint::Touched, start + ms(at)), step, "at {at} ms");
        }
        assert!(debounce.confirm(&new, start) && debounce.confirm(&both(&other), start));
        debounce.set_read(both(&other));
        assert!(debounce.confirm(&both(&other), start) && !debounce.confirm(&old, start));
    }

    #[test]
    fn a_deleted_file_is_a_change() {
        let mut debounce = Debounce::new(stamps("old"));
        let gone: FileStamps = vec![(PathBuf::from("downtime.toml"), None)];
        let start = Instant::now();
        assert_eq!(debounce.observe(gone.clone(), Hint::Touched, start), NextStep::Wait(QUIET));
        assert_eq!(debounce.observe(gone, Hint::Nothing, start + QUIET), NextStep::Read);
    }

    #[test]
    fn a_file_that_keeps_changing_is_reported_once() {
        let mut debounce = Debounce::new(stamps("old"));
        let start = Instant::now();
        let contents: Vec<_> = (0..6).map(|n| stamps(&format!("{n:>n$}"))).collect();
        let steps: Vec<_> = contents
            .into_iter()
            .enumerate()
            .map(|(n, stamps)| {
                debounce.observe(stamps, Hint::Nothing, start + BUSY * u32::try_from(n).unwrap() / 4)
            })
            .collect();
        let wait = NextStep::Wait(QUIET);
        assert_eq!(steps, [wait, wait, wait, wait, NextStep::Busy(QUIET), wait]);
    }
}
