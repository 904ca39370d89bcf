//! Periods for some hosts, where requests that name other hosts reach the same site.
//!
//! A folder is served whatever host is named. What an upstream serves is not known here: where periods name different
//! hosts, it evidently tells them apart; where all name the same, the site's own name may merely have been written
//! down, so that is warned of, once.

use std::collections::BTreeSet;

use toml::Spanned;

use super::LintInput;
use crate::config::Site;
use crate::matching::scope::Host;

pub(super) fn lint(subject: &LintInput<'_>) {
    let scoped: Vec<_> = subject
        .live_periods()
        .filter_map(|(table, period)| Some((table.hosts.as_ref()?, period.scope.hosts.as_deref()?)))
        .collect();
    let Some((written, first)) = scoped.first() else { return };
    let differ = scoped.iter().any(|(_, hosts)| !same(first, hosts));
    let message = match &subject.config.site {
        Site::Root(_) => {
            "during this downtime, requests that name any other host, also a made-up one, get the same folder"
        }
        Site::Upstream(_) if !differ => {
            "during this downtime, requests that name any other host, also a made-up one, pass to the upstream, which may serve the same site"
        }
        _ => return,
    };
    let help = "remove `hosts` if there is but one site, or see that the upstream refuses hosts that it does not know";
    let help = if matches!(subject.config.site, Site::Root(_)) { "remove `hosts`" } else { help };
    subject.warn(Spanned::span(written), message, help);
}

fn same(one: &[Host], two: &[Host]) -> bool {
    let set = |hosts: &[Host]| hosts.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    one.len() == two.len() && (one == two || set(one) == set(two))
}
