//! `downtime serve`: runs the gateway.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::{print_diagnostics, print_error};
use crate::clock;
use crate::config::load::{Loaded, load};
use crate::config::{Config, Listen, Site};
use crate::filters;
use crate::gateway::Gateway;
use crate::logging::{Logging, log_warnings};
use crate::management::{RunningGateway, management};
use crate::server::listener::Listener;
use crate::server::{Readiness, Server, workers};
use crate::snapshot::{Snapshot, Snapshots};
use crate::thread_exit::{ExitNotice, exit_notice};
use crate::upstream::{Contention, Proxy};
use crate::watch::{Handle, Watch};

/// Serves until a signal stops it, then returns 0; returns 1 if it cannot start or fails.
pub(super) fn run(path: &Path) -> ExitCode {
    let mut loaded = load(path);
    loaded.lint(clock::now());
    let (Some(config), Some(sha256)) = (loaded.reading.config.take(), loaded.sha256.clone()) else {
        print_diagnostics(&loaded.reading.diagnostics);
        return ExitCode::FAILURE;
    };
    let Some(listeners) = Listeners::bind(&config) else { return ExitCode::FAILURE };
    let logging = Logging::init(&config.log);
    log_warnings(&loaded.reading.diagnostics);
    let snapshots = Arc::new(Snapshots::new(config, sha256, clock::now()));
    snapshots.current().set_warnings(std::mem::take(&mut loaded.reading.diagnostics));
    match serve(path, &loaded, listeners, &snapshots, logging) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&format!("the gateway failed: {error}"), "see the log above");
            ExitCode::FAILURE
        }
    }
}

/// The sockets for visitors and for operators.
struct Listeners {
    site: Vec<Listener>,
    management: Vec<Listener>,
}

impl Listeners {
    /// Binds all of them. If any fails, reports each failure and returns `None`.
    fn bind(config: &Config) -> Option<Self> {
        let site = bind(&config.server.listen, "[server]");
        let management = bind(&management_addresses(config), "[management]");
        Some(Self { site: site?, management: management? })
    }
}

/// Returns the address for operators, if there is one.
fn management_addresses(config: &Config) -> Vec<Listen> {
    config.management.iter().map(|management| management.listen.clone()).collect()
}

fn bind(addresses: &[Listen], section: &str) -> Option<Vec<Listener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        match Listener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => print_error(&error.to_string(), &error.help(section)),
        }
    }
    (listeners.len() == addresses.len()).then_some(listeners)
}

fn serve(
    path: &Path,
    loaded: &Loaded,
    listeners: Listeners,
    snapshots: &Arc<Snapshots>,
    logging: Logging,
) -> io::Result<()> {
    let bound = snapshots.current();
    let on_apply = move |before: &Snapshot, after: &Snapshot| {
        logging.update(&after.config.log);
        warn_of_addresses(&bound.config, &before.config, &after.config);
    };
    let (watch, handle) = Watch::new(path.to_owned(), loaded, Arc::clone(snapshots), Box::new(on_apply));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Installed before the start is announced: a signal may follow at once.
    let signals = runtime.block_on(async { Signals::new() })?;
    let (notice, mut exits) = exit_notice();
    let servers = Servers::start(path, &listeners, snapshots, handle.clone(), &notice)?;
    let watch_notice = notice.clone();
    std::thread::Builder::new().name("watch".into()).spawn(move || {
        let _notice = watch_notice;
        watch.run();
    })?;
    log_start(path, &listeners, &snapshots.current());
    notify(&[NotifyState::Ready]);
    let result = runtime.block_on(async {
        tokio::select! {
            () = signals.wait_for_stop(&handle) => Ok(()),
            Some(thread) = exits.recv() => Err(io::Error::other(format!("thread `{thread}` ended unexpectedly"))),
        }
    });
    let stopped = servers.stop(listeners);
    info!("stopped");
    result.and(stopped)
}

/// Warns of changed listen addresses, which need a restart.
fn warn_of_addresses(bound: &Config, before: &Config, after: &Config) {
    let has_changed = |addresses: &dyn Fn(&Config) -> Vec<Listen>| {
        addresses(after) != addresses(before) && addresses(after) != addresses(bound)
    };
    for (section, has_changed) in [
        ("[server]", has_changed(&|config| config.server.listen.clone())),
        ("[management]", has_changed(&management_addresses)),
    ] {
        if has_changed {
            warn!("{section} listen takes effect at the next start; everything else is applied");
        }
    }
}

/// The server for visitors and, with `[management]`, the one for operators.
struct Servers {
    site: Server,
    management: Option<Server>,
    running: Arc<RunningGateway>,
}

impl Servers {
    fn start(
        path: &Path,
        listeners: &Listeners,
        snapshots: &Arc<Snapshots>,
        watch: Handle,
        notice: &ExitNotice,
    ) -> io::Result<Self> {
        let file = std::path::absolute(path)?;
        let readiness = Readiness::default();
        let running = Arc::new(RunningGateway {
            file,
            snapshots: Arc::clone(snapshots),
            watch,
            readiness: readiness.clone(),
        });
        let gateway = {
            let snapshots = Arc::clone(snapshots);
            let contention = Contention::default();
            move || {
                let (routes, proxy) = (warp::service(filters::routes()), Proxy::sharing(&contention));
                Gateway::new(&snapshots, routes, proxy, readiness.clone())
            }
        };
        let operators = {
            let running = Arc::clone(&running);
            move || management(&running)
        };
        let site = Server::start(workers(), &listeners.site, notice, gateway)?;
        let start = || Server::start(["management".to_owned()], &listeners.management, notice, operators);
        let management = (!listeners.management.is_empty()).then(start).transpose()?;
        Ok(Self { site, management, running })
    }

    /// Completes visitors' requests first. Operators see meanwhile that it is stopping.
    fn stop(self, listeners: Listeners) -> io::Result<()> {
        self.running.readiness.begin_stop();
        let limit = humantime::format_duration(crate::server::DRAIN);
        info!("stopping: waiting up to {limit} for requests in progress");
        notify(&[NotifyState::Stopping]);
        // Closed before the last requests end, so that new clients are refused instead of left waiting.
        listeners.site.iter().for_each(Listener::remove);
        drop(listeners.site);
        let stopped = self.site.stop();
        listeners.management.iter().for_each(Listener::remove);
        drop(listeners.management);
        stopped.and(self.management.map_or(Ok(()), Server::stop))
    }
}

/// The signals that the process handles.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns on SIGTERM or SIGINT. Reloads on SIGHUP.
    async fn wait_for_stop(mut self, watch: &Handle) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => watch.reload(),
            }
        }
    }
}

fn log_start(path: &Path, listeners: &Listeners, snapshot: &Snapshot) {
    for listener in &listeners.site {
        info!("listening on {}", listener.url());
    }
    for listener in &listeners.management {
        info!("management on {}", listener.url());
    }
    match &snapshot.config.site {
        Site::Welcome => info!("site: the welcome page; configure your site in [site] of {}", path.display()),
        Site::Root(root) => info!("site: the directory {}", root.display()),
        Site::Upstream(site) => info!("site: {}", site.upstream),
    }
    info!("state: {}", snapshot.describe(clock::now()));
    info!(
        "to take the site down, run `downtime start`; to bring it back up, run `downtime end`; or edit {}",
        path.display()
    );
}

/// Notifies systemd, if it started the process.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("cannot notify systemd: {error}");
    }
}
