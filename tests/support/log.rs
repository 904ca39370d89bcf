//! The output of a running process, line by line.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::DEADLINE;

/// The lines of a stream, read by a thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<LogLines>, Condvar)>);

#[derive(Default)]
struct LogLines {
    all: Vec<String>,
    /// The number of lines that were awaited or skipped.
    consumed: usize,
    ended: bool,
}

impl Log {
    pub(crate) fn new(stream: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let writer = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                writer.change(|lines| lines.all.push(line));
            }
            writer.change(|lines| lines.ended = true);
        });
        log
    }

    /// Waits for the next line that the predicate accepts, and skips the lines before it.
    pub(crate) fn wait_for_line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.wait_within(DEADLINE, what, wanted)
    }

    /// As [`Log::wait_for_line`], with a longer deadline.
    pub(crate) fn wait_within(&self, limit: Duration, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let found = |lines: &mut LogLines| {
            let at = lines.consumed + lines.all[lines.consumed..].iter().position(|line| wanted(line))?;
            lines.consumed = at + 1;
            lines.all.get(at).cloned()
        };
        self.wait(limit, found).unwrap_or_else(|| panic!("no line {what:?} in:\n{}", self.text()))
    }

    /// Waits for a line that contains a text.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_for_line(text, |line| line.contains(text))
    }

    /// Waits until the process has ended, and returns its output.
    pub(crate) fn wait_for_end(&self) -> String {
        assert!(self.has_ended_within(DEADLINE), "the process is still running:\n{}", self.text());
        self.text()
    }

    /// Waits for this time, or until the process has ended. Returns true if it has.
    pub(crate) fn has_ended_within(&self, limit: Duration) -> bool {
        self.wait(limit, |lines| lines.ended.then_some(())).is_some()
    }

    /// Returns the output so far.
    pub(crate) fn text(&self) -> String {
        self.lock().all.join("\n")
    }

    /// Counts the lines so far that contain a text.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.lock().all.iter().filter(|line| line.contains(text)).count()
    }

    fn wait<T>(&self, limit: Duration, mut found: impl FnMut(&mut LogLines) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut lines = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match found(&mut lines) {
                None if !lines.ended && !left.is_zero() => {}
                found => return found,
            }
            lines = self.0.1.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn change(&self, change: impl FnOnce(&mut LogLines)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, LogLines> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
