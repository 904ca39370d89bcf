//! The two ways in which the gateway detects changes, and the behaviours that must hold in both.

use std::fmt;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};

use crate::debian;
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime, downtime_by};

/// A text that the log has once if file system events are unavailable.
pub(crate) const POLLS: &str = "polling every second instead";

/// How the gateway detects changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watching {
    /// By file system events.
    Events,
    /// By polling, because the system refuses inotify instances.
    Polling,
}

impl Watching {
    /// Returns the time within which a valid edit must be applied.
    pub(crate) fn in_time(self) -> Duration {
        match self {
            Self::Events => Duration::from_millis(500),
            Self::Polling => Duration::from_secs(2),
        }
    }

    /// Returns how often to repeat a step: less often if polling makes each take a second.
    pub(crate) fn times(self, by_events: usize, by_polling: usize) -> usize {
        match self {
            Self::Events => by_events,
            Self::Polling => by_polling,
        }
    }

    /// Returns a command on the directory's file that detects changes in this way.
    pub(crate) fn command(self, directory: &ConfigDirectory) -> Command {
        match self {
            Self::Events => downtime(directory),
            Self::Polling => downtime_by("unshare", &WITHOUT_INOTIFY, directory),
        }
    }

    /// Starts a gateway on this config.
    pub(crate) fn start(self, config: &str) -> GatewayProcess {
        self.on(ConfigDirectory::with(config))
    }

    /// Starts a gateway in a directory.
    pub(crate) fn on(self, directory: ConfigDirectory) -> GatewayProcess {
        let command = self.command(&directory);
        self.run(directory, command)
    }

    /// Starts a gateway with a command from [`Watching::command`].
    pub(crate) fn run(self, directory: ConfigDirectory, command: Command) -> GatewayProcess {
        let gateway = GatewayProcess::run(directory, command);
        assert_eq!(gateway.log().count(POLLS), self.times(0, 1), "{}", gateway.log().text());
        gateway
    }
}

impl fmt::Display for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "events",
            Self::Polling => "polling",
        })
    }
}

/// Arguments of `unshare` that start a command in a user namespace that allows no inotify instances (`namespaces(7)`).
/// The process stays the same, so signals reach the command.
const WITHOUT_INOTIFY: [&str; 5] = [
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    "echo 0 >/proc/sys/user/max_inotify_instances && exec \"$0\" \"$@\"",
];

/// A test of a behaviour that must hold in both modes.
#[derive(Clone, Copy)]
pub(crate) struct Behaviour {
    pub(crate) name: &'static str,
    pub(crate) test: fn(Watching) -> Result<Completion, Failed>,
}

impl Behaviour {
    pub(crate) fn trial(self, watching: Watching) -> Trial {
        Trial::ignorable_test(format!("reload::{watching}::{}", self.name), move || match watching {
            Watching::Events => (self.test)(watching),
            Watching::Polling => without_inotify(|| (self.test)(watching)),
        })
    }
}

/// The return type of a test: `()`, or a result if the test can be ignored.
pub(crate) trait Outcome {
    fn completion(self) -> Result<Completion, Failed>;
}

impl Outcome for () {
    fn completion(self) -> Result<Completion, Failed> {
        Ok(Completion::Completed)
    }
}

impl Outcome for Result<Completion, Failed> {
    fn completion(self) -> Self {
        self
    }
}

/// Makes behaviours from test functions and names them after the functions.
macro_rules! behaviours {
    ($($test:ident),* $(,)?) => {
        &[$($crate::reload::watching::Behaviour {
            name: stringify!($test),
            test: |watching| $crate::reload::watching::Outcome::completion($test(watching)),
        }),*]
    };
}

/// Runs a test that needs [`WITHOUT_INOTIFY`], or ignores it if the machine does not allow that.
fn without_inotify(test: impl FnOnce() -> Result<Completion, Failed>) -> Result<Completion, Failed> {
    static REFUSAL: OnceLock<Option<String>> = OnceLock::new();
    match REFUSAL.get_or_init(refusal) {
        None => test(),
        Some(reason) => debian::ignore(format!("user namespaces are not allowed: {reason}")),
    }
}

/// Returns the reason if [`WITHOUT_INOTIFY`] does not work.
fn refusal() -> Option<String> {
    let output = Command::new("unshare").args(WITHOUT_INOTIFY).arg("true").output();
    match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("could not run unshare (Debian: apt-get install util-linux): {error}")),
    }
}
