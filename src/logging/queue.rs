//! The way of log lines to stderr: a bounded queue, and a thread that empties it. A thread that logs never waits for the
//! reader of the log, which may be a full pipe, a full disk or a stopped terminal.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use memchr::memchr_iter;
use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};
use tracing::warn;

use crate::plural::counted;

/// The largest queue in bytes. Beyond it, lines are dropped.
const CAPACITY: usize = 1 << 20;
/// How long the thread waits before it writes again, if a stderr that does not block takes nothing now.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// The queue of log lines. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct LogQueue(Arc<SharedQueue>);

#[derive(Debug, Default)]
struct SharedQueue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    /// Whole lines.
    pending: Vec<u8>,
    /// True while the thread writes lines that it has taken.
    is_writing: bool,
    /// The lines that were dropped since the start.
    dropped: u64,
    /// Those that the log has not reported yet.
    unreported: u64,
}

impl LogQueue {
    /// Starts the thread that writes the lines to stderr.
    ///
    /// # Errors
    /// The system gives no thread or descriptor.
    pub(super) fn start() -> io::Result<Self> {
        let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let queue = Self::default();
        let writer = queue.clone();
        let work = move || {
            if replaces_closed(&stderr) { writer.write_to(Closed) } else { writer.write_to(stderr) }
        };
        std::thread::Builder::new().name("log".into()).spawn(work)?;
        Ok(queue)
    }

    /// Adds a line, which ends with a newline, behind `prefix`; drops it if the queue is full.
    pub fn push(&self, prefix: &str, line: &[u8]) {
        let mut state = self.lock();
        if state.pending.len() + prefix.len() + line.len() > CAPACITY {
            state.dropped += 1;
            state.unreported += 1;
            return;
        }
        let was_empty = state.pending.is_empty();
        state.pending.extend_from_slice(prefix.as_bytes());
        state.pending.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.0.changed.notify_all();
        }
    }

    /// Returns the number of lines that were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Waits until all lines are written, at most for `limit`.
    pub fn flush(&self, limit: Duration) {
        let is_busy = |state: &mut QueueState| state.is_writing || !state.pending.is_empty();
        let state = self.lock();
        drop(self.0.changed.wait_timeout_while(state, limit, is_busy));
    }

    fn write_to(&self, mut out: impl Write) {
        let (mut lines, mut is_flowing, mut is_torn) = (Vec::new(), true, false);
        loop {
            let dropped = self.take(&mut lines, is_flowing);
            if dropped > 0 {
                // They came after those that were taken, so the report is in its place.
                let lines = counted(dropped, "line");
                warn!(dropped, "dropped {lines} of the log, which could not be written");
            }
            if is_torn {
                lines.insert(0, b'\n');
            }
            let written = write(&mut out, &lines);
            let (sent, lost) = lines.split_at(written.min(lines.len()));
            is_flowing = lost.is_empty();
            is_torn = sent.last().map_or(is_torn, |last| *last != b'\n');
            self.end_write(memchr_iter(b'\n', lost).count() as u64);
        }
    }

    /// Waits for lines, and moves them to `lines`. Returns the number of dropped lines to report, if the log `is_flowing`.
    fn take(&self, lines: &mut Vec<u8>, is_flowing: bool) -> u64 {
        lines.clear();
        let waiting = self.0.changed.wait_while(self.lock(), |state| state.pending.is_empty());
        let mut state = waiting.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.pending, lines);
        state.is_writing = true;
        if is_flowing { std::mem::take(&mut state.unreported) } else { 0 }
    }

    fn end_write(&self, lost: u64) {
        let mut state = self.lock();
        state.is_writing = false;
        state.dropped += lost;
        state.unreported += lost;
        drop(state);
        self.0.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns true if the gateway was started without a stderr. The standard library then opens `/dev/null` in its place, for reading
/// as well as writing, unlike a shell or systemd that is asked for `/dev/null`.
fn replaces_closed(stderr: &File) -> bool {
    let (Ok(null), Ok(stderr_stat)) = (stat("/dev/null"), fstat(stderr)) else { return false };
    let is_null = (null.st_dev, null.st_ino) == (stderr_stat.st_dev, stderr_stat.st_ino);
    is_null && fcntl_getfl(stderr).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR)
}

/// Takes nothing.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes as much as `out` takes, and returns its length. Less than all means that the rest is lost.
fn write(out: &mut impl Write, bytes: &[u8]) -> usize {
    let mut written = 0;
    while let Some(rest @ [_, ..]) = bytes.get(written..) {
        match out.write(rest) {
            Ok(0) => break,
            Ok(length) => written += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(RETRY_INTERVAL),
            Err(_) => break,
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `space` bytes, and then fails.
    struct FullDisk {
        space: usize,
        taken: Vec<u8>,
    }

    impl Write for FullDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let length = bytes.len().min(self.space);
            if length == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.space -= length;
            self.taken.extend_from_slice(&bytes[..length]);
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_queue_drops_lines_and_counts_them() {
        let queue = LogQueue::default();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        for _ in 0..CAPACITY / line.len() + 3 {
            queue.push("", &line);
        }
        assert_eq!(queue.dropped(), 3);
        let mut lines = Vec::new();
        assert_eq!(queue.take(&mut lines, true), 3);
        assert_eq!(lines.len(), CAPACITY);
        queue.push("<6>", b"a\n");
        assert_eq!((queue.take(&mut lines, true), &*lines), (0, &b"<6>a\n"[..]));
    }

    #[test]
    fn drops_are_not_reported_while_nothing_can_be_written() {
        let queue = LogQueue::default();
        let mut lines = Vec::new();
        queue.push("", b"a\n");
        assert_eq!(queue.take(&mut lines, true), 0);
        queue.end_write(1);
        queue.push("", b"b\n");
        assert_eq!(queue.take(&mut lines, false), 0);
        queue.end_write(0);
        queue.push("", b"c\n");
        assert_eq!(queue.take(&mut lines, true), 1);
    }

    #[test]
    fn a_flush_waits_until_the_lines_are_written_but_not_for_ever() {
        let queue = LogQueue::default();
        queue.flush(Duration::MAX);
        queue.push("", b"a\n");
        queue.flush(Duration::from_millis(1));
        let mut lines = Vec::new();
        queue.take(&mut lines, true);
        let flushing = queue.clone();
        let flush = std::thread::spawn(move || flushing.flush(Duration::from_secs(60)));
        queue.end_write(0);
        flush.join().unwrap();
    }

    #[test]
    fn a_write_ends_where_the_disk_is_full() {
        let mut disk = FullDisk { space: 5, taken: Vec::new() };
        assert_eq!(write(&mut disk, b"one\ntwo\n"), 5);
        assert_eq!(disk.taken, b"one\nt");
    }
}
