//! `/metrics`: metrics for Prometheus, collected on request.

mod hooks;
mod process;
mod requests;
mod upstream;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use self::process::ProcessMetrics;
use super::RunningGateway;
use crate::matching::bypass::BypassPhase;
use crate::schedule::state::State;
use crate::snapshot::Snapshot;
use crate::tls::{Certificate, Certificates};
use crate::watch::Mode;

/// Returns the metrics at `now` in the text format 0.0.4.
pub(super) fn render(gateway: &Arc<RunningGateway>, now: Timestamp) -> String {
    let mut registry = Registry::with_prefix("downtime");
    let snapshot = gateway.snapshots.current();
    let metrics = GatewayMetrics { gateway: Arc::clone(gateway), snapshot, now };
    registry.register_collector(Box::new(metrics));
    // Without a prefix, as each program has these.
    let mut of_the_process = Registry::default();
    of_the_process.register_collector(Box::new(ProcessMetrics { started_at: gateway.started_at }));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = prometheus_text::encode(&mut text, &registry);
    let _ = prometheus_text::encode(&mut text, &of_the_process);
    text
}

/// Metrics of the gateway at `now`. It holds references, as a collector must be `'static`.
#[derive(Debug)]
struct GatewayMetrics {
    gateway: Arc<RunningGateway>,
    snapshot: Arc<Snapshot>,
    now: Timestamp,
}

impl Collector for GatewayMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Metrics(&mut encoder);
        self.encode_state(&mut out)?;
        self.encode_file(&mut out)?;
        encode_certificates(&self.snapshot.config.certificates, &mut out)?;
        hooks::encode(&self.gateway.hooks, &mut out)?;
        requests::encode(&self.gateway, &mut out)?;
        if self.snapshot.config.site.upstream().is_some() {
            upstream::encode(&self.gateway, &self.snapshot, &mut out)?;
        }
        Ok(())
    }
}

impl GatewayMetrics {
    fn encode_state(&self, out: &mut Metrics<'_, '_>) -> fmt::Result {
        let schedule = &self.snapshot.phase(self.now).state;
        let (state, active) = (schedule.state(), &schedule.active);
        out.gauge("down", "1 if a period without a scope is active", state == State::Down)?;
        out.gauge("partly_down", "1 if only periods with a scope are active", state == State::Partial)?;
        out.gauge("periods_active", "Number of active periods", count(active.len()))?;
        for (name, help, at) in [
            (
                "outage_start_timestamp_seconds",
                "Time at which the first of the active periods started",
                active.iter().map(|active| active.occurrence.start).min(),
            ),
            (
                "outage_end_timestamp_seconds",
                "Time from which the whole site is up again, if it is known",
                schedule.back_at(self.now).filter(|_| !active.is_empty()),
            ),
            (
                "next_change_timestamp_seconds",
                "Time at which the next period starts or ends, if one is planned",
                schedule.next_change(),
            ),
        ] {
            if let Some(at) = at {
                out.gauge(name, help, at.as_second())?;
            }
        }
        let bypasses = self.snapshot.config.rules.bypasses.all().iter();
        let open = bypasses.filter(|bypass| bypass.phase(self.now) == BypassPhase::Valid).count();
        out.gauge("bypasses_open", "Number of bypasses that let testers in", count(open))
    }

    fn encode_file(&self, out: &mut Metrics<'_, '_>) -> fmt::Result {
        let Self { gateway, snapshot, .. } = self;
        let generation = snapshot.generation;
        out.gauge("config_generation", "Number of snapshots applied since the start", count(generation))?;
        out.gauge(
            "config_applied_timestamp_seconds",
            "Time at which the current snapshot was applied",
            snapshot.applied_at.as_second(),
        )?;
        out.gauge(
            "config_last_reload_successful",
            "1 if the last version of the file was applied, 0 if it was rejected",
            gateway.snapshots.rejected().is_none(),
        )?;
        out.gauge(
            "config_watch_events",
            "1 if the system reports changes of the file, 0 if it is polled",
            gateway.watch.mode() == Mode::Events,
        )?;
        out.counter(
            "config_reloads",
            "Number of changes of the file that were applied",
            generation.saturating_sub(1),
        )?;
        let help = "Number of versions of the file that were rejected";
        out.counter("config_rejections", help, gateway.snapshots.rejections())?;
        let help = "Number of lines of the log that were dropped, because stderr did not take them";
        out.counter("log_dropped_lines", help, gateway.log.dropped())
    }
}

/// Those of `[server] tls`; none without it.
fn encode_certificates(certificates: &Certificates, out: &mut Metrics<'_, '_>) -> fmt::Result {
    if certificates.all().is_empty() {
        return Ok(());
    }
    let help = "Number of certificates of which the files cannot be used now";
    out.gauge("tls_certificates_unusable", help, count(certificates.unusable().len()))?;
    let help = "Time at which the certificate for this name expires";
    let name = "tls_certificate_expiry_timestamp_seconds";
    let mut metric = out.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (name, at) in expiries(certificates.all()) {
        metric.encode_family(&[("name", name)])?.encode_gauge(&at.as_second())?;
    }
    Ok(())
}

/// Returns the first name of each certificate, with the time at which the earliest one for it expires.
fn expiries(certificates: &[Certificate]) -> BTreeMap<&str, Timestamp> {
    let mut expiries = BTreeMap::new();
    for certificate in certificates {
        let first = expiries.entry(certificate.title()).or_insert(Timestamp::MAX);
        *first = certificate.expires_at().min(*first);
    }
    expiries
}

fn count(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Writes metrics without labels.
struct Metrics<'m, 'e>(&'m mut DescriptorEncoder<'e>);

impl Metrics<'_, '_> {
    fn gauge(&mut self, name: &str, help: &str, value: impl Into<i64>) -> fmt::Result {
        self.metric(name, help, &ConstGauge::new(value.into()))
    }

    /// Writes a counter, whose name gets `_total`.
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.metric(name, help, &ConstCounter::new(value))
    }

    fn metric(&mut self, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
        metric.encode(self.0.encode_descriptor(name, help, None, metric.metric_type())?)
    }
}
