//! `/metrics`: metrics for Prometheus, collected on request.

mod hooks;
mod process;
mod requests;
mod upstream;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use self::hooks::HookMetrics;
use self::process::ProcessMetrics;
use self::requests::RequestMetrics;
use self::upstream::UpstreamMetrics;
use super::RunningGateway;
use crate::matching::bypass::{Bypass, BypassPhase};
use crate::schedule::state::State;
use crate::tls::Certificate;
use crate::watch::Mode;

/// Returns the metrics at `now` in the text format 0.0.4.
pub(super) fn render(gateway: &RunningGateway, now: Timestamp) -> String {
    let mut registry = Registry::with_prefix("downtime");
    registry.register_collector(Box::new(StateMetrics::new(gateway, now)));
    registry.register_collector(Box::new(HookMetrics::new(gateway)));
    registry.register_collector(Box::new(RequestMetrics::new(gateway)));
    registry.register_collector(Box::new(UpstreamMetrics::new(gateway)));
    // Without a prefix, as each program has these.
    let mut of_the_process = Registry::default();
    of_the_process.register_collector(Box::new(ProcessMetrics::new(gateway)));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = prometheus_text::encode(&mut text, &registry);
    let _ = prometheus_text::encode(&mut text, &of_the_process);
    text
}

/// Metrics of the schedule and of the file.
#[derive(Debug)]
struct StateMetrics {
    state: State,
    active: usize,
    next_change: Option<Timestamp>,
    outage_start: Option<Timestamp>,
    outage_end: Option<Timestamp>,
    bypasses: usize,
    generation: u64,
    applied_at: Timestamp,
    is_rejected: bool,
    rejections: u64,
    dropped_lines: u64,
    has_events: bool,
    /// `None` without `[server] tls`.
    unusable: Option<usize>,
    /// For the first name of each certificate, the time at which the earliest one for it expires.
    certificates: BTreeMap<String, Timestamp>,
}

impl StateMetrics {
    fn new(gateway: &RunningGateway, now: Timestamp) -> Self {
        let snapshot = gateway.snapshots.current();
        let phase = snapshot.phase(now);
        let rules = &snapshot.config.rules;
        let certificates = &snapshot.config.certificates;
        let is_valid = |bypass: &&Bypass| bypass.phase(now) == BypassPhase::Valid;
        let is_down = !phase.state.active.is_empty();
        Self {
            state: phase.state.state(),
            active: phase.state.active.len(),
            next_change: phase.state.next_change(),
            outage_start: phase.state.active.iter().map(|active| active.occurrence.start).min(),
            outage_end: phase.state.back_at(now).filter(|_| is_down),
            bypasses: rules.bypasses.all().iter().filter(is_valid).count(),
            generation: snapshot.generation,
            applied_at: snapshot.applied_at,
            is_rejected: gateway.snapshots.rejected().is_some(),
            rejections: gateway.snapshots.rejections(),
            dropped_lines: gateway.log.dropped(),
            has_events: gateway.watch.mode() == Mode::Events,
            unusable: (!certificates.all().is_empty()).then(|| certificates.unusable()),
            certificates: expiries(certificates.all()),
        }
    }

    fn encode_state(&self, out: &mut Metrics<'_, '_>) -> fmt::Result {
        out.gauge("down", "1 if a period without a scope is active", self.state == State::Down)?;
        out.gauge("partly_down", "1 if only periods with a scope are active", self.state == State::Partial)?;
        out.gauge("periods_active", "Number of active periods", count(self.active))?;
        for (name, help, at) in [
            (
                "outage_start_timestamp_seconds",
                "Time at which the first of the active periods started",
                self.outage_start,
            ),
            (
                "outage_end_timestamp_seconds",
                "Time from which the whole site is up again, if it is known",
                self.outage_end,
            ),
            (
                "next_change_timestamp_seconds",
                "Time at which the next period starts or ends, if one is planned",
                self.next_change,
            ),
        ] {
            if let Some(at) = at {
                out.gauge(name, help, at.as_second())?;
            }
        }
        out.gauge("bypasses_open", "Number of bypasses that let testers in", count(self.bypasses))
    }

    fn encode_file(&self, out: &mut Metrics<'_, '_>) -> fmt::Result {
        let generation = i64::try_from(self.generation).unwrap_or(i64::MAX);
        out.gauge("config_generation", "Number of snapshots applied since the start", generation)?;
        out.gauge(
            "config_applied_timestamp_seconds",
            "Time at which the current snapshot was applied",
            self.applied_at.as_second(),
        )?;
        out.gauge(
            "config_last_reload_successful",
            "1 if the last version of the file was applied, 0 if it was rejected",
            !self.is_rejected,
        )?;
        out.gauge(
            "config_watch_events",
            "1 if the system reports changes of the file, 0 if it is polled",
            self.has_events,
        )?;
        out.counter(
            "config_reloads",
            "Number of changes of the file that were applied",
            self.generation.saturating_sub(1),
        )?;
        let help = "Number of versions of the file that were rejected";
        out.counter("config_rejections", help, self.rejections)?;
        let help = "Number of lines of the log that were dropped, because stderr did not take them";
        out.counter("log_dropped_lines", help, self.dropped_lines)
    }

    fn encode_certificates(&self, out: &mut Metrics<'_, '_>) -> fmt::Result {
        if let Some(unusable) = self.unusable {
            let help = "Number of certificates of which the files cannot be used now";
            out.gauge("tls_certificates_unusable", help, count(unusable))?;
        }
        if self.certificates.is_empty() {
            return Ok(());
        }
        let help = "Time at which the certificate for this name expires";
        let name = "tls_certificate_expiry_timestamp_seconds";
        let mut metric = out.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (name, at) in &self.certificates {
            metric.encode_family(&[("name", name.as_str())])?.encode_gauge(&at.as_second())?;
        }
        Ok(())
    }
}

impl Collector for StateMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Metrics(&mut encoder);
        self.encode_state(&mut out)?;
        self.encode_file(&mut out)?;
        self.encode_certificates(&mut out)
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
