//! `downtime serve`: runs the gateway.

mod descriptors;
mod lifetime;
mod listeners;
mod servers;
mod signals;
mod watchdog;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use sd_notify::NotifyState;
use tracing::{info, warn};

use self::lifetime::run_until_stopped;
use self::listeners::{Listeners, warn_of_addresses};
use self::servers::Servers;
use self::signals::Signals;
use super::config_file::ConfigFile;
use super::sockets::PassedSockets;
use super::supervisor::{notify, notify_of};
use super::{print_diagnostics, print_error};
use crate::clock;
use crate::config::Site;
use crate::config::load::{Loaded, load};
use crate::counters::Counters;
use crate::gateway::preparation;
use crate::hooks::{HookCounts, Hooks, reject_start};
use crate::logging::{LOG_TIMEOUT, LogQueue, Logging, log_warnings};
use crate::management::RunningGateway;
use crate::management::activity::Activity;
use crate::server::Readiness;
use crate::snapshot::{Snapshot, Snapshots};
use crate::summary::StateFields;
use crate::thread_exit::exit_notice;
use crate::upstream::SharedUpstreams;
use crate::watch::{Handle, Watch, WatchNotice};

/// Serves until a signal stops it, then returns 0; returns 1 if it cannot start or fails.
pub(super) fn run(file: &ConfigFile) -> ExitCode {
    let path = file.path.as_path();
    // First of all: it changes the environment.
    let Some(passed) = PassedSockets::take() else { return ExitCode::FAILURE };
    let mut loaded = load(path);
    loaded.lint(clock::now());
    let (Some(config), Some(sha256)) = (loaded.reading.config.take(), loaded.sha256.clone()) else {
        print_diagnostics(&loaded.reading.diagnostics);
        tell_rejected(path, &loaded);
        return ExitCode::FAILURE;
    };
    let snapshots = Arc::new(Snapshots::new(config, sha256, clock::now()));
    let Some(listeners) = Listeners::open(passed, &snapshots) else { return ExitCode::FAILURE };
    let logging = match Logging::init(&snapshots.current().config.log) {
        Ok(log) => log,
        Err(error) => return report_failure(&error),
    };
    descriptors::raise_limit();
    log_warnings(&loaded.reading.diagnostics);
    snapshots.current().set_warnings(std::mem::take(&mut loaded.reading.diagnostics));
    let log_queue = logging.queue().clone();
    let served = serve(file, &loaded, listeners, &snapshots, logging);
    log_queue.flush(LOG_TIMEOUT);
    served.map_or_else(|error| report_failure(&error), |()| ExitCode::SUCCESS)
}

/// Runs the commands and sends the webhooks for an invalid file.
fn tell_rejected(path: &Path, loaded: &Loaded) {
    for failed in reject_start(path, &loaded.reading.hooks, &loaded.reading.diagnostics) {
        print_error(&failed, "the file is rejected all the same");
    }
}

fn report_failure(error: &io::Error) -> ExitCode {
    print_error(&format!("the gateway failed: {error}"), descriptors::help(error));
    ExitCode::FAILURE
}

fn serve(
    file: &ConfigFile,
    loaded: &Loaded,
    mut listeners: Listeners,
    snapshots: &Arc<Snapshots>,
    logging: Logging,
) -> io::Result<()> {
    descriptors::check()?;
    let path = file.path.as_path();
    let bound = snapshots.current();
    let (log_queue, access_lines) = (logging.queue().clone(), logging.access_lines());
    let on_apply = move |before: &Snapshot, after: &Snapshot| {
        logging.update(&after.config.log);
        warn_of_addresses(&bound.config, &before.config, &after.config);
        warn_of_lowered_limits(after);
    };
    let (mut hooks, hooks_thread) = Hooks::start(path, &snapshots.current())?;
    let on_notice = move |notice: WatchNotice<'_>| {
        match notice {
            WatchNotice::Checked(snapshot) => hooks.update(snapshot),
            WatchNotice::Rejected(snapshot, rejected) => hooks.reject(snapshot, rejected),
            WatchNotice::Reloading | WatchNotice::Reloaded | WatchNotice::State(_) => {}
        }
        notify_of(notice);
    };
    let (watch, handle) =
        Watch::new(path.to_owned(), loaded, Arc::clone(snapshots), Box::new(on_apply), Box::new(on_notice));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Installed before the start is announced: a signal may follow at once.
    let signals = runtime.block_on(async { Signals::new() })?;
    snapshots.current().prepare_likely_variants(clock::now());
    let (notice, exits) = exit_notice();
    let servers = {
        let running = running_gateway(path, snapshots, handle.clone(), log_queue, hooks_thread.counts())?;
        Servers::start(&listeners, Arc::new(running), &access_lines, &notice)?
    };
    let watch_notice = notice.clone();
    std::thread::Builder::new().name("watch".into()).spawn(move || {
        let _notice = watch_notice;
        watch.run();
    })?;
    preparation::start(snapshots)?;
    log_start(file, &listeners, &snapshots.current());
    warn_of_lowered_limits(&snapshots.current());
    notify(&[NotifyState::Ready]);
    let running = run_until_stopped(servers, &mut listeners, snapshots, &handle, signals, exits);
    let result = runtime.block_on(running);
    listeners.close();
    hooks_thread.stop();
    info!("stopped");
    result
}

fn running_gateway(
    path: &Path,
    snapshots: &Arc<Snapshots>,
    watch: Handle,
    log: LogQueue,
    hooks: Arc<HookCounts>,
) -> io::Result<RunningGateway> {
    Ok(RunningGateway {
        file: std::path::absolute(path)?,
        snapshots: Arc::clone(snapshots),
        bound: snapshots.current(),
        watch,
        readiness: Readiness::default(),
        log,
        counters: Counters::default(),
        activity: Activity::new(Instant::now()),
        connections: Arc::default(),
        upstreams: SharedUpstreams::default(),
        hooks,
        started_at: clock::now(),
    })
}

fn warn_of_lowered_limits(snapshot: &Snapshot) {
    for lowered in snapshot.lowered_limits() {
        warn!("{lowered}");
    }
}

fn log_start(file: &ConfigFile, listeners: &Listeners, snapshot: &Snapshot) {
    let path = &file.path;
    for listener in &listeners.site {
        info!("listening on {}", listener.url());
    }
    for listener in &listeners.management {
        info!("management on {}", listener.url());
    }
    match &snapshot.config.site {
        Site::Welcome => info!("site: the welcome page; configure your site in [site] of {}", path.display()),
        Site::Root(files) => info!("site: the directory {}", files.root.display()),
        Site::Upstream(site) => info!("site: {}", site.upstream),
    }
    let now = clock::now();
    let StateFields { state, until, period } = snapshot.state_fields(now);
    info!(state, until, period, "state: {}", snapshot.describe(now));
    info!(
        "to take the site down, run `{}`; to bring it back up, run `{}`; or edit {}",
        file.command("start"),
        file.command("end"),
        path.display()
    );
}
