//! The log: to stderr, with the level and format of `[log]`.

mod format;
mod lines;
mod queue;

use std::io::{self, IsTerminal};
use std::time::Duration;

use tracing::warn;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use self::format::{EscapedFields, JsonLines};
pub use self::lines::AccessLines;
use self::lines::{LogLines, leads_to_journal};
pub use self::queue::LogQueue;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::{LogConfig, LogFormat};
use crate::plural::counted;

/// How long the last lines of the log may take when the process ends.
pub const LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// Where an operator finds the errors that [`first_error`] only counts.
pub const SHOWN_BY_CHECK: &str = ", which `downtime --check` shows";

/// The log of the process.
#[derive(Debug)]
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
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
        let (filter, handle) = reload::Layer::new(filter(&log.level));
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
        if let Err(error) = self.filter.reload(filter(&log.level)) {
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

/// Parses the level. One that does not parse was already rejected with the file.
///
/// h2, the library behind hyper, warns each time a client does something wrong, without the client's address. At the levels `info` and
/// `warn` its warnings are left out, unless the filter names h2: the gateway logs what it does then, once a minute.
fn filter(level: &str) -> EnvFilter {
    let parsed = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let default = level.split(',').rev().find_map(|part| part.trim().parse::<LevelFilter>().ok());
    let would_warn = matches!(default, Some(LevelFilter::INFO | LevelFilter::WARN));
    if !would_warn || level.contains("h2") {
        return parsed;
    }
    match "h2=error".parse() {
        Ok(quiet) => parsed.add_directive(quiet),
        Err(_) => parsed,
    }
}

/// Returns the number of errors, and a text for one line of the log: the first of them, and how many more there are, followed
/// by `remedy`. None if there are no errors.
pub fn first_error(diagnostics: &[Diagnostic], remedy: &str) -> Option<(usize, String)> {
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    let (first, others) = errors.split_first()?;
    let more = match others.len() {
        0 => String::new(),
        count => format!("; and {}{remedy}", counted(count, "more error")),
    };
    Some((errors.len(), first.summary() + &more))
}

/// Logs each warning on a line of its own. Notes are only shown by commands.
pub fn log_warnings(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Warning) {
        warn!("{}", diagnostic.summary());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_library_for_http_2_is_logged_only_where_the_filter_asks_for_it() {
        for (level, expected) in [
            ("info", "info,h2=error"),
            ("warn", "warn,h2=error"),
            ("info,downtime::watch=debug", "info,downtime::watch=debug,h2=error"),
            ("debug", "debug"),
            ("TRACE", "trace"),
            ("info,h2=debug", "info,h2=debug"),
            ("info,h2::proto=warn", "info,h2::proto=warn"),
            ("off", "off"),
            ("error", "error"),
            ("downtime=info", "downtime=info"),
        ] {
            let parts = |text: &str| text.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
            assert_eq!(parts(&filter(level).to_string()), parts(expected), "{level}");
        }
    }

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
