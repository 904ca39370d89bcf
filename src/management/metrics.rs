//! `/metrics`: metrics for Prometheus, collected on request.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::RunningGateway;
use crate::schedule::state::State;
use crate::tls::Certificate;
use crate::watch::Mode;

/// Returns the metrics at `now` in the text format 0.0.4.
pub(super) fn render(gateway: &RunningGateway, now: Timestamp) -> String {
    let mut registry = Registry::with_prefix("downtime");
    registry.register_collector(Box::new(MetricValues::new(gateway, now)));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = prometheus_text::encode(&mut text, &registry);
    text
}

#[derive(Debug)]
struct MetricValues {
    state: State,
    active: usize,
    generation: u64,
    applied_at: Timestamp,
    is_rejected: bool,
    rejections: u64,
    has_events: bool,
    /// `None` without `[server] tls`.
    unusable: Option<usize>,
    /// For the first name of each certificate, the time at which the earliest one for it expires.
    certificates: BTreeMap<String, Timestamp>,
}

impl MetricValues {
    fn new(gateway: &RunningGateway, now: Timestamp) -> Self {
        let snapshot = gateway.snapshots.current();
        let phase = snapshot.phase(now);
        let certificates = &snapshot.config.certificates;
        Self {
            state: phase.state.state(),
            active: phase.state.active.len(),
            generation: snapshot.generation,
            applied_at: snapshot.applied_at,
            is_rejected: gateway.snapshots.rejected().is_some(),
            rejections: gateway.snapshots.rejections(),
            has_events: gateway.watch.mode() == Mode::Events,
            unusable: (!certificates.all().is_empty()).then(|| certificates.unusable()),
            certificates: expiries(certificates.all()),
        }
    }
}

impl Collector for MetricValues {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let seconds = self.applied_at.as_second();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let generation = i64::try_from(self.generation).unwrap_or(i64::MAX);
        for (name, help, value) in [
            ("down", "1 if a period without a scope is active", (self.state == State::Down).into()),
            (
                "partly_down",
                "1 if only periods with a scope are active",
                (self.state == State::Partial).into(),
            ),
            ("periods_active", "Number of active periods", count(self.active)),
            ("config_generation", "Number of snapshots applied since the start", generation),
            ("config_applied_timestamp_seconds", "Time at which the current snapshot was applied", seconds),
            (
                "config_last_reload_successful",
                "1 if the last version of the file was applied, 0 if it was rejected",
                (!self.is_rejected).into(),
            ),
            (
                "config_watch_events",
                "1 if the system reports changes of the file, 0 if it is polled",
                self.has_events.into(),
            ),
        ] {
            write(&mut encoder, name, help, &ConstGauge::new(value))?;
        }
        let help = "Number of versions of the file that were rejected";
        write(&mut encoder, "config_rejections", help, &ConstCounter::new(self.rejections))?;
        if let Some(unusable) = self.unusable {
            let help = "Number of certificates of which the files cannot be used now";
            write(&mut encoder, "tls_certificates_unusable", help, &ConstGauge::new(count(unusable)))?;
        }
        self.encode_certificates(&mut encoder)
    }
}

impl MetricValues {
    fn encode_certificates(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        if self.certificates.is_empty() {
            return Ok(());
        }
        let help = "Time at which the certificate for this name expires";
        let name = "tls_certificate_expiry_timestamp_seconds";
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (name, at) in &self.certificates {
            metric.encode_family(&[("name", name.as_str())])?.encode_gauge(&at.as_second())?;
        }
        Ok(())
    }
}

fn expiries(certificates: &[Certificate]) -> BTreeMap<String, Timestamp> {
    let mut expiries = BTreeMap::new();
    for certificate in certificates {
        let first = expiries.entry(certificate.title().to_owned()).or_insert(Timestamp::MAX);
        *first = certificate.expires_at().min(*first);
    }
    expiries
}

fn write(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}
