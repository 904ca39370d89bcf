//! The log of what operators do.

use tracing::info;

use super::access::Operator;
use crate::escape::cut;

/// Writes a line of the log: who did what, and from where. None of it may be a secret.
pub(super) fn record(operator: &Operator, from: &str, what: &str) {
    let Operator { name, means, .. } = operator;
    let [name, from, what] = [name.as_str(), from, what].map(cut);
    info!(target: "downtime::audit", who = %name, by = means.as_str(), %from, what = &*what);
}
