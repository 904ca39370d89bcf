//! Warns of settings that are valid but probably mistakes.
//!
//! The gateway prints the warnings at each reload, so a sound file must get none. Mere information is a note.

mod accent;
mod addresses;
mod admin;
mod bypasses;
mod certificates;
mod cover;
mod durations;
mod exemptions;
mod hooks;
mod hosts;
mod local_times;
mod markup;
mod methods;
mod mounts;
mod networks;
mod overlaps;
mod past_periods;
mod paths;
mod probes;
mod search_engines;
mod series;
mod stop;
mod templates;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use toml::Spanned;

use super::Config;
use super::diagnostic::{Severity, Source};
use super::document::{Document, PeriodTable};
use super::parse::ParsedTexts;
use super::report::Report;
use crate::invalid_value::InvalidValue;
use crate::schedule::period::Period;

/// The circumstances that the linter takes into account besides the file.
#[derive(Clone, Debug)]
pub struct LintContext {
    /// The time at which the file is checked.
    pub now: Timestamp,
    /// The time of the machine's clock: what is over at a later time of the check may be to come.
    pub clock: Timestamp,
    /// The time zone of the machine's clock.
    pub machine_zone: TimeZone,
    /// True if the file itself is a mount point, as in a container that bind-mounts a single file.
    pub is_mount_point: bool,
    /// True if the periods file is one.
    pub is_periods_file_mount_point: bool,
    /// The limit for a stop, if a unit of systemd runs the gateway with this file.
    pub stop_limit: Option<StopLimit>,
    /// What is wrong with the files that `[admin]` names.
    pub admin_faults: Vec<FileFault>,
    /// What is wrong with the programs of `[hooks]`.
    pub command_faults: Vec<FileFault>,
    /// What is wrong with the secrets of webhooks, each with the number of the webhook.
    pub secret_faults: Vec<(usize, FileFault)>,
}

/// What is wrong with a file that `[admin]`, `[hooks]` or `[[webhook]]` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// The key that names it.
    pub key: &'static str,
    /// What is wrong. It names the file.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// The time that systemd waits for the gateway to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopLimit {
    /// The time.
    pub limit: Duration,
    /// The unit or the drop-in that sets it.
    pub source: PathBuf,
}

impl LintContext {
    /// Creates the context of a check at `now`, on a machine in UTC, of a file that is not a mount point and that no
    /// unit names.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            clock: now,
            machine_zone: TimeZone::UTC,
            is_mount_point: false,
            is_periods_file_mount_point: false,
            stop_limit: None,
            admin_faults: Vec::new(),
            command_faults: Vec::new(),
            secret_faults: Vec::new(),
        }
    }
}

/// Everything a check needs: the document, the config made from it, and the context.
struct LintInput<'a> {
    document: &'a Document,
    /// The texts of the templates.
    templates: &'a [Arc<Source>],
    config: &'a Config,
    report: &'a Report,
    context: &'a LintContext,
    /// For each period, true if it is active or will be.
    live: Vec<bool>,
}

/// Adds warnings and notes about a valid document to the report.
pub(super) fn lint(parsed: &ParsedTexts, config: &Config, context: &LintContext) {
    let ParsedTexts { document, report, templates } = parsed;
    let periods = config.rules.schedule.periods();
    let live = periods.iter().map(|period| period.enabled && !period.is_over(context.now)).collect();
    let input = LintInput { document, templates, config, report, context, live };
    mounts::lint(&input);
    accent::lint(&input);
    addresses::lint(&input);
    admin::lint(&input);
    certificates::lint(&input);
    networks::lint(&input);
    exemptions::lint(&input);
    series::lint(&input);
    overlaps::lint(&input);
    hosts::lint(&input);
    methods::lint(&input);
    paths::lint(&input);
    templates::lint(&input);
    markup::lint(&input);
    durations::lint(&input);
    local_times::lint(&input);
    search_engines::lint(&input);
    probes::lint(&input);
    bypasses::lint(&input);
    hooks::lint(&input);
    stop::lint(&input);
    past_periods::lint(&input);
}

impl<'a> LintInput<'a> {
    /// Returns the time at which the file is checked.
    fn now(&self) -> Timestamp {
        self.context.now
    }

    /// Returns the time at which the file is checked, but none that is to come.
    fn past(&self) -> Timestamp {
        self.context.now.min(self.context.clock)
    }

    /// Returns each period, as its table in the document and as parsed.
    fn periods(&self) -> impl Iterator<Item = (&'a PeriodTable, &'a Period)> {
        self.document.periods.iter().zip(self.config.rules.schedule.periods())
    }

    /// Returns the periods that are active or will be.
    fn live_periods(&self) -> impl Iterator<Item = (&'a PeriodTable, &'a Period)> {
        self.periods().zip(&self.live).filter(|(_, live)| **live).map(|(both, _)| both)
    }

    fn warn(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, span, message, help);
    }

    /// Like [`Self::warn`], but makes the message and the help only if they will be shown.
    fn warn_with<H: Into<String>>(&self, span: Range<usize>, text: impl FnOnce() -> (String, H)) {
        self.report.warning_with(span, || {
            let (message, help) = text();
            InvalidValue::new(message, help)
        });
    }

    fn note(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Note, span, message, help);
    }

    fn add(
        &self,
        severity: Severity,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report.add(severity, span, message.into(), help.into());
    }
}

/// Returns the place of the key that sets the start of a period.
fn start_place(table: &PeriodTable) -> Range<usize> {
    let cron = table.cron.as_ref().map(Spanned::span);
    cron.or_else(|| table.start.as_ref().map(Spanned::span)).unwrap_or(table.span.clone())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Returns the notes on a file, checked in June 2026.
    fn notes(text: &str) -> Vec<String> {
        let mut reading =
            Config::parse("downtime.toml", text, Path::new("/"), &|_| Err("no such file".into()));
        assert!(reading.config.is_some(), "{:?}", reading.diagnostics.first());
        reading.lint(&LintContext::new("2026-06-01T00:00:00Z".parse().unwrap()));
        let notes = reading.diagnostics.into_iter().filter(|found| found.severity == Severity::Note);
        notes.map(|note| note.message).collect()
    }

    fn list(items: impl Iterator<Item = String>) -> String {
        format!("[{}]", items.map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(","))
    }

    /// Returns two open-ended periods, each with a list of this key.
    fn two_periods(key: &str, item: impl Fn(&str, usize) -> String, count: usize) -> String {
        let period = |name: &str| {
            let items = list((0..count).map(|index| item(name, index)));
            format!("[[period]]\nstart = 2026-01-01T00:00:00Z\n{key} = {items}\n")
        };
        period("a") + &period("b")
    }

    #[test]
    fn a_note_says_what_the_linter_skipped_because_there_was_too_much_of_it() {
        const OVERLAPS: &str =
            "some overlaps are not shown: too many periods are active at once, or they have too many rules";
        let paths = |count| two_periods("paths", |name, index| format!("/*/{name}{index}/**"), count);
        let hosts = |count| two_periods("hosts", |name, index| format!("{name}{index}.example"), count);
        let series = |count: usize| {
            let starts =
                (0..count).map(|index| format!("2026-05-01T{:02}:{:02}:00", index / 60 % 24, index % 60));
            let starts = starts.collect::<Vec<_>>().join(",");
            format!("[[period]]\ncron = \"* * * * *\"\nfor = \"1m\"\nexcept = [{starts}]\n")
        };
        let exceptions = "only the first 2000 exceptions of the file were checked";
        for (text, expected) in [
            (paths(10), &[][..]),
            (paths(1_000), &[OVERLAPS]),
            (hosts(1_000), &[]),
            (hosts(2_000), &[OVERLAPS]),
            (series(2_000), &[]),
            (series(2_001), &[exceptions]),
        ] {
            assert_eq!(notes(&text), expected, "{}", text.get(..200).unwrap_or(&text));
        }
    }
}
