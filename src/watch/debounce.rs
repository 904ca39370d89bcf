//! When a file that has changed may be read: a pure state machine over stamps and time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::store::read::FileStamp;

/// How long a file that is written in place must have been quiet.
pub const QUIET: Duration = Duration::from_millis(100);
/// After this long without quiet, operators are told.
const BUSY: Duration = Duration::from_secs(10);

/// The files that a snapshot rests on, and the state of each; `None`: it is not there.
pub type FileStamps = Vec<(PathBuf, Option<FileStamp>)>;

/// What events say of the files, the weightiest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hint {
    /// Nothing.
    Nothing,
    /// One may have changed, also where the stamps are the same: those of some file systems are coarse.
    Touched,
    /// One was just put in place by a rename, and so whole.
    Renamed,
}

/// What to do about the files as they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing: they are as they were when they were read.
    Idle,
    /// Look again after this long.
    Wait(Duration),
    /// As `Wait`; and it has been so for ten seconds, which is said once.
    Busy(Duration),
    /// Read them.
    Read,
    /// Read them; what another program still has to change of them would be an error.
    ReadEarly,
}

/// Remembers what was read, and since when it is otherwise.
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
    told: bool,
}

impl Debounce {
    /// Begins with what was read at the start.
    pub fn new(read: FileStamps) -> Self {
        Self { read, pending: None }
    }

    /// The files to look at: those that were read, or those that a reading named which did not count.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.seen().iter().map(|(file, _)| file)
    }

    fn seen(&self) -> &FileStamps {
        self.pending.as_ref().map_or(&self.read, |pending| &pending.stamps)
    }

    /// Notes what was read.
    pub fn read(&mut self, stamps: FileStamps) {
        *self = Self::new(stamps);
    }

    /// Whether a reading found all its files as they were last seen. If not, they are to be quiet as they are by now.
    pub fn confirm(&mut self, stamps: &FileStamps, now: Instant) -> bool {
        if stamps.iter().all(|stamp| self.seen().contains(stamp)) {
            return true;
        }
        let (first, told) =
            self.pending.as_ref().map_or((now, false), |pending| (pending.first, pending.told));
        self.pending = Some(Pending { stamps: stamps.clone(), since: now, first, told });
        false
    }

    /// Judges the files as they are at `now`.
    pub fn observe(&mut self, stamps: FileStamps, hint: Hint, now: Instant) -> NextStep {
        if self.pending.is_none() && hint == Hint::Nothing && stamps == self.read {
            return NextStep::Idle;
        }
        let new = || Pending { stamps: stamps.clone(), since: now, first: now, told: false };
        let pending = self.pending.get_or_insert_with(new);
        if pending.stamps != stamps {
            pending.stamps = stamps;
            pending.since = now;
        }
        let quiet = now.saturating_duration_since(pending.since);
        if quiet >= QUIET {
            return NextStep::Read;
        }
        // Of several files the others may be about to follow: they are one change.
        if hint == Hint::Renamed && pending.stamps.len() == 1 {
            return NextStep::ReadEarly;
        }
        let wait = QUIET.saturating_sub(quiet);
        if !pending.told && now.saturating_duration_since(pending.first) >= BUSY {
            pending.told = true;
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
        let mut settle = Debounce::new(old.clone());
        for (at, stamps, hint, step) in [
            (0, &old, Hint::Nothing, NextStep::Idle),
            (10, &new, Hint::Touched, NextStep::Wait(ms(100))),
            (60, &new, Hint::Nothing, NextStep::Wait(ms(50))),
            (61, &newer, Hint::Touched, NextStep::Wait(ms(100))),
            (160, &newer, Hint::Touched, NextStep::Wait(ms(1))),
            (161, &newer, Hint::Nothing, NextStep::Read),
            (190, &old, Hint::Renamed, NextStep::ReadEarly),
        ] {
            assert_eq!(settle.observe(stamps.clone(), hint, start + ms(at)), step, "at {at} ms");
        }
        settle.read(newer.clone());
        assert_eq!(settle.observe(newer, Hint::Nothing, start + ms(200)), NextStep::Idle);
        assert_eq!(settle.files().count(), 1);
    }

    #[test]
    fn a_hint_leads_to_a_reading_also_where_the_stamps_are_the_same() {
        let old = stamps("old");
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut settle = Debounce::new(old.clone());
        assert_eq!(settle.observe(old.clone(), Hint::Renamed, start), NextStep::ReadEarly);
        settle.read(old.clone());
        assert_eq!(settle.observe(old.clone(), Hint::Touched, start), NextStep::Wait(ms(100)));
        assert_eq!(settle.observe(old.clone(), Hint::Touched, start + ms(60)), NextStep::Wait(ms(40)));
        assert_eq!(settle.observe(old, Hint::Nothing, start + ms(100)), NextStep::Read);
    }

    #[test]
    fn a_rename_needs_no_quiet_unless_it_is_one_of_several_files() {
        let both = |config: &str, page: &str| [stamps(config), stamps(page)].concat();
        let (old, half, new) = (both("old", "old"), both("new", "old"), both("new", "new"));
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut settle = Debounce::new(old);
        for (at, stamps, hint, step) in [
            (0, &half, Hint::Renamed, NextStep::Wait(ms(100))),
            (5, &new, Hint::Renamed, NextStep::Wait(ms(100))),
            (105, &new, Hint::Nothing, NextStep::Read),
        ] {
            assert_eq!(settle.observe(stamps.clone(), hint, start + ms(at)), step, "at {at} ms");
        }
    }

    #[test]
    fn a_reading_of_files_that_were_not_seen_so_is_made_again_once_they_are_quiet() {
        let named = |name: &str, content: &str| vec![(PathBuf::from(name), stamps(content)[0].1)];
        let (old, new, page, other) =
            (stamps("old"), stamps("new"), named("page.html", "page"), named("page.html", "other"));
        let both = |page: &FileStamps| [new.clone(), page.clone()].concat();
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut settle = Debounce::new(old.clone());
        assert!(settle.confirm(&old, start));
        assert_eq!(settle.observe(new.clone(), Hint::Renamed, start), NextStep::ReadEarly);
        assert!(settle.confirm(&new, start));
        // It names a template, which was not looked at.
        assert!(!settle.confirm(&both(&page), start));
        assert_eq!(settle.files().count(), 2);
        for (at, stamps, step) in [
            (10, both(&page), NextStep::Wait(ms(90))),
            (20, both(&other), NextStep::Wait(ms(100))),
            (120, both(&other), NextStep::Read),
        ] {
            assert_eq!(settle.observe(stamps, Hint::Touched, start + ms(at)), step, "at {at} ms");
        }
        assert!(settle.confirm(&new, start) && settle.confirm(&both(&other), start));
        settle.read(both(&other));
        assert!(settle.confirm(&both(&other), start) && !settle.confirm(&old, start));
    }

    #[test]
    fn a_file_that_goes_away_is_a_change_too() {
        let mut settle = Debounce::new(stamps("old"));
        let gone: FileStamps = vec![(PathBuf::from("downtime.toml"), None)];
        let start = Instant::now();
        assert_eq!(settle.observe(gone.clone(), Hint::Touched, start), NextStep::Wait(QUIET));
        assert_eq!(settle.observe(gone, Hint::Nothing, start + QUIET), NextStep::Read);
    }

    #[test]
    fn a_file_that_stays_busy_is_told_once() {
        let mut settle = Debounce::new(stamps("old"));
        let start = Instant::now();
        let contents: Vec<_> = (0..6).map(|n| stamps(&format!("{n:>n$}"))).collect();
        let steps: Vec<_> = contents
            .into_iter()
            .enumerate()
            .map(|(n, stamps)| {
                settle.observe(stamps, Hint::Nothing, start + BUSY * u32::try_from(n).unwrap() / 4)
            })
            .collect();
        let wait = NextStep::Wait(QUIET);
        assert_eq!(steps, [wait, wait, wait, wait, NextStep::Busy(QUIET), wait]);
    }
}
