//! Warns of probes of load balancers that get the down page, which take the gateway and its down page out of service.
//!
//! The file does not say which paths a load balancer probes. So there are only warnings about paths that the file itself gives
//! reason to believe are probed.

use http::Method;
use toml::Spanned;

use super::LintInput;
use crate::config::Site;
use crate::config::document::PeriodTable;
use crate::matching::path::RequestPath;
use crate::matching::request::Request;
use crate::matching::scope::{Scope, ScopePaths};
use crate::schedule::period::Period;

/// Paths that load balancers and orchestrators usually probe.
const WELL_KNOWN: [&str; 16] = [
    "/-/healthy",
    "/-/ready",
    "/_health",
    "/health",
    "/health/live",
    "/health/ready",
    "/healthcheck",
    "/healthz",
    "/healthz/live",
    "/healthz/ready",
    "/livez",
    "/ping",
    "/ready",
    "/readyz",
    "/status",
    "/up",
];

/// Paths that belong together: what probes one usually probes the other.
const PAIRS: [(&str, &str); 4] = [
    ("/-/healthy", "/-/ready"),
    ("/health/live", "/health/ready"),
    ("/healthz/live", "/healthz/ready"),
    ("/livez", "/readyz"),
];

pub(super) fn lint(input: &LintInput<'_>) {
    lint_stars(input);
    if matches!(input.config.site, Site::Welcome) {
        return;
    }
    for (table, period) in input.live_periods() {
        lint_scope(table, period, input);
    }
    lint_pairs(input);
    lint_stop_delay(input);
}

/// Warns of probe paths that look like globs.
fn lint_stars(input: &LintInput<'_>) {
    for value in input.document.server.probe_paths.iter().flat_map(Spanned::get_ref) {
        if value.get_ref().contains('*') {
            let message =
                format!("this is only the path with a literal `*`: `{}` is not a glob here", value.get_ref());
            input.warn(value.span(), message, "list each path that is probed");
        }
    }
}

/// Warns of a period whose scope names a probe path.
fn lint_scope(table: &PeriodTable, period: &Period, input: &LintInput<'_>) {
    for value in table.paths.iter().flat_map(Spanned::get_ref) {
        let named: Vec<_> = named(value.get_ref()).filter(|path| covers(&period.scope, path)).collect();
        let Some(path) = named.first() else { continue };
        // If one of several passes, it is the one that is probed.
        if !named.iter().any(|path| passes(path, input)) {
            warn(value, path, input);
        }
    }
}

/// Returns the well-known paths that a glob names: one, with what is below it, or all that begin as the glob does and match it. A
/// glob that begins with a wildcard, such as `/**`, names none, since it is for the whole site.
fn named(glob: &str) -> impl Iterator<Item = &'static str> {
    let whole = glob.trim_end_matches("/**").trim_end_matches('/');
    let exact = WELL_KNOWN.into_iter().find(|path| path.eq_ignore_ascii_case(whole));
    let is_for_all = glob.starts_with("/*") || glob.starts_with("/?");
    let paths = (exact.is_none() && !is_for_all && glob.contains(['*', '?']))
        .then(|| ScopePaths::new([glob]).ok())
        .flatten();
    let scope = paths.map(|paths| Scope { paths: Some(paths), ..Scope::default() });
    let is_matched = move |path: &&str| scope.as_ref().is_some_and(|scope| covers(scope, path));
    exact.into_iter().chain(WELL_KNOWN.into_iter().filter(is_matched))
}

/// Warns of an entry that lets one probe path of a pair pass, if a period covers the other one.
fn lint_pairs(input: &LintInput<'_>) {
    let document = input.document;
    let listed = document.server.probe_paths.iter().chain(&document.exempt.exact).flat_map(Spanned::get_ref);
    for value in listed {
        let Some(other) = counterpart(value.get_ref()) else { continue };
        if !passes(other, input) && input.live_periods().any(|(_, period)| covers(&period.scope, other)) {
            warn(value, other, input);
        }
    }
}

/// Warns of a `stop_delay` that no load balancer can notice.
fn lint_stop_delay(input: &LintInput<'_>) {
    let server = &input.document.server;
    let Some(delay) = server.stop_delay.as_ref().filter(|_| !input.config.server.stop_delay.is_zero()) else {
        return;
    };
    let is_noticed = server.probe_paths.as_ref().is_some_and(|paths| !paths.get_ref().is_empty());
    if !is_noticed && input.config.management.is_none() {
        let message = "a load balancer cannot notice this delay: nothing answers 503 meanwhile";
        let help = "name the path that it probes in `probe_paths`, or let it probe `/ready` of [management]";
        input.warn(delay.span(), message, help);
    }
}

fn counterpart(path: &str) -> Option<&'static str> {
    PAIRS.iter().find_map(|(one, other)| match path {
        _ if path == *one => Some(*other),
        _ if path == *other => Some(*one),
        _ => None,
    })
}

fn warn(value: &Spanned<String>, path: &str, input: &LintInput<'_>) {
    let message = format!(
        "a load balancer that probes {path} gets 503 during a downtime, and sends no visitor to the down page"
    );
    let help = format!("if it is probed, add \"{path}\" to `probe_paths` in [server]");
    input.warn(value.span(), message, help);
}

/// Returns true if a probe of a path never gets the down page.
fn passes(path: &str, input: &LintInput<'_>) -> bool {
    let rules = &input.config.rules;
    let request = Request::new(&Method::GET, RequestPath::new(path));
    rules.status_path.as_deref() == Some(path)
        || rules.probe_paths.find(&request).is_some()
        || rules.exemptions.find(&request.path, None).is_some()
}

fn covers(scope: &Scope, path: &str) -> bool {
    // The request has no host, and every list of hosts covers such a request.
    scope.covers(&Request::new(&Method::GET, RequestPath::new(path)))
}
