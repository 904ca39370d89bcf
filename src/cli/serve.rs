//! `downtime serve`: runs the gateway.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
use crate::server::{Server, workers};
use crate::snapshot::{Snapshot, Snapshots};
use crate::thread_exit::{ExitNotice, alarm};
use crate::watch::{Handle, Watch};

/// Serves until it is told to stop: 0 then, 1 where it cannot start.
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
            print_error(&format!("the gateway has failed: {error}"), "see the log above");
            ExitCode::FAILURE
        }
    }
}

/// Where visitors and operators are served.
struct Listeners {
    site: Vec<Listener>,
    management: Vec<Listener>,
}

impl Listeners {
    /// All of them, or none, once it is said why.
    fn bind(config: &Config) -> Option<Self> {
        let site = bind(&config.server.listen, "[server]");
        let management = bind(&operators(config), "[management]");
        Some(Self { site: site?, management: management? })
    }
}

/// Where operators are served: one address, or none.
fn operators(config: &Config) -> Vec<Listen> {
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
    let applied = move |before: &Snapshot, after: &Snapshot| {
        logging.update(&after.config.log);
        warn_of_addresses(&bound.config, &before.config, &after.config);
    };
    let (watch, handle) = Watch::new(path.to_owned(), loaded, Arc::clone(snapshots), Box::new(applied));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Caught before anybody is told that it serves: whoever reads that may send one at once.
    let signals = runtime.block_on(async { Signals::catch() })?;
    let (alarm, mut alarms) = alarm();
    let servers = Servers::start(path, &listeners, snapshots, handle.clone(), &alarm)?;
    let watching = alarm.clone();
    std::thread::Builder::new().name("watch".into()).spawn(move || {
        let _alarm = watching;
        watch.run();
    })?;
    greet(path, &listeners, &snapshots.current());
    notify(&[NotifyState::Ready]);
    let told = runtime.block_on(async {
        tokio::select! {
            () = signals.obey(&handle) => Ok(()),
            Some(thread) = alarms.recv() => Err(io::Error::other(format!("its thread {thread} has ended"))),
        }
    });
    let stopped = servers.stop(listeners);
    info!("stopped");
    told.and(stopped)
}

/// What is bound stays bound: says so where an edit asks for other addresses.
fn warn_of_addresses(bound: &Config, before: &Config, after: &Config) {
    let asks = |wanted: &dyn Fn(&Config) -> Vec<Listen>| {
        wanted(after) != wanted(before) && wanted(after) != wanted(bound)
    };
    for (section, asks) in
        [("[server]", asks(&|config| config.server.listen.clone())), ("[management]", asks(&operators))]
    {
        if asks {
            warn!("{section} listen takes effect at the next start; all else is applied");
        }
    }
}

/// The server for visitors and, where there is to be one, that for operators.
struct Servers {
    site: Server,
    management: Option<Server>,
    subject: Arc<RunningGateway>,
}

impl Servers {
    fn start(
        path: &Path,
        listeners: &Listeners,
        snapshots: &Arc<Snapshots>,
        watch: Handle,
        alarm: &ExitNotice,
    ) -> io::Result<Self> {
        let file = std::path::absolute(path)?;
        let stopping = AtomicBool::new(false);
        let subject = Arc::new(RunningGateway { file, snapshots: Arc::clone(snapshots), watch, stopping });
        let gateway = {
            let snapshots = Arc::clone(snapshots);
            move || Gateway::new(Arc::clone(&snapshots), warp::service(filters::routes()))
        };
        let for_operators = {
            let subject = Arc::clone(&subject);
            move || management(&subject)
        };
        let site = Server::start(workers(), &listeners.site, alarm, gateway)?;
        let start = || Server::start(["management".to_owned()], &listeners.management, alarm, for_operators);
        let management = (!listeners.management.is_empty()).then(start).transpose()?;
        Ok(Self { site, management, subject })
    }

    /// Lets the visitors' requests end first; meanwhile operators are told that it is stopping.
    fn stop(self, listeners: Listeners) -> io::Result<()> {
        self.subject.stopping.store(true, Ordering::Relaxed);
        let limit = humantime::format_duration(crate::server::DRAIN);
        info!("stopping: requests that have begun may end, within {limit}");
        notify(&[NotifyState::Stopping]);
        // Before the last requests end: a client that comes now is refused at once, not left to wait for the end.
        listeners.site.iter().for_each(Listener::remove);
        drop(listeners.site);
        let stopped = self.site.stop();
        listeners.management.iter().for_each(Listener::remove);
        drop(listeners.management);
        stopped.and(self.management.map_or(Ok(()), Server::stop))
    }
}

/// The signals that the process acts on.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns when the process is told to stop.
    async fn obey(mut self, watch: &Handle) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => watch.reload(),
            }
        }
    }
}

fn greet(path: &Path, listeners: &Listeners, snapshot: &Snapshot) {
    for listener in &listeners.site {
        info!("listening on {}", listener.url());
    }
    for listener in &listeners.management {
        info!("management on {}", listener.url());
    }
    match &snapshot.config.site {
        Site::Welcome => info!("site: the welcome page; name yours in [site] of {}", path.display()),
        Site::Root(root) => info!("site: the folder {}", root.display()),
        Site::Upstream(site) => info!("site: {}", site.upstream),
    }
    info!("state: {}", snapshot.describe(clock::now()));
    info!("to take it down: downtime start; to bring it back: downtime end; or edit {}", path.display());
}

/// Tells systemd, where it is there.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("cannot notify systemd: {error}");
    }
}
