//! The servers of the gateway: their threads, and how they stop.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tracing::info;

use super::listeners::{Listeners, close};
use crate::cli::supervisor::notify;
use crate::config::duration;
use crate::filters;
use crate::gateway::Gateway;
use crate::logging::AccessLines;
use crate::management::{RunningGateway, management};
use crate::server::{Pulse, Server, workers};
use crate::thread_exit::ExitNotice;
use crate::upstream::Proxy;

/// The server for visitors and, with `[management]`, the one for operators.
pub(super) struct Servers {
    site: Server,
    management: Option<Server>,
    pub(super) running: Arc<RunningGateway>,
}

impl Servers {
    pub(super) fn start(
        listeners: &Listeners,
        running: Arc<RunningGateway>,
        access_lines: &AccessLines,
        notice: &ExitNotice,
    ) -> io::Result<Self> {
        let gateway = {
            let (running, access_lines) = (Arc::clone(&running), access_lines.clone());
            move || {
                let RunningGateway { snapshots, readiness, counters, upstreams, .. } = &*running;
                let (routes, proxy) = (warp::service(filters::routes()), Proxy::sharing(upstreams));
                let (readiness, counts) = (readiness.clone(), counters.for_thread());
                Gateway::new(snapshots, routes, proxy, readiness, counts, access_lines.clone())
            }
        };
        let operators = {
            let running = Arc::clone(&running);
            move || management(&running)
        };
        let site = Server::start(workers(), &listeners.site, notice, &running.connections, gateway)?;
        let capacity = Arc::default();
        let start =
            || Server::start(["management".to_owned()], &listeners.management, notice, &capacity, operators);
        let management = (!listeners.management.is_empty()).then(start).transpose()?;
        Ok(Self { site, management, running })
    }

    /// Returns what asks the threads of both whether they still run.
    pub(super) fn pulses(&self) -> Vec<Pulse> {
        [Some(&self.site), self.management.as_ref()].into_iter().flatten().map(Server::pulse).collect()
    }

    /// Makes load balancers and operators see that the gateway is stopping.
    pub(super) fn begin_stop(&self) {
        self.running.readiness.begin_stop();
        notify(&[NotifyState::Stopping]);
    }

    /// Completes visitors' requests first, and stops within `limit`.
    pub(super) async fn stop(self, listeners: &mut Listeners, limit: Duration) -> io::Result<()> {
        info!("stopping: waiting up to {} for requests in progress", duration::format(limit));
        let begun = Instant::now();
        // Closed before the last requests end, so that new clients are refused instead of left waiting.
        close(&mut listeners.site);
        let stopped = self.site.stop(limit).await;
        close(&mut listeners.management);
        let Some(management) = self.management else { return stopped };
        stopped.and(management.stop(limit.saturating_sub(begun.elapsed())).await)
    }
}
