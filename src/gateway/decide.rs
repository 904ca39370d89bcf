//! Decides on a request.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;

use crate::counters::Outcome;
use crate::decision::{Decision, Down, Pass, Rules, decide};
use crate::filters::context::{Decided, OwnedDecision};
use crate::http1::field_names::is_method_override;
use crate::http1::request::RequestHead;
use crate::matching::bypass::Secrets;
use crate::matching::client_address::client_address;
use crate::matching::path::RequestPath;
use crate::matching::request::{Hosts, Query, Request, client_scheme};
use crate::net::peer::Peer;
use crate::page::{Cause, is_navigation, negotiation_field};
use crate::server::Readiness;
use crate::snapshot::CurrentSnapshot;

/// Makes the decision on a request of `peer` at `now`.
pub(super) fn decide_request(
    head: &RequestHead<'_>,
    peer: &Peer,
    current: &CurrentSnapshot,
    readiness: &Readiness,
    now: Timestamp,
) -> Decided {
    let CurrentSnapshot { snapshot, phase } = current;
    let trust = &snapshot.config.server.trusted_proxies;
    let trusted = peer.is_in(|address| trust.includes(address));
    let addresses = head.values("x-forwarded-for");
    let client = client_address(peer.address(), addresses, |address| trust.contains(address), trusted);
    let path = head.target.path_text();
    let query = head.target.query_text();
    let rules = &snapshot.config.rules;
    let hosts = head.values("x-forwarded-host");
    let reported = || client_scheme(peer.scheme(), head.values("x-forwarded-proto"), trusted);
    let request = Request {
        scheme: if rules.https_only.is_some() { reported() } else { peer.scheme() },
        method: &head.method,
        hosts: Hosts::received(head.host, hosts, trusted),
        path: RequestPath::new(&path),
        query: Query::new(query.as_deref()),
        has_override_field: head.fields.iter().any(|field| is_method_override(field.name)),
        is_navigation: phase.has_redirects && is_navigation(&head.method, &page_fields(head)),
        client,
        secrets: secrets(head, current),
    };
    let decision = decide(rules, &request, &phase.state, now);
    let outcome = outcome(&decision, rules);
    let decision = match decision {
        Decision::Pass(Pass::Probe { .. }) if readiness.is_stopping() => {
            OwnedDecision::Probe(StatusCode::SERVICE_UNAVAILABLE)
        }
        decision => decision.into(),
    };
    Decided { trusted, client, scheme: peer.scheme(), now, decision, outcome }
}

fn outcome(decision: &Decision<'_>, rules: &Rules) -> Outcome {
    let is_unscheduled = |down: &Down<'_>| rules.cause(down.period) == Cause::Unscheduled;
    match decision {
        Decision::Unavailable(down) if is_unscheduled(down) => Outcome::Unscheduled,
        Decision::Unavailable(_) => Outcome::Planned,
        Decision::Redirect(down, _) if is_unscheduled(down) => Outcome::RedirectUnscheduled,
        Decision::Redirect(..) => Outcome::RedirectPlanned,
        Decision::Https(..) => Outcome::Https,
        Decision::Pass(Pass::Up) => Outcome::Up,
        Decision::Pass(Pass::Exempt(_) | Pass::Acme | Pass::RedirectTarget(_)) => Outcome::Exempt,
        Decision::Pass(Pass::Bypass(_)) => Outcome::Bypass,
        Decision::Pass(Pass::Status) => Outcome::Status,
        Decision::Pass(Pass::Probe { .. }) => Outcome::Probe,
        Decision::Pass(Pass::Enter) => Outcome::Enter,
    }
}

/// Returns the secrets that a request carries, if they matter: if the file has a bypass, and a period is active.
fn secrets<'b>(head: &RequestHead<'b>, current: &CurrentSnapshot) -> Secrets<'b> {
    let CurrentSnapshot { snapshot, phase } = current;
    if snapshot.config.rules.bypasses.is_empty() || phase.state.active.is_empty() {
        return Secrets::default();
    }
    Secrets::new(head.fields.iter().map(|field| (field.name, field.value)))
}

/// The fields that the down page depends on, in their order.
pub(super) fn negotiation_fields<'h, 'b>(
    head: &'h RequestHead<'b>,
) -> impl Iterator<Item = (&'static str, &'b [u8])> + use<'h, 'b> {
    head.fields.iter().filter_map(|field| Some((negotiation_field(field.name)?, field.value)))
}

/// The fields that the down page depends on, as a map.
pub(super) fn page_fields(head: &RequestHead<'_>) -> HeaderMap {
    let header = |(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?));
    negotiation_fields(head).filter_map(header).collect()
}
