//! Metrics of visitors' requests and connections.

use std::fmt;

use prometheus_client::encoding::NoLabelSet;
use prometheus_client::metrics::MetricType;

use super::{Metrics, count};
use crate::counters::{BUCKETS, Counters, DecisionKind, Outcome, STATUS_CLASSES};
use crate::management::RunningGateway;

/// Encodes the metrics of requests and connections.
pub(super) fn encode(gateway: &RunningGateway, out: &mut Metrics<'_, '_>) -> fmt::Result {
    let RunningGateway { counters, connections, .. } = gateway;
    encode_requests(counters, out)?;
    encode_durations(counters, out)?;
    let help = "Number of requests in progress, with open tunnels";
    out.gauge("requests_in_progress", help, count(counters.in_progress()))?;
    let help = "Number of open tunnels, such as WebSockets";
    out.gauge("tunnels_open", help, count(counters.tunnels()))?;
    let help = "Bytes received from clients, counted when a request ends";
    out.counter("received_bytes", help, counters.sum(|thread| thread.received.get()))?;
    let help = "Bytes sent to clients, counted when a request ends";
    out.counter("sent_bytes", help, counters.sum(|thread| thread.sent.get()))?;
    let help = "Number of wrong secrets of bypasses that clients have entered";
    out.counter("bypass_wrong_secrets", help, counters.sum(|thread| thread.wrong_secrets.get()))?;
    let help = "Number of open connections of clients";
    out.gauge("connections_open", help, count(connections.open()))?;
    let help = "Number of connections that clients have opened";
    out.counter("connections", help, connections.accepted())
}

/// The series that are zero are left out, apart from the most usual one of each outcome: few of the others ever occur.
fn encode_requests(counters: &Counters, out: &mut Metrics<'_, '_>) -> fmt::Result {
    let help = "Number of requests that have ended, by decision, cause and class of the status";
    let mut requests = out.0.encode_descriptor("requests", help, None, MetricType::Counter)?;
    for outcome in Outcome::ALL {
        for (class, status) in STATUS_CLASSES.into_iter().enumerate() {
            let number = counters.requests(outcome, class);
            if number == 0 && status != usual_status(outcome) {
                continue;
            }
            let labels =
                [("decision", outcome.decision().as_str()), ("cause", outcome.cause()), ("status", status)];
            requests.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&number, None)?;
        }
    }
    Ok(())
}

fn encode_durations(counters: &Counters, out: &mut Metrics<'_, '_>) -> fmt::Result {
    let name = "request_duration_seconds";
    let help = "Time from the head of a request to the end of its response, without tunnels";
    let mut durations = out.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for decision in DecisionKind::ALL.into_iter().filter(|decision| *decision != DecisionKind::Refused) {
        let (sum, counts) = counters.durations(decision as usize);
        // The encoder adds the last one, which has no bound.
        let buckets: Vec<_> = BUCKETS.iter().map(|(bound, _)| *bound).zip(counts).collect();
        let labels = [("decision", decision.as_str())];
        let mut family = durations.encode_family(&labels)?;
        family.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)?;
    }
    Ok(())
}

fn usual_status(outcome: Outcome) -> &'static str {
    match outcome.decision() {
        DecisionKind::Pass => "2xx",
        DecisionKind::Unavailable => "5xx",
        DecisionKind::Redirect => "3xx",
        DecisionKind::Refused => "4xx",
    }
}
