//! `downtime admin`: serves the operators' web page.

mod link;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use rustix::fs::{Access as Permission, access};
use sd_notify::NotifyState;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tracing::info;

use super::config_file::ConfigFile;
use super::sockets::PassedSockets;
use super::supervisor::notify;
use super::{print_diagnostics, print_error};
use crate::admin::access::Access;
use crate::admin::link_socket::give_links;
use crate::admin::settings::AdminSettings;
use crate::admin::{AdminFile, AdminService};
use crate::config::load::{Loaded, load_to_show};
use crate::config::{AdminConfig, Config, Listen};
use crate::logging::{LOG_TIMEOUT, Logging};
use crate::server::Server;
use crate::server::listener::Listener;
use crate::store::read::FileStamp;
use crate::thread_exit::{ExitNotice, exit_notice};

/// The time that requests in progress have to finish when the process stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The mode of the socket for links.
const LINK_MODE: u32 = 0o600;

/// The arguments of `admin`.
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    #[command(subcommand)]
    command: Option<AdminCommand>,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Print a link that logs an operator in, once
    Link(link::LinkArgs),
}

/// Serves until a signal stops it, then returns 0; returns 1 if it cannot start or fails.
pub(super) fn run(file: &ConfigFile, arguments: &AdminArgs) -> Result<ExitCode, ExitCode> {
    // First of all: it changes the environment.
    let mut passed = PassedSockets::take().ok_or(ExitCode::FAILURE)?;
    let stamp = FileStamp::from_path(&file.path);
    let loaded = load_to_show(&file.path);
    let (config, admin) = configured(&loaded)?;
    if let Some(AdminCommand::Link(arguments)) = &arguments.command {
        return link::run(admin, arguments);
    }
    check_writable(config)?;
    let (notice, exits) = exit_notice();
    let access = Access::open(admin, notice.clone()).map_err(|errors| {
        print_diagnostics(&errors);
        ExitCode::FAILURE
    })?;
    let sockets = Sockets::open(&mut passed, admin).ok_or(ExitCode::FAILURE)?;
    let logging = Logging::init(&config.log).map_err(|error| report_failure(&error))?;
    let log = logging.queue().clone();
    let settings = AdminSettings::new(&file.path, admin.clone(), stamp, Some(logging));
    let access = Arc::new(access);
    let service = AdminService::new(AdminFile::new(config.file.clone()), settings, Arc::clone(&access));
    let served = serve(&config.file, &file.command("admin link"), sockets, service, &access, (notice, exits));
    log.flush(LOG_TIMEOUT);
    served.map(|()| ExitCode::SUCCESS).map_err(|error| report_failure(&error))
}

fn report_failure(error: &io::Error) -> ExitCode {
    print_error(&format!("the admin page failed: {error}"), "see the log above");
    ExitCode::FAILURE
}

/// Returns the config and its `[admin]`, or reports what is missing.
fn configured(loaded: &Loaded) -> Result<(&Config, &AdminConfig), ExitCode> {
    let Some(config) = &loaded.reading.config else {
        print_diagnostics(&loaded.reading.diagnostics);
        return Err(ExitCode::FAILURE);
    };
    let admin = config.admin.as_ref().ok_or_else(|| {
        let message = format!("{} has no [admin]", config.file.display());
        print_error(&message, "add the section; it may be empty");
        ExitCode::FAILURE
    })?;
    Ok((config, admin))
}

/// Fails if this process cannot write where the changes of operators go.
fn check_writable(config: &Config) -> Result<(), ExitCode> {
    let (file, help) = match &config.periods_file {
        Some(periods) => (&periods.path, "give its directory to the user that runs this"),
        None => (
            &config.file,
            "name a file for periods in a directory that it can write to: `periods_file = \"/var/lib/downtime/periods.toml\"` \
             at the top of the file",
        ),
    };
    let directory = directory_of(file);
    access(&directory, Permission::WRITE_OK | Permission::EXEC_OK).map_err(|error| {
        let message = format!(
            "changes would go to {}, but this process cannot write to {}: {error}",
            file.display(),
            directory.display()
        );
        print_error(&message, help);
        ExitCode::FAILURE
    })
}

/// Returns the directory in which a file is replaced: that of the target, if it is a symbolic link.
fn directory_of(file: &Path) -> PathBuf {
    let target = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or_else(|| ".".into(), Path::to_owned)
}

fn serve(
    file: &Path,
    link_command: &str,
    sockets: Sockets,
    service: AdminService,
    access: &Arc<Access>,
    (notice, mut exits): (ExitNotice, UnboundedReceiver<String>),
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Installed before the start is announced: a signal may follow at once.
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let links = link_listener(&sockets.link)?;
        let page = std::slice::from_ref(&sockets.page);
        let server =
            Server::start(["admin".to_owned()], page, &notice, &Arc::default(), move || service.clone())?;
        info!("admin page on {}, for {}", sockets.page.url(), file.display());
        info!("to log in, run `{link_command}`");
        notify(&[NotifyState::Ready]);
        let result = tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
            () = give_links(&links, access) => Ok(()),
            thread = exits.recv() => {
                Err(io::Error::other(format!("thread `{}` ended unexpectedly", thread.unwrap_or_default())))
            }
        };
        notify(&[NotifyState::Stopping]);
        drop(links);
        sockets.link.remove();
        sockets.page.remove();
        drop(sockets);
        result.and(server.stop(STOP_TIMEOUT).await)
    })
}

/// The listening sockets.
struct Sockets {
    /// For operators.
    page: Listener,
    /// For links.
    link: Listener,
}

impl Sockets {
    /// Takes the sockets that systemd has passed, and binds the others. Reports why it cannot.
    fn open(passed: &mut PassedSockets, config: &AdminConfig) -> Option<Self> {
        let link = Listen::Unix(config.link_socket.clone(), Some(LINK_MODE));
        let mut open = |address| passed.take_or_bind(address, "[admin]");
        let sockets = Self { page: open(&config.listen)?, link: open(&link)? };
        passed.check_all_taken("[admin]", &[&config.listen, &link])?;
        Some(sockets)
    }
}

/// Returns the socket for links on the runtime of this thread.
fn link_listener(listener: &Listener) -> io::Result<UnixListener> {
    match listener.try_clone()? {
        Listener::Unix(listener, _) => UnixListener::from_std(listener),
        Listener::Tcp(_) | Listener::Tls(..) => Err(io::ErrorKind::InvalidInput.into()),
    }
}
