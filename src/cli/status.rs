//! `downtime status`: the current state and what comes next, from the running gateway if the file has `[management]`.

mod cancel;

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::cancel::Cancel;
use super::config_file::ConfigFile;
use super::gateway_address::{ASSUMED_HELP, GatewayAddress, QUERY_TIMEOUT};
use super::{Format, print_diagnostics, print_error, print_result};
use crate::clock;
use crate::config::Listen;
use crate::config::diagnostic::Diagnostic;
use crate::config::load::{Loaded, load_to_show};
use crate::editing::from_gateway;
use crate::escape::peer_text;
use crate::management::client::{StatusReply, query, query_health};
use crate::management::status::{GatewayStatus, Rejection};
use crate::schedule::human_time::local;
use crate::schedule::state::State;
use crate::summary::{Summary, certificate_problems, short_bypass_lines, status_lines, to_json};

/// The arguments of `status`.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(super) format: Format,

    /// Only check that the running gateway serves, for health checks of containers: exit with 0 or 1
    #[arg(long, conflicts_with = "format")]
    pub(super) serving: bool,
}

/// Returns 0 if the site is up, 3 if it is not, 1 if the state is unknown or the gateway has rejected the file.
pub(super) fn run(file: &ConfigFile, arguments: &StatusArgs) -> Result<ExitCode, ExitCode> {
    if arguments.serving {
        return check_serving(&file.path);
    }
    let format = arguments.format;
    let path = file.path.as_path();
    let loaded = load_to_show(path);
    let cancel = Cancel::new(&loaded, file, clock::now());
    let Some(address) = GatewayAddress::new(&loaded.reading) else {
        let reason = "no gateway was queried: the file has no [management]";
        return report_file(path, &loaded, format, &cancel, reason, None);
    };
    let listen = &address.listen;
    let help = address.is_assumed().then_some(ASSUMED_HELP);
    match query(listen, QUERY_TIMEOUT) {
        Ok(reply) if is_same_file(&reply.gateway, path, &loaded) => {
            report_gateway(&reply, listen, path, &loaded, format, &cancel)
        }
        Ok(StatusReply { gateway, .. }) => {
            let reason = format!("the gateway at {listen} serves another file, {}", peer_text(&gateway.file));
            report_file(path, &loaded, format, &cancel, &reason, help)
        }
        Err(error) => {
            let reason = format!("could not query the gateway at {listen}: {error}");
            report_file(path, &loaded, format, &cancel, &reason, help)
        }
    }
}

/// Returns 0 if the gateway answers `/health`, else 1.
fn check_serving(path: &Path) -> Result<ExitCode, ExitCode> {
    let address = GatewayAddress::require(&load_to_show(path).reading).ok_or(ExitCode::FAILURE)?;
    let listen = &address.listen;
    if let Err(error) = query_health(listen, QUERY_TIMEOUT) {
        if address.is_assumed() {
            address.print_assumed(&format!("no gateway serves at {listen}, which is the default: {error}"));
        } else {
            print_error(&format!("the gateway at {listen} does not serve: {error}"), "check its log");
        }
        return Ok(ExitCode::FAILURE);
    }
    print_result(&format!("the gateway at {listen} serves\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns true if the gateway serves this file: it has the same path, or the same contents, since a container may use
/// another path.
fn is_same_file(gateway: &GatewayStatus, path: &Path, loaded: &Loaded) -> bool {
    gateway.is_at(path) || loaded.sha256.as_ref() == Some(&gateway.sha256)
}

/// The state that the current version of the file has in the gateway.
enum FileStatus<'a> {
    Applied,
    Rejected(&'a Rejection),
    /// The gateway has not read it yet.
    Unread,
    /// This command cannot read it.
    Unknown,
}

impl<'a> FileStatus<'a> {
    fn new(gateway: &'a GatewayStatus, loaded: &Loaded) -> Self {
        match gateway.rejected.as_ref().filter(|rejection| rejection.is_of(loaded.sha256.as_deref())) {
            Some(rejection) => Self::Rejected(rejection),
            None if loaded.sha256.as_ref() == Some(&gateway.sha256) => Self::Applied,
            None if loaded.sha256.is_none() => Self::Unknown,
            None => Self::Unread,
        }
    }
}

/// Prints the status that the gateway reports.
fn report_gateway(
    reply: &StatusReply,
    listen: &Listen,
    path: &Path,
    loaded: &Loaded,
    format: Format,
    cancel: &Cancel,
) -> Result<ExitCode, ExitCode> {
    let gateway = &reply.gateway;
    let file = FileStatus::new(gateway, loaded);
    if format == Format::Json {
        let mut document = reply.document.clone();
        let differs = loaded.sha256.as_ref() != Some(&gateway.sha256);
        document.insert("file_differs".into(), differs.into());
        print_result(&to_json(&document))?;
    } else {
        print_result(&cancel.add_to(describe(gateway, listen, path, &file)))?;
        if let FileStatus::Rejected(rejection) = file {
            print_diagnostics(&rejected_diagnostics(rejection, loaded));
        }
    }
    Ok(match file {
        FileStatus::Rejected(_) => ExitCode::FAILURE,
        FileStatus::Applied | FileStatus::Unread | FileStatus::Unknown => {
            super::state_code(reply.state == State::Up.as_str())
        }
    })
}

fn describe(gateway: &GatewayStatus, listen: &Listen, path: &Path, file: &FileStatus<'_>) -> Vec<String> {
    let zone = gateway.timezone.as_ref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let at = |time: Timestamp| local(time, &zone);
    let file = match file {
        FileStatus::Applied if gateway.listen_differs => {
            "is applied, but its `listen` takes effect at the next start".into()
        }
        FileStatus::Applied => "is applied".into(),
        FileStatus::Rejected(rejection) => {
            format!("was rejected at {}; the gateway keeps its last valid configuration", at(rejection.at))
        }
        FileStatus::Unread => "has changed; the gateway has not read it yet".into(),
        FileStatus::Unknown => "does not exist or cannot be read; the gateway keeps its configuration".into(),
    };
    let mut lines = gateway.lines.clone();
    lines.push(format!(
        "source    the gateway at {listen}: snapshot {} since {}, watching by {}",
        gateway.generation,
        at(gateway.applied_at),
        gateway.watch
    ));
    lines.push(format!("file      {} {file}", path.display()));
    lines
}

/// Returns the errors of the rejected file: those of the file here, with their places, if it is the same.
fn rejected_diagnostics(rejection: &Rejection, loaded: &Loaded) -> Vec<Diagnostic> {
    if loaded.reading.config.is_none() && rejection.sha256 == loaded.sha256 {
        return loaded.reading.diagnostics.clone();
    }
    rejection.errors().map(from_gateway).collect()
}

/// Prints the status that the file implies, and the reason why it is not that of a gateway. `help` is for a file that implies none.
fn report_file(
    path: &Path,
    loaded: &Loaded,
    format: Format,
    cancel: &Cancel,
    reason: &str,
    help: Option<&str>,
) -> Result<ExitCode, ExitCode> {
    let reading = &loaded.reading;
    let now = clock::now();
    if format == Format::Json {
        print_result(&Summary::new(reading.config.as_ref(), &reading.diagnostics, now).to_json())?;
    }
    let Some(config) = &reading.config else {
        if format == Format::Human {
            print_diagnostics(&reading.diagnostics);
            let help = help.unwrap_or("a running gateway keeps its last valid configuration");
            let is_read = reading.diagnostics.iter().any(|diagnostic| diagnostic.place.is_some());
            let problem = if is_read { "is invalid" } else { "cannot be read" };
            print_error(&format!("state unknown: the file {problem}, and {reason}"), help);
        }
        return Ok(ExitCode::FAILURE);
    };
    let state = config.rules.schedule.at(now);
    if format == Format::Human {
        let source = format!("source    {}; {reason}", path.display());
        let lines = status_lines(config, &state, None, now)
            .into_iter()
            .chain(certificate_problems(config, now))
            .chain(short_bypass_lines(config, now));
        print_result(&cancel.add_to(lines.chain([source]).collect()))?;
    }
    Ok(super::state_code(state.state() == State::Up))
}
