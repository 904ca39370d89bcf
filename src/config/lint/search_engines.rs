//! What search engines make of a downtime.
//!
//! Of a server error for `/robots.txt` a crawler concludes that it may fetch nothing (RFC 9309 2.3.1.4), and pages that
//! answer 503 for more than one or two days may be dropped from Google's index
//! (<https://developers.google.com/search/docs/crawling-indexing/reduce-crawl-rate>).

use std::ops::Range;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;

use super::durations::has_months;
use super::{LintInput, place};
use crate::config::Site;
use crate::config::document::PeriodTable;
use crate::matching::path::RequestPath;
use crate::matching::request::Request;
use crate::schedule::period::{Period, Timing};

/// A downtime of more than this may have pages dropped.
const TOLERATED: SignedDuration = SignedDuration::from_hours(48);
const ROBOTS: &str = "/robots.txt";

pub(super) fn lint(subject: &LintInput<'_>) {
    lint_robots(subject);
    for (table, period) in subject.live_periods() {
        lint_length(table, period, subject);
    }
}

/// Warns once, at the first period that takes down the rules for crawlers of a site.
fn lint_robots(subject: &LintInput<'_>) {
    let exempt = &subject.config.rules.exemptions;
    if subject.config.site == Site::Welcome || exempt.find(&RequestPath::new(ROBOTS), None).is_some() {
        return;
    }
    let mut covering = subject.live_periods().filter(|(_, period)| covers_robots(period));
    if let Some((table, _)) = covering.next() {
        let message = "search engines that get an error for /robots.txt stop crawling the whole site";
        let help = "add \"/robots.txt\" to `exact` in [exempt], if the site can still serve it";
        subject.warn(place(table), message, help);
    }
}

fn covers_robots(period: &Period) -> bool {
    // A request without a host is covered by every list of hosts.
    period.scope.covers(&Request::new(&Method::GET, RequestPath::new(ROBOTS)))
}

fn lint_length(table: &PeriodTable, period: &Period, subject: &LintInput<'_>) {
    let covers_get = period.scope.methods.as_ref().is_none_or(|methods| methods.contains(&Method::GET));
    if !covers_get || has_months(&table.duration) {
        return;
    }
    if let Some((span, lasts)) = too_long(table, period, subject.now()) {
        let message = format!("this {lasts} more than 48 h: search engines may drop the pages that are down");
        let help = "end it within 48 h, or exempt the pages that have to be found meanwhile";
        subject.warn(span, message, help);
    }
}

/// Where it is said how long a period lasts that is too long, and whether it has lasted so already.
fn too_long(table: &PeriodTable, period: &Period, now: Timestamp) -> Option<(Range<usize>, &'static str)> {
    let length = || table.duration.as_ref().map(Spanned::span);
    let end = || table.end.as_ref().map(Spanned::span);
    let start = || table.start.as_ref().map(Spanned::span);
    let (span, lasts, verb) = match &period.timing {
        Timing::Series(series) => (length(), series.length, "lasts"),
        Timing::Once(once) => match once.end {
            Some(end_at) => (length().or_else(end), end_at.duration_since(once.start), "lasts"),
            None => (start(), now.duration_since(once.start), "has lasted"),
        },
    };
    span.filter(|_| lasts > TOLERATED).map(|span| (span, verb))
}
