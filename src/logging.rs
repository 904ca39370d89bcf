//! The log: to stderr, with the level and format of `[log]`.

mod format;

use std::io::{self, IsTerminal};

use tracing::{error, warn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use self::format::{EscapedFields, JsonLines};
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::{LogConfig, LogFormat};

/// The log of the process.
#[derive(Debug)]
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    format: LogFormat,
}

impl Logging {
    /// Starts logging. Must be called only once.
    pub fn init(log: &LogConfig) -> Self {
        let (filter, handle) = reload::Layer::new(filter(log));
        let registry = tracing_subscriber::registry().with(filter);
        let result = match log.format {
            LogFormat::Text => registry
                .with(
                    fmt::layer()
                        .fmt_fields(EscapedFields)
                        .with_writer(io::stderr)
                        .with_ansi(has_colour(&io::stderr()))
                        .with_target(false),
                )
                .try_init(),
            LogFormat::Json => registry
                .with(fmt::layer().json().flatten_event(true).with_writer(|| JsonLines(io::stderr())))
                .try_init(),
        };
        if let Err(error) = result {
            warn!("cannot start the log: {error}");
        }
        Self { filter: handle, format: log.format }
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
