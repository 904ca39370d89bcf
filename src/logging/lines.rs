//! Log lines as their reader expects them: journald gets the priority of each line before it.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::fstat;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::queue::LogQueue;

/// Puts the lines of the log into the queue.
#[derive(Clone, Debug, Default)]
pub(super) struct LogLines {
    pub(super) queue: LogQueue,
    /// True if each line begins with its priority, as journald reads it (sd-daemon(3)).
    pub(super) has_priority: bool,
}

/// Puts the lines of the access log into the queue, whatever the level of the log.
#[derive(Clone, Debug, Default)]
pub struct AccessLines(pub(super) LogLines);

impl AccessLines {
    /// Returns false if the reader adds the time to each line.
    pub fn are_timed(&self) -> bool {
        !self.0.has_priority
    }

    /// Adds a line, which ends with a newline.
    pub fn write(&self, line: &str) {
        self.0.queue.push(prefix(Level::INFO, self.0.has_priority), line.as_bytes());
    }
}

/// Puts a line of one level into the queue.
pub(super) struct LevelLines<'l> {
    queue: &'l LogQueue,
    prefix: &'static str,
}

impl<'l> MakeWriter<'l> for LogLines {
    type Writer = LevelLines<'l>;

    fn make_writer(&'l self) -> LevelLines<'l> {
        LevelLines { queue: &self.queue, prefix: prefix(Level::INFO, self.has_priority) }
    }

    fn make_writer_for(&'l self, metadata: &Metadata<'_>) -> LevelLines<'l> {
        LevelLines { queue: &self.queue, prefix: prefix(*metadata.level(), self.has_priority) }
    }
}

impl io::Write for LevelLines<'_> {
    /// Adds a whole line: the layer writes each at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(self.prefix, line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns what comes before a line of this level.
pub(super) fn prefix(level: Level, has_priority: bool) -> &'static str {
    match level {
        _ if !has_priority => "",
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        _ => "<7>",
    }
}

/// Returns true if `stream` leads to journald, whose `JOURNAL_STREAM` names its device and inode (systemd.exec(5)).
pub(super) fn leads_to_journal(stream: impl AsFd, journal_stream: Option<&str>) -> bool {
    let Some((device, inode)) = journal_stream.and_then(|stream| stream.split_once(':')) else {
        return false;
    };
    fstat(stream).is_ok_and(|stat| device.parse() == Ok(stat.st_dev) && inode.parse() == Ok(stat.st_ino))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn only_the_stream_that_journald_names_leads_there() {
        let file = File::open("/dev/null").unwrap();
        let stat = fstat(&file).unwrap();
        let named = format!("{}:{}", stat.st_dev, stat.st_ino);
        let other = format!("{}:{}", stat.st_dev, stat.st_ino + 1);
        for (journal_stream, expected) in [
            (Some(named.as_str()), true),
            (Some(&other), false),
            (Some("8"), false),
            (Some(""), false),
            (Some("a:b"), false),
            (None, false),
        ] {
            assert_eq!(leads_to_journal(&file, journal_stream), expected, "{journal_stream:?}");
        }
    }

    #[test]
    fn journald_gets_the_priorities_of_syslog() {
        for (level, expected) in [
            (Level::ERROR, "<3>"),
            (Level::WARN, "<4>"),
            (Level::INFO, "<6>"),
            (Level::DEBUG, "<7>"),
            (Level::TRACE, "<7>"),
        ] {
            assert_eq!((prefix(level, true), prefix(level, false)), (expected, ""));
        }
    }
}
