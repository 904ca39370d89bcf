//! `downtime serve`: runs the gateway.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::{print_diagnostics, print_error};
use crate::alarm::alarm;
use crate::clock;
use crate::config::{Server as ServerConfig, Site};
use crate::load::{Loaded, load};
use crate::logging::{Logging, log_warnings};
use crate::server::Server;
use crate::server::listener::Listener;
use crate::snapshot::{Snapshot, Snapshots};
use crate::watch::{Handle, Watch};

/// Serves until it is told to stop: 0 then, 1 where it cannot start.
pub(super) fn run(path: &Path) -> ExitCode {
    let mut loaded = load(path);
    loaded.reading.lint(clock::now());
    let (Some(config), Some(sha256)) = (loaded.reading.config.take(), loaded.sha256.clone()) else {
        print_diagnostics(&loaded.reading.diagnostics);
        return ExitCode::FAILURE;
    };
    let Some(listeners) = bind(&config.server) else { return ExitCode::FAILURE };
    let logging = Logging::init(&config.log);
    log_warnings(&loaded.reading.diagnostics);
    let snapshots = Arc::new(Snapshots::new(config, sha256, clock::now()));
    match serve(path, &loaded, listeners, &snapshots, logging) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&format!("the gateway has failed: {error}"), "see the log above");
            ExitCode::FAILURE
        }
    }
}

fn bind(server: &ServerConfig) -> Option<Vec<Listener>> {
    let mut listeners = Vec::new();
    for address in &server.listen {
        match Listener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => print_error(&error.to_string(), &error.help()),
        }
    }
    (listeners.len() == server.listen.len()).then_some(listeners)
}

fn serve(
    path: &Path,
    loaded: &Loaded,
    listeners: Vec<Listener>,
    snapshots: &Arc<Snapshots>,
    logging: Logging,
) -> std::io::Result<()> {
    let applied = move |before: &Snapshot, after: &Snapshot| {
        logging.update(&after.config.log);
        if before.config.server.listen != after.config.server.listen {
            warn!("[server] listen takes effect at the next start; all else is applied");
        }
    };
    let (watch, handle) = Watch::new(path.to_owned(), loaded, Arc::clone(snapshots), Box::new(applied));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Caught before anybody is told that it serves: whoever reads that may send one at once.
    let signals = runtime.block_on(async { Signals::catch() })?;
    let (alarm, mut alarms) = alarm();
    let server = Server::start(&listeners, snapshots, &alarm)?;
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
            Some(thread) = alarms.recv() => Err(std::io::Error::other(format!("its thread {thread} has ended"))),
        }
    });
    info!("stopping: requests that have begun may end, within {:?}", crate::server::DRAIN);
    notify(&[NotifyState::Stopping]);
    // Before the last requests end: a client that comes now is refused at once, not left to wait for the end.
    listeners.iter().for_each(Listener::remove);
    drop(listeners);
    let stopped = server.stop();
    info!("stopped");
    told.and(stopped)
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

fn greet(path: &Path, listeners: &[Listener], snapshot: &Snapshot) {
    for listener in listeners {
        info!("listening on {}", listener.url());
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
