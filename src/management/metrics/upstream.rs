//! Metrics of the upstream.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::{Metrics, count};
use crate::counters::{Counters, UpstreamFailure};
use crate::management::RunningGateway;

/// Metrics of the upstream; none if the file names no upstream.
#[derive(Debug)]
pub(super) struct UpstreamMetrics {
    has_upstream: bool,
    reachable: Option<bool>,
    connections: usize,
    counters: Counters,
}

impl UpstreamMetrics {
    pub(super) fn new(gateway: &RunningGateway) -> Self {
        let snapshot = gateway.snapshots.current();
        Self {
            has_upstream: snapshot.config.site.upstream().is_some(),
            reachable: snapshot.reachability.get(),
            connections: gateway.upstreams.open_connections(),
            counters: gateway.counters.clone(),
        }
    }
}

impl Collector for UpstreamMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if !self.has_upstream {
            return Ok(());
        }
        let mut out = Metrics(&mut encoder);
        if let Some(reachable) = self.reachable {
            let help = "1 if the last attempt to reach the upstream succeeded; missing before the first one";
            out.gauge("upstream_up", help, reachable)?;
        }
        let help = "Number of open connections to the upstream";
        out.gauge("upstream_connections_open", help, count(self.connections))?;
        let help = "Number of requests that the upstream did not respond to completely, by kind";
        let mut errors = encoder.encode_descriptor("upstream_errors", help, None, MetricType::Counter)?;
        for failure in UpstreamFailure::ALL {
            let number = self.counters.failures(failure);
            let labels = [("kind", failure.kind())];
            let mut family = errors.encode_family(&labels)?;
            family.encode_counter::<NoLabelSet, u64, f64>(&number, None)?;
        }
        Ok(())
    }
}
