//! The log: to stderr, with the level and format of `[log]`.

mod format;
mod lines;
mod queue;

use std::io::{self, IsTerminal};
use std::time::Duration;

use tracing::warn;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use self::format::{EscapedFields, JsonLines};
pub use self::lines::AccessLines;
use self::lines::{LogLines, leads_to_journal};
pub use self::queue::LogQueue;
use crate::config::diagnostic::{Diagnostic, Severity, errors};
use crate::config::{LogConfig, LogFormat};
use crate::plural::counted;

/// How long the last lines of the log may take when the process ends.
pub const LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// Where an operator finds the errors that [`first_error`] only counts.
pub const SHOWN_BY_CHECK: &str = ", which `downtime --check` shows";

/// The log of the process.
#[derive(Debug)]
pub struct Logging {
    filter: reload::Handle<Targets, Registry>,
    format: LogFormat,
    lines: LogLines,
}

impl Logging {
    /// Starts logging. Must be called only once.
    ///
    /// # Errors
    /// The system gives no thread or descriptor for it.
    pub fn init(log: &LogConfig) -> io::Result<Self> {
        let queue = LogQueue::start()?;
        let journal_stream = std::env::var("JOURNAL_STREAM").ok();
        let has_priority = leads_to_journal(io::stderr(), journal_stream.as_deref());
        let lines = LogLines { queue, has_priority };
        let (filter, handle) = reload::Layer::new(log.filter.clone());
        let registry = tracing_subscriber::registry().with(filter);
        if let Err(error) = registry.with(layer(log.format, lines.clone())).try_init() {
            warn!("cannot start the log: {error}");
        }
        Ok(Self { filter: handle, format: log.format, lines })
    }

    /// The queue of its lines.
    pub fn queue(&self) -> &LogQueue {
        &self.lines.queue
    }

    /// The lines of the access log.
    pub fn access_lines(&self) -> AccessLines {
        AccessLines(self.lines.clone())
    }

    /// Applies a new level. A new format needs a restart.
    pub fn update(&self, log: &LogConfig) {
        if let Err(error) = self.filter.reload(log.filter.clone()) {
            warn!("cannot change the log level: {error}");
        }
        if log.format != self.format {
            warn!("[log] format takes effect at the next start; everything else is applied");
        }
    }
}

/// Returns the layer that formats the lines. They have no time if journald adds its own.
fn layer<S>(format: LogFormat, lines: LogLines) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s>,
{
    let is_timed = !lines.has_priority;
    match format {
        LogFormat::Json => {
            let layer = fmt::layer().json().flatten_event(true).with_writer(JsonLines(lines));
            if is_timed { layer.boxed() } else { layer.without_time().boxed() }
        }
        LogFormat::Text => {
            let layer = fmt::layer().fmt_fields(EscapedFields).with_writer(lines);
            let layer = layer.with_ansi(has_colour(&io::stderr())).with_target(false);
            if is_timed { layer.boxed() } else { layer.without_time().boxed() }
        }
    }
}

/// Returns true if output to the stream may be coloured: it is a terminal, and `NO_COLOR` is not set (no-color.org).
pub fn has_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns the number of errors, and a text for one line of the log: the first of them, and how many more there are, followed
/// by `remedy`. None if there are no errors.
pub fn first_error(diagnostics: &[Diagnostic], remedy: &str) -> Option<(usize, String)> {
    let mut errors = errors(diagnostics);
    let first = errors.next()?.summary();
    Some(match errors.count() {
        0 => (1, first),
        others => (1 + others, format!("{first}; and {}{remedy}", counted(others, "more error"))),
    })
}

/// Logs each warning on a line of its own. Notes are only shown by commands.
pub fn log_warnings(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Warning) {
        warn!("{}", diagnostic.summary());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_error_is_described_and_the_others_are_counted() {
        let error = |message: &str| Diagnostic::for_file(message, "help");
        let warning = || Diagnostic { severity: Severity::Warning, ..error("w") };
        for (diagnostics, expected) in [
            (vec![], None),
            (vec![warning()], None),
            (vec![warning(), error("a")], Some((1, "a (help)"))),
            (vec![error("a"), warning(), error("b")], Some((2, "a (help); and 1 more error: see"))),
            (vec![error("a"), error("b"), error("c")], Some((3, "a (help); and 2 more errors: see"))),
        ] {
            let found = first_error(&diagnostics, ": see");
            assert_eq!(found.as_ref().map(|(count, text)| (*count, text.as_str())), expected);
        }
    }
}
