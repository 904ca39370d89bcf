//! Predicts when the decision on a request changes.

use jiff::Timestamp;

use super::down_response::DownResponse;
use super::{Decision, Pass, Rules, decide};
use crate::matching::request::Request;
use crate::schedule::state::ScheduleState;

/// Returns when a passing request goes down, or a covered one passes; `None` if that is unknown, or never.
///
/// A covered request can pass before its outage ends: while the deciding period redirects to its path.
pub fn changes_at(
    rules: &Rules,
    request: &Request<'_>,
    decision: &Decision<'_>,
    state: &ScheduleState,
    now: Timestamp,
) -> Option<Timestamp> {
    let find = |state, at, down| find_change(rules, request, state, at, down);
    match decision {
        Decision::Unavailable(down) | Decision::Redirect(down, _) => {
            let is_target = |response: &DownResponse| {
                response.redirect.as_ref().is_some_and(|redirect| redirect.is_target(&request.path))
            };
            let may_pass = rules.responses.iter().any(is_target);
            let passes = if may_pass { find(state.clone(), now, false) } else { None };
            passes.or(down.until)
        }
        Decision::Https(..)
        | Decision::Pass(
            Pass::Status | Pass::Enter | Pass::Probe { .. } | Pass::Exempt(_) | Pass::Acme | Pass::Bypass(_),
        ) => None,
        Decision::Pass(Pass::Up) => {
            let covers = |period: usize| rules.covers(period, request);
            let start = rules.schedule.next_outage(state, now, covers)?.start;
            find(rules.schedule.at(start), start, true)
        }
        Decision::Pass(Pass::RedirectTarget(_)) => find(state.clone(), now, true),
    }
}

/// The number of changes of the schedule that are examined. Not each of them changes the decision: one may start a redirect
/// to the requested path itself.
const MAX_CHANGES: usize = 1000;

/// Finds the first change, at `at` or later, from which the request is down (or, if `down` is false, passes).
fn find_change(
    rules: &Rules,
    request: &Request<'_>,
    state: ScheduleState,
    at: Timestamp,
    down: bool,
) -> Option<Timestamp> {
    let mut states = std::iter::successors(Some((state, at)), |(state, _)| {
        let at = state.next_change()?;
        Some((rules.schedule.after(state, at), at))
    });
    let is_wanted = |(state, at): &(ScheduleState, Timestamp)| {
        decide(rules, request, state, *at).down().is_some() == down
    };
    states.by_ref().take(MAX_CHANGES).find(is_wanted).map(|(_, at)| at)
}
