//! When a file that has changed may be read: a pure state machine over stamps and time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::file::Stamp;

/// How long a file that is written in place must have been quiet.
pub const QUIET: Duration = Duration::from_millis(100);
/// After this long without quiet, operators are told.
const BUSY: Duration = Duration::from_secs(10);

/// The files that a snapshot rests on, and the state of each; `None`: it is not there.
pub type Stamps = Vec<(PathBuf, Option<Stamp>)>;

/// What to do about the files as they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: they are as they were when they were read.
    Idle,
    /// Look again after this long.
    Wait(Duration),
    /// As `Wait`; and it has been so for ten seconds, which is said once.
    Busy(Duration),
    /// Read them.
    Read,
}

/// Remembers what was read, and since when it is otherwise.
#[derive(Debug)]
pub struct Settle {
    read: Stamps,
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    stamps: Stamps,
    since: Instant,
    first: Instant,
    told: bool,
}

impl Settle {
    /// Begins with what was read at the start.
    pub fn new(read: Stamps) -> Self {
        Self { read, pending: None }
    }

    /// The files to look at.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.read.iter().map(|(file, _)| file)
    }

    /// Notes what was read.
    pub fn read(&mut self, stamps: Stamps) {
        *self = Self::new(stamps);
    }

    /// Judges the files as they are at `now`. `renamed`: one of them was just put in place by a rename, and so whole.
    pub fn observe(&mut self, stamps: Stamps, renamed: bool, now: Instant) -> Step {
        if stamps == self.read {
            self.pending = None;
            return Step::Idle;
        }
        let pending = self.pending.get_or_insert_with(|| Pending {
            stamps: stamps.clone(),
            since: now,
            first: now,
            told: false,
        });
        if pending.stamps != stamps {
            pending.stamps = stamps;
            pending.since = now;
        }
        let quiet = now.saturating_duration_since(pending.since);
        if renamed || quiet >= QUIET {
            return Step::Read;
        }
        let wait = QUIET.saturating_sub(quiet);
        if !pending.told && now.saturating_duration_since(pending.first) >= BUSY {
            pending.told = true;
            return Step::Busy(wait);
        }
        Step::Wait(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(content: &str) -> Stamps {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        vec![(PathBuf::from("downtime.toml"), Stamp::of(file.path()))]
    }

    #[test]
    fn a_file_is_read_once_it_has_been_quiet() {
        let (old, new, newer) = (stamps("old"), stamps("new"), stamps("newer"));
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut settle = Settle::new(old.clone());
        for (at, stamps, renamed, step) in [
            (0, &old, false, Step::Idle),
            (0, &old, true, Step::Idle),
            (10, &new, false, Step::Wait(ms(100))),
            (60, &new, false, Step::Wait(ms(50))),
            (61, &newer, false, Step::Wait(ms(100))),
            (160, &newer, false, Step::Wait(ms(1))),
            (161, &newer, false, Step::Read),
            (170, &old, false, Step::Idle),
            (180, &new, false, Step::Wait(ms(100))),
            (190, &newer, true, Step::Read),
        ] {
            assert_eq!(settle.observe(stamps.clone(), renamed, start + ms(at)), step, "at {at} ms");
        }
        settle.read(newer.clone());
        assert_eq!(settle.observe(newer, false, start + ms(200)), Step::Idle);
        assert_eq!(settle.files().count(), 1);
    }

    #[test]
    fn a_file_that_goes_away_is_a_change_too() {
        let mut settle = Settle::new(stamps("old"));
        let gone: Stamps = vec![(PathBuf::from("downtime.toml"), None)];
        let start = Instant::now();
        assert_eq!(settle.observe(gone.clone(), false, start), Step::Wait(QUIET));
        assert_eq!(settle.observe(gone, false, start + QUIET), Step::Read);
    }

    #[test]
    fn a_file_that_stays_busy_is_told_once() {
        let mut settle = Settle::new(stamps("old"));
        let start = Instant::now();
        let contents: Vec<_> = (0..6).map(|n| stamps(&format!("{n:>n$}"))).collect();
        let steps: Vec<_> = contents
            .into_iter()
            .enumerate()
            .map(|(n, stamps)| settle.observe(stamps, false, start + BUSY * u32::try_from(n).unwrap() / 4))
            .collect();
        let wait = Step::Wait(QUIET);
        assert_eq!(steps, [wait, wait, wait, wait, Step::Busy(QUIET), wait]);
    }
}
