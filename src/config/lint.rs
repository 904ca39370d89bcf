//! Warnings: what is valid and surely not meant.
//!
//! A file that is sound gets none, since the server prints them at each reload. What is only good to know is a note.

mod addresses;
mod cover;
mod durations;
mod exemptions;
mod hosts;
mod local_times;
pub(super) mod markup;
mod methods;
mod networks;
mod overlaps;
mod paths;
mod search_engines;
mod series;
mod templates;

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use toml::Spanned;

use super::Config;
use super::diagnostic::Severity;
use super::document::{Document, PeriodTable};
use super::report::Report;
use crate::invalid_value::InvalidValue;
use crate::schedule::period::{Period, Timing};

/// No more lines than this stand in one note.
const MAX_LINES: usize = 10;

/// What the advice on a file depends on beside the file.
#[derive(Clone, Debug)]
pub struct LintContext {
    /// The moment at which the file is judged.
    pub now: Timestamp,
    /// The time zone of the machine's clock.
    pub machine_zone: TimeZone,
    /// Whether the file is mounted by itself, as a container's bind mount of one file is.
    pub is_mount_point: bool,
}

impl LintContext {
    /// The advice at `now` on a machine with nothing special about it.
    pub fn new(now: Timestamp) -> Self {
        Self { now, machine_zone: TimeZone::UTC, is_mount_point: false }
    }
}

/// What is looked at: the file as written and as understood, and what else counts.
struct LintInput<'a> {
    document: &'a Document,
    config: &'a Config,
    report: &'a Report,
    context: &'a LintContext,
    /// Of each period, whether it is active or will be.
    live: Vec<bool>,
}

/// Warns of what is probably not meant in a valid document.
pub(super) fn lint(document: &Document, config: &Config, report: &Report, context: &LintContext) {
    let periods = config.rules.schedule.periods();
    let live = periods.iter().map(|period| period.enabled && !period.is_over(context.now)).collect();
    let subject = LintInput { document, config, report, context, live };
    lint_mount(&subject);
    addresses::lint(&subject);
    networks::lint(&subject);
    exemptions::lint(&subject);
    series::lint(&subject);
    overlaps::lint(&subject);
    hosts::lint(&subject);
    methods::lint(&subject);
    paths::lint(&subject);
    templates::lint(&subject);
    durations::lint(&subject);
    local_times::lint(&subject);
    search_engines::lint(&subject);
    subject.note_what_is_over();
}

/// An edit that replaces a file is not seen through a mount of the file itself, which stays on the old one.
fn lint_mount(subject: &LintInput<'_>) {
    if subject.context.is_mount_point {
        let message = "this file is mounted by itself: an edit outside that replaces it, as most editors do, is never seen";
        subject.warn(0..0, message, "mount its directory instead");
    }
}

impl<'a> LintInput<'a> {
    /// The moment at which the file is judged.
    fn now(&self) -> Timestamp {
        self.context.now
    }

    /// Each period, as written and as understood.
    fn periods(&self) -> impl Iterator<Item = (&'a PeriodTable, &'a Period)> {
        self.document.periods.iter().zip(self.config.rules.schedule.periods())
    }

    /// Those of them that are active, or will be.
    fn live_periods(&self) -> impl Iterator<Item = (&'a PeriodTable, &'a Period)> {
        self.periods().zip(&self.live).filter(|(_, live)| **live).map(|(both, _)| both)
    }

    fn warn(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.tell(Severity::Warning, span, message, help);
    }

    /// As [`Self::warn`]; the message and the help are made only if they will be shown.
    fn warn_with<H: Into<String>>(&self, span: Range<usize>, text: impl FnOnce() -> (String, H)) {
        self.report.warning_with(span, || {
            let (message, help) = text();
            InvalidValue::new(message, help)
        });
    }

    /// Says in a note what was not looked at.
    fn note(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.report.add(Severity::Note, span, message.into(), help.into());
    }

    fn tell(
        &self,
        severity: Severity,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report.add(severity, span, message.into(), help.into());
    }

    fn note_what_is_over(&self) {
        let over: Vec<_> =
            self.periods().filter(|(_, period)| self.is_over(period)).map(|(table, _)| table).collect();
        let Some(first) = over.first() else { return };
        let lines: Vec<_> =
            over.iter().take(MAX_LINES).map(|table| self.report.line(&table.span).to_string()).collect();
        let more = match over.len() - lines.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let lines = lines.join(", ");
        let message = match over.len() {
            1 => "this period is over".to_owned(),
            count => format!("{count} periods are over: those at lines {lines}{more}"),
        };
        let help = "remove what is over, or leave it as a record: it has no effect";
        self.report.add(Severity::Note, first.span.clone(), message, help.into());
    }

    /// A series whose `end` has passed is warned of by itself.
    fn is_over(&self, period: &Period) -> bool {
        let ended = |at: Timestamp| at <= self.now();
        match &period.timing {
            Timing::Once(occurrence) => occurrence.is_over(self.now()),
            Timing::Series(series) => {
                !series.until.is_some_and(ended)
                    && series.last_start(self.now()).is_some()
                    && period.is_over(self.now())
            }
        }
    }
}

/// Where a period says when it starts.
fn place(table: &PeriodTable) -> Range<usize> {
    let cron = table.cron.as_ref().map(Spanned::span);
    cron.or_else(|| table.start.as_ref().map(Spanned::span)).unwrap_or(table.span.clone())
}

/// How messages call a period: by its name and line, or its line.
fn title(period: &Period) -> String {
    match &period.name {
        Some(name) => format!("\"{name}\" (line {})", period.line),
        None => period.title(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The notes on a file, as they stand on a day in 2026.
    fn notes(text: &str) -> Vec<String> {
        let mut reading =
            Config::read("downtime.toml", text, Path::new("/"), &|_| Err("there is none".into()));
        assert!(reading.config.is_some(), "{:?}", reading.diagnostics.first());
        reading.lint(&LintContext::new("2026-06-01T00:00:00Z".parse().unwrap()));
        let notes = reading.diagnostics.into_iter().filter(|found| found.severity == Severity::Note);
        notes.map(|note| note.message).collect()
    }

    fn list(items: impl Iterator<Item = String>) -> String {
        format!("[{}]", items.map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(","))
    }

    /// Two open-ended periods, each with a list of this key.
    fn two_periods(key: &str, item: impl Fn(&str, usize) -> String, count: usize) -> String {
        let period = |name: &str| {
            let items = list((0..count).map(|index| item(name, index)));
            format!("[[period]]\nstart = 2026-01-01T00:00:00Z\n{key} = {items}\n")
        };
        period("a") + &period("b")
    }

    #[test]
    fn what_there_is_too_much_of_is_not_looked_at_and_that_is_said() {
        const OVERLAPS: &str =
            "not every overlap is shown: too many periods run at once, or they have too many rules";
        let paths = |count| two_periods("paths", |name, index| format!("/*/{name}{index}/**"), count);
        let hosts = |count| two_periods("hosts", |name, index| format!("{name}{index}.example"), count);
        let series = |count: usize| {
            let starts =
                (0..count).map(|index| format!("2026-05-01T{:02}:{:02}:00", index / 60 % 24, index % 60));
            let starts = starts.collect::<Vec<_>>().join(",");
            format!("[[period]]\ncron = \"* * * * *\"\nfor = \"1m\"\nexcept = [{starts}]\n")
        };
        let exceptions = "not every exception was checked: no more than 2000 of a file are";
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
