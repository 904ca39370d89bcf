//! Periods of downtime: when each is active, and when it is active next.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::matching::scope::Scope;
pub use crate::schedule::occurrence::Occurrence;
use crate::schedule::series::Series;

/// A period of downtime: one `[[period]]` of the file.
#[derive(Clone, Debug)]
pub struct Period {
    /// Its name for operators, unique in the file.
    pub name: Option<String>,
    /// The line of the file on which it begins, from 1.
    pub line: usize,
    /// The name of the periods file, if it is there and not in the main file.
    pub file: Option<Arc<str>>,
    /// False if it is never active.
    pub enabled: bool,
    /// True if `start` created it for now: `end` without a name ends it, even before its end.
    pub unscheduled: bool,
    /// Its occurrences.
    pub timing: Timing,
    /// The requests that it covers.
    pub scope: Scope,
}

/// The occurrences of a period.
#[derive(Clone, Debug)]
pub enum Timing {
    /// Once.
    Once(Occurrence),
    /// Repeatedly.
    Series(Box<Series>),
}

/// The phase of a period at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodPhase {
    /// It is disabled, and never active.
    NotEnabled,
    /// One of its occurrences is active.
    Active,
    /// Its next occurrence has not started.
    ToCome,
    /// It will not be active again.
    Over,
}

impl PeriodPhase {
    /// Returns the words for it in messages and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotEnabled => "not enabled",
            Self::Active => "active",
            Self::ToCome => "to come",
            Self::Over => "over",
        }
    }
}

impl Period {
    /// Returns its phase at `at`.
    pub fn phase(&self, at: Timestamp) -> PeriodPhase {
        if !self.enabled {
            PeriodPhase::NotEnabled
        } else if self.active(at).is_some() {
            PeriodPhase::Active
        } else if self.is_over(at) {
            PeriodPhase::Over
        } else {
            PeriodPhase::ToCome
        }
    }

    /// Returns its series, if it is recurring.
    pub fn series(&self) -> Option<&Series> {
        match &self.timing {
            Timing::Once(_) => None,
            Timing::Series(series) => Some(series),
        }
    }

    /// Returns the active occurrence at `at`, if the period is enabled. If occurrences of a series overlap, it is the one that
    /// ends last.
    pub fn active(&self, at: Timestamp) -> Option<Occurrence> {
        let begun = match &self.timing {
            Timing::Once(occurrence) => Some(*occurrence),
            Timing::Series(series) => series.last_start(at).map(|start| series.occurrence(start)),
        };
        begun.filter(|occurrence| self.enabled && occurrence.contains(at))
    }

    /// Returns the first occurrence that starts after `at`.
    pub fn next(&self, at: Timestamp) -> Option<Occurrence> {
        let next = match &self.timing {
            Timing::Once(occurrence) => Some(*occurrence).filter(|occurrence| occurrence.start > at),
            Timing::Series(series) => series.next_start(at).map(|start| series.occurrence(start)),
        };
        next.filter(|_| self.enabled)
    }

    /// Returns the occurrences that start after `at`, in order.
    pub fn upcoming(&self, at: Timestamp) -> impl Iterator<Item = Occurrence> {
        std::iter::successors(self.next(at), |occurrence| self.next(occurrence.start))
    }

    /// Returns true if it is not active at `at` or later. It does not matter if it is enabled.
    pub fn is_over(&self, at: Timestamp) -> bool {
        match &self.timing {
            Timing::Once(occurrence) => occurrence.is_over(at),
            Timing::Series(series) => {
                let running =
                    series.last_start(at).is_some_and(|start| series.occurrence(start).contains(at));
                !running && series.next_start(at).is_none()
            }
        }
    }

    /// Returns the time zone of its times: that of its series, or the one of the file.
    pub fn zone<'z>(&'z self, of_file: &'z TimeZone) -> &'z TimeZone {
        self.series().map_or(of_file, |series| &series.zone)
    }

    /// Returns its only occurrence, if it is one-off.
    pub fn once(&self) -> Option<Occurrence> {
        match self.timing {
            Timing::Once(occurrence) => Some(occurrence),
            Timing::Series(_) => None,
        }
    }

    /// Returns its name in quotes, or its line, for use in messages.
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("\"{name}\""),
            None => format!("the period at {}", self.place()),
        }
    }

    /// Returns its name and its place, or only its place, for use in messages.
    pub fn full_title(&self) -> String {
        let place = self.name.as_ref().map_or(String::new(), |_| format!(" ({})", self.place()));
        self.title() + &place
    }

    /// Returns its line, and its file if that is not the main file.
    pub fn place(&self) -> String {
        match &self.file {
            Some(file) => format!("line {} of {file}", self.line),
            None => format!("line {}", self.line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn period(enabled: bool, start: i64, end: Option<i64>) -> Period {
        let occurrence = Occurrence { start: at(start), end: end.map(at) };
        Period {
            name: None,
            line: 7,
            file: None,
            enabled,
            unscheduled: false,
            timing: Timing::Once(occurrence),
            scope: Scope::default(),
        }
    }

    #[test]
    fn a_period_is_active_from_its_start_until_just_before_its_end() {
        for (now, active) in [(9, false), (10, true), (19, true), (20, false), (21, false)] {
            assert_eq!(period(true, 10, Some(20)).active(at(now)).is_some(), active, "{now}");
        }
    }

    #[test]
    fn an_open_ended_period_stays_active() {
        for (now, active) in [(9, false), (10, true), (i64::from(i32::MAX), true)] {
            assert_eq!(period(true, 10, None).active(at(now)).is_some(), active, "{now}");
        }
        assert!(!period(true, 10, None).is_over(Timestamp::MAX));
    }

    #[test]
    fn a_disabled_period_is_never_active_and_never_next() {
        assert_eq!(period(false, 10, Some(20)).active(at(15)), None);
        assert_eq!(period(false, 10, Some(20)).next(at(5)), None);
    }

    #[test]
    fn the_next_occurrence_starts_after_now() {
        for (now, next) in [(9, true), (10, false), (15, false), (20, false)] {
            assert_eq!(period(true, 10, Some(20)).next(at(now)).is_some(), next, "{now}");
        }
    }

    #[test]
    fn a_period_is_over_at_its_end() {
        for (now, over) in [(9, false), (19, false), (20, true)] {
            assert_eq!(period(true, 10, Some(20)).is_over(at(now)), over, "{now}");
        }
    }

    #[test]
    fn an_enabled_period_is_to_come_then_active_then_over() {
        for (enabled, now, phase, words) in [
            (true, 9, PeriodPhase::ToCome, "to come"),
            (true, 10, PeriodPhase::Active, "active"),
            (true, 19, PeriodPhase::Active, "active"),
            (true, 20, PeriodPhase::Over, "over"),
            (false, 15, PeriodPhase::NotEnabled, "not enabled"),
            (false, 20, PeriodPhase::NotEnabled, "not enabled"),
        ] {
            let found = period(enabled, 10, Some(20)).phase(at(now));
            assert_eq!((found, found.as_str()), (phase, words), "{enabled} {now}");
        }
    }

    #[test]
    fn a_period_without_a_name_has_its_line_as_title() {
        assert_eq!(period(true, 1, None).title(), "the period at line 7");
        let elsewhere = Period { file: Some("periods.toml".into()), ..period(true, 1, None) };
        assert_eq!(elsewhere.title(), "the period at line 7 of periods.toml");
        assert_eq!(elsewhere.full_title(), elsewhere.title());
        let named = Period { name: Some("db".into()), ..period(true, 1, None) };
        assert_eq!(named.title(), "\"db\"");
        assert_eq!(named.full_title(), "\"db\" (line 7)");
    }
}
