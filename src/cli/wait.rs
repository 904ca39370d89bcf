//! `downtime wait`: waits until the running gateway reports that the site is up or down.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::config_file::ConfigFile;
use super::gateway_address::{GatewayAddress, QUERY_TIMEOUT};
use super::{print_diagnostics, print_error, print_result};
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::duration;
use crate::config::load::load_to_show;
use crate::editing::parse_duration_with;
use crate::escape::peer_text;
use crate::management::client::query;
use crate::schedule::state::State;

/// The pause between two queries.
const PAUSE: Duration = Duration::from_millis(250);

/// The arguments of `wait`.
#[derive(Debug, Args)]
pub(super) struct WaitArgs {
    /// The state to wait for: the whole site is up, or all of it is down
    state: WantedState,

    /// Fail if the site is not in this state in time [default: wait for ever]
    #[arg(long, value_name = "DURATION", value_parser = timeout, allow_hyphen_values = true)]
    timeout: Option<Duration>,
}

fn timeout(text: &str) -> Result<Duration, String> {
    parse_duration_with(text, &["s", "m"])
}

/// A state that can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WantedState {
    Up,
    Down,
}

impl WantedState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Up => State::Up.as_str(),
            Self::Down => State::Down.as_str(),
        }
    }
}

/// Returns 0 once the gateway reports the state, 1 if it does not in time or cannot be queried at all.
pub(super) fn run(file: &ConfigFile, arguments: &WaitArgs) -> Result<ExitCode, ExitCode> {
    let address = GatewayAddress::require(&load_to_show(&file.path).reading).ok_or(ExitCode::FAILURE)?;
    let listen = &address.listen;
    let mut is_assumed = address.is_assumed();
    let wanted = arguments.state.as_str();
    let deadline = arguments.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut has_warned = false;
    // The shortest timeout still allows one query, also on a busy machine.
    let mut least = QUERY_TIMEOUT;
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let limit = left.map_or(QUERY_TIMEOUT, |left| left.clamp(least, QUERY_TIMEOUT));
        least = PAUSE;
        let reason = match query(listen, limit) {
            Ok(reply) if is_assumed && !reply.gateway.is_at(&file.path) => {
                let other = peer_text(&reply.gateway.file);
                address.print_assumed(&format!("the gateway at {listen} serves another file, {other}"));
                return Ok(ExitCode::FAILURE);
            }
            Ok(reply) => {
                is_assumed = false;
                let lines = reply.gateway.lines.first().map(String::as_str).unwrap_or_default();
                let state = peer_text(lines.trim_start_matches("state").trim_start()).into_owned();
                if reply.state == wanted {
                    print_result(&(state + "\n"))?;
                    return Ok(ExitCode::SUCCESS);
                }
                format!("it is {state}")
            }
            Err(error) if is_assumed => {
                address
                    .print_assumed(&format!("no gateway answers at {listen}, which is the default: {error}"));
                return Ok(ExitCode::FAILURE);
            }
            Err(error) => {
                let reason = format!("could not query the gateway at {listen}: {error}");
                if !std::mem::replace(&mut has_warned, true) {
                    warn(&reason);
                }
                reason
            }
        };
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            let timeout = duration::format(arguments.timeout.unwrap_or_default());
            let help = format!("wait longer, or see `{}` for what comes next", file.command("status"));
            print_error(&format!("the site is not {wanted} after {timeout}: {reason}"), &help);
            return Ok(ExitCode::FAILURE);
        }
        std::thread::sleep(left.map_or(PAUSE, |left| left.min(PAUSE)));
    }
}

fn warn(reason: &str) {
    let diagnostic = Diagnostic::for_file(reason, "waiting until it answers; press Ctrl-C to give up");
    print_diagnostics(&[Diagnostic { severity: Severity::Warning, ..diagnostic }]);
}
