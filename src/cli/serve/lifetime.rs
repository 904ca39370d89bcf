//! From the start of the servers to their stop.

use std::convert::Infallible;
use std::io;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use super::listeners::Listeners;
use super::servers::Servers;
use super::signals::Signals;
use super::watchdog;
use crate::config::{ServerConfig, duration};
use crate::gateway::reachability_log::ReachabilityLog;
use crate::management::RunningGateway;
use crate::snapshot::Snapshots;
use crate::upstream::report_cut_responses;
use crate::watch::Handle;

/// Runs until a signal stops the gateway, or a thread ends unexpectedly, and then stops the servers. A second signal ends at once.
pub(super) async fn run_until_stopped(
    servers: Servers,
    listeners: &mut Listeners,
    snapshots: &Snapshots,
    watch: &Handle,
    mut signals: Signals,
    mut exits: UnboundedReceiver<String>,
) -> io::Result<()> {
    let mut fed = std::pin::pin!(watchdog::feed(servers.pulses()));
    let result = tokio::select! {
        () = signals.wait_for_stop(watch) => Ok(()),
        never = &mut fed => match never {},
        never = observe(&servers.running) => match never {},
        thread = exits.recv() => Err(ended(thread)),
    };
    let config = snapshots.current().config.server.clone();
    let stopped = tokio::select! {
        biased;
        () = signals.wait_for_stop(watch) => {
            warn!("stopping at once, because of a second signal");
            Ok(())
        }
        never = &mut fed => match never {},
        stopped = stop(servers, listeners, &config, &mut exits) => stopped,
    };
    result.and(stopped)
}

/// Follows the requests and the upstream, each second.
async fn observe(running: &RunningGateway) -> Infallible {
    let mut reachability = ReachabilityLog::default();
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let now = Instant::now();
        running.activity.sample(&running.counters, now);
        reachability.update(&running.snapshots.current(), now);
        report_cut_responses();
    }
}

fn ended(thread: Option<String>) -> io::Error {
    io::Error::other(format!("thread `{}` ended unexpectedly", thread.unwrap_or_default()))
}

/// Stops as `[server]` says: `stop_delay`, then `stop_timeout`.
async fn stop(
    servers: Servers,
    listeners: &mut Listeners,
    config: &ServerConfig,
    exits: &mut UnboundedReceiver<String>,
) -> io::Result<()> {
    servers.begin_stop();
    let ended_early = tokio::select! {
        biased;
        thread = exits.recv() => Err(ended(thread)),
        () = delay_stop(config.stop_delay) => Ok(()),
    };
    ended_early.and(servers.stop(listeners, config.stop_timeout).await)
}

/// Waits until load balancers have noticed that the gateway is stopping.
async fn delay_stop(delay: Duration) {
    if !delay.is_zero() {
        info!("stopping: not ready, and taking requests for another {}", duration::format(delay));
        tokio::time::sleep(delay).await;
    }
}
