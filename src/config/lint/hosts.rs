//! Warns of periods for some hosts if requests that name other hosts reach the same site.
//!
//! A root directory is served for every host. What an upstream serves is not known here: if periods name different
//! hosts, it evidently tells them apart; if all name the same hosts, somebody may just have written down the name of
//! the only site. One warning is enough.

use std::collections::BTreeSet;

use toml::Spanned;

use super::LintInput;
use crate::config::Site;
use crate::matching::scope::Host;

pub(super) fn lint(input: &LintInput<'_>) {
    let scoped: Vec<_> = input
        .live_periods()
        .filter_map(|(table, period)| Some((table.hosts.as_ref()?, period.scope.hosts.as_deref()?)))
        .collect();
    let Some((value, first)) = scoped.first() else { return };
    let differ = scoped.iter().any(|(_, hosts)| !are_same(first, hosts));
    let message = match &input.config.site {
        Site::Root(_) => {
            "requests for any other host, even a made-up one, still get the same files during this downtime"
        }
        Site::Upstream(_) if !differ => {
            "requests for any other host, even a made-up one, still reach the upstream, which may serve the same site"
        }
        _ => return,
    };
    let help =
        "remove `hosts` if there is only one site, or make sure that the upstream rejects unknown hosts";
    let help = if matches!(input.config.site, Site::Root(_)) { "remove `hosts`" } else { help };
    input.warn(Spanned::span(value), message, help);
}

fn are_same(one: &[Host], two: &[Host]) -> bool {
    let set = |hosts: &[Host]| hosts.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    one.len() == two.len() && (one == two || set(one) == set(two))
}
