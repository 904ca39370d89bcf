//! Metrics of the upstream.

use std::fmt;

use prometheus_client::encoding::NoLabelSet;
use prometheus_client::metrics::MetricType;

use super::{Metrics, count};
use crate::counters::UpstreamFailure;
use crate::management::RunningGateway;
use crate::snapshot::Snapshot;

/// Encodes the metrics of the upstream that `snapshot` names.
pub(super) fn encode(
    gateway: &RunningGateway,
    snapshot: &Snapshot,
    out: &mut Metrics<'_, '_>,
) -> fmt::Result {
    if let Some(reachable) = snapshot.reachability.get() {
        let help = "1 if the last attempt to reach the upstream succeeded; missing before the first one";
        out.gauge("upstream_up", help, reachable)?;
    }
    let help = "Number of open connections to the upstream";
    out.gauge("upstream_connections_open", help, count(gateway.upstreams.open_connections()))?;
    let help = "Number of requests that the upstream did not respond to completely, by kind";
    let mut errors = out.0.encode_descriptor("upstream_errors", help, None, MetricType::Counter)?;
    for failure in UpstreamFailure::ALL {
        let number = gateway.counters.failures(failure);
        let labels = [("kind", failure.kind())];
        errors.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&number, None)?;
    }
    Ok(())
}
