//! Warns of downtime that harms the site's ranking in search engines.
//!
//! A crawler that gets a server error for `/robots.txt` must assume that it may fetch nothing (RFC 9309, section
//! 2.3.1.4), and Google may drop pages from its index that return 503 for more than one or two days
//! (<https://developers.google.com/search/docs/crawling-indexing/reduce-crawl-rate>).

use std::ops::Range;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;

use super::durations::has_months;
use super::{LintInput, start_place};
use crate::config::Site;
use crate::config::document::PeriodTable;
use crate::matching::path::RequestPath;
use crate::matching::request::Request;
use crate::schedule::period::{Period, Timing};

/// Search engines tolerate a downtime of this length.
const MAX_LENGTH: SignedDuration = SignedDuration::from_hours(48);
const ROBOTS: &str = "/robots.txt";

pub(super) fn lint(input: &LintInput<'_>) {
    lint_robots(input);
    for (table, period) in input.live_periods() {
        lint_length(table, period, input);
    }
}

/// Warns of the first period that covers `/robots.txt`.
fn lint_robots(input: &LintInput<'_>) {
    let exempt = &input.config.rules.exemptions;
    if matches!(input.config.site, Site::Welcome) || exempt.find(&RequestPath::new(ROBOTS), None).is_some() {
        return;
    }
    let mut covering = input.live_periods().filter(|(_, period)| covers_robots(period));
    if let Some((table, _)) = covering.next() {
        let message = "search engines that get an error for /robots.txt stop crawling the whole site";
        let help = "add \"/robots.txt\" to `exact` in [exempt], if the site can still serve it";
        input.warn(start_place(table), message, help);
    }
}

fn covers_robots(period: &Period) -> bool {
    // The request has no host, and every list of hosts covers such a request.
    period.scope.covers(&Request::new(&Method::GET, RequestPath::new(ROBOTS)))
}

fn lint_length(table: &PeriodTable, period: &Period, input: &LintInput<'_>) {
    let covers_get = period.scope.methods.as_ref().is_none_or(|methods| methods.contains(&Method::GET));
    if !covers_get || has_months(&table.duration) {
        return;
    }
    if let Some((span, lasts)) = find_excess(table, period, input.now()) {
        let message = format!("this {lasts} more than 48 h: search engines may drop the pages that are down");
        let help = "end it within 48 h, or exempt the pages that must stay in search results";
        input.warn(span, message, help);
    }
}

/// Returns the place of the key that makes a period too long, and a verb in the right tense; `None` if it is not too
/// long.
fn find_excess(table: &PeriodTable, period: &Period, now: Timestamp) -> Option<(Range<usize>, &'static str)> {
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
    span.filter(|_| lasts > MAX_LENGTH).map(|span| (span, verb))
}
