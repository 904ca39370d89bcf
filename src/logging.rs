//! The log: to stderr, with the level and format of `[log]`.

mod format;
mod lines;
mod queue;

use std::io::{self, IsTerminal};
use std::time::Duration;

use tracing::{error, warn};
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

/// How long the last lines of the log may take when the process ends.
pub const LOG_TIMEOUT: Duration = Duration::from_secs(1);

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
        let (filter, handle) = reload::Layer::new(filter(log));
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
        if let Err(error) = self.filter.reload(filter(log)) {
            warn!("cannot change the log level: {error}");
        }
        if log.format != self.format {
            warn!("[log] format takes effect at the next start; everything else is applied");
        }
    }
}

/// Returns the layer that formats the lines. Those of text have no time if journald adds its own.
fn layer<S>(format: LogFormat, lines: LogLines) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s>,
{
    let is_timed = !lines.has_priority;
    match format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(JsonLines(lines)).boxed(),
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
fn filter(log: &LogConfig) -> EnvFilter {
    EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// Logs each error on a line of its own.
pub fn log_errors(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Error) {
        error!("{}", diagnostic.summary());
    }
}

/// Logs each warning on a line of its own. Notes are only shown by commands.
pub fn log_warnings(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Warning) {
        warn!("{}", diagnostic.summary());
    }
}
