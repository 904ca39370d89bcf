//! The log: to stderr, as `[log]` says.

mod escape;

use std::io::IsTerminal;

use tracing::{error, warn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use self::escape::{EscapedFields, JsonLines};
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::{LogConfig, LogFormat};

/// The log of the process; its level can be changed.
#[derive(Debug)]
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    format: LogFormat,
}

impl Logging {
    /// Begins to log. To be called once.
    pub fn init(log: &LogConfig) -> Self {
        let (filter, handle) = reload::Layer::new(filter(log));
        let registry = tracing_subscriber::registry().with(filter);
        let colour =
            std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let begun = match log.format {
            LogFormat::Text => registry
                .with(
                    fmt::layer()
                        .fmt_fields(EscapedFields)
                        .with_writer(std::io::stderr)
                        .with_ansi(colour)
                        .with_target(false),
                )
                .try_init(),
            LogFormat::Json => registry
                .with(fmt::layer().json().flatten_event(true).with_writer(|| JsonLines(std::io::stderr())))
                .try_init(),
        };
        if let Err(error) = begun {
            warn!("the log was begun before: {error}");
        }
        Self { filter: handle, format: log.format }
    }

    /// Applies what can be changed while it runs: the level.
    pub fn update(&self, log: &LogConfig) {
        if let Err(error) = self.filter.reload(filter(log)) {
            warn!("cannot change the log level: {error}");
        }
        if log.format != self.format {
            warn!("[log] format takes effect at the next start; all else is applied");
        }
    }
}

/// What does not parse was refused when the file was read.
fn filter(log: &LogConfig) -> EnvFilter {
    EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// Logs errors, each in a line.
pub fn log_errors(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Error) {
        error!("{}", diagnostic.summary());
    }
}

/// Logs warnings, each in a line. Notes are for whoever asks.
pub fn log_warnings(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Warning) {
        warn!("{}", diagnostic.summary());
    }
}
