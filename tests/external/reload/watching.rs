//! How the gateway gets to know of changes, and what holds whichever way that is.

use std::fmt;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};

use crate::debian;
use crate::support::process::{Folder, Gateway, downtime, downtime_by};

/// What the log says, once, where the system reports no changes.
pub(crate) const POLLS: &str = "polling every second instead";

/// How the gateway gets to know of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watching {
    /// The system reports them.
    Events,
    /// It does not: there is no inotify instance to be had.
    Polling,
}

impl Watching {
    /// Within this a valid edit is applied.
    pub(crate) fn in_time(self) -> Duration {
        match self {
            Self::Events => Duration::from_millis(500),
            Self::Polling => Duration::from_secs(2),
        }
    }

    /// How often to do something: less often where each time takes a second.
    pub(crate) fn times(self, by_events: usize, by_polling: usize) -> usize {
        match self {
            Self::Events => by_events,
            Self::Polling => by_polling,
        }
    }

    /// The command on a folder's file, where changes are noticed so.
    pub(crate) fn command(self, folder: &Folder) -> Command {
        match self {
            Self::Events => downtime(folder),
            Self::Polling => downtime_by("unshare", &WITHOUT_INOTIFY, folder),
        }
    }

    /// Starts a gateway on this config.
    pub(crate) fn start(self, config: &str) -> Gateway {
        self.on(Folder::with(config))
    }

    /// Starts one on a folder.
    pub(crate) fn on(self, folder: Folder) -> Gateway {
        let command = self.command(&folder);
        self.run(folder, command)
    }

    /// Starts one by a command made by [`Watching::command`].
    pub(crate) fn run(self, folder: Folder, command: Command) -> Gateway {
        let gateway = Gateway::run(folder, command);
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

/// Arguments of `unshare` that start a command in a user namespace without any inotify instance (`namespaces(7)`). The
/// process is the same throughout, so signals reach the command.
const WITHOUT_INOTIFY: [&str; 5] = [
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    "echo 0 >/proc/sys/user/max_inotify_instances && exec \"$0\" \"$@\"",
];

/// A test of what holds in this mode of watching.
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

/// What a test came to: nothing more to say, or that it was ignored.
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

/// The behaviours that these functions test, by their names.
macro_rules! behaviours {
    ($($test:ident),* $(,)?) => {
        &[$($crate::reload::watching::Behaviour {
            name: stringify!($test),
            test: |watching| $crate::reload::watching::Outcome::completion($test(watching)),
        }),*]
    };
}

/// Runs a test that needs [`WITHOUT_INOTIFY`], where that can be had.
fn without_inotify(test: impl FnOnce() -> Result<Completion, Failed>) -> Result<Completion, Failed> {
    static REFUSED: OnceLock<Option<String>> = OnceLock::new();
    match REFUSED.get_or_init(refused) {
        None => test(),
        Some(reason) => debian::ignored(format!("no user namespace may be made here: {reason}")),
    }
}

fn refused() -> Option<String> {
    let tried = Command::new("unshare").args(WITHOUT_INOTIFY).arg("true").output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare (Debian: apt-get install util-linux): {error}")),
    }
}
