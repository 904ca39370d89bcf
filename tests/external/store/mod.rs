//! What `start` and `end` do to the file under adverse conditions: the tests run the binary on a real file system, and
//! strace stops or kills it at a system call, or makes the call fail.
//!
//! Tests that need strace or a mount are ignored if the machine does not allow it; under CI they fail.

use std::fs;

use libtest_mimic::{Completion, Failed, Trial};

use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::{debian, ptrace};

/// Makes trials that are named after the paths of their functions.
macro_rules! trials {
    ($kind:path: $($test:ident),+ $(,)?) => {
        vec![$($kind(concat!(module_path!(), "::", stringify!($test)).trim_start_matches("external::"), $test)),+]
    };
}

mod crowd;
mod faults;
mod full;
mod kept;
mod kills;
mod mounts;
mod namespace;
mod saves;
mod short;
mod strace;

pub(crate) fn trials() -> Vec<Trial> {
    let trials = [
        mounts::trials(),
        crowd::trials(),
        saves::trials(),
        kills::trials(),
        faults::trials(),
        short::trials(),
        full::trials(),
        kept::trials(),
    ];
    trials.into_iter().flatten().collect()
}

/// Makes a trial that needs strace.
fn traced(name: &str, test: fn()) -> Trial {
    trial_with(name, &[("strace", "strace")], ptrace::refusal, test)
}

/// Makes a trial that mounts a file system.
fn mounted(name: &str, test: fn()) -> Trial {
    trial_with(name, &[("unshare", "util-linux"), ("mount", "mount")], namespace::refusal, test)
}

fn trial_with(
    name: &str,
    programs: &'static [debian::RequiredProgram],
    refusal: fn() -> Option<&'static str>,
    test: fn(),
) -> Trial {
    Trial::ignorable_test(name, move || {
        let mut refused = None;
        let run = || -> Result<(), Failed> {
            refused = refusal();
            if refused.is_none() {
                test();
            }
            Ok(())
        };
        let result: Result<Completion, Failed> = debian::with(programs, run);
        refused.map_or(result, |reason| debian::ignore(reason.to_owned()))
    })
}

/// Makes a trial that needs no other program.
fn plain(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// The text of a file before the first edit.
const MINE: &str = "# mine\n";

/// The arguments of an edit whose result is known in advance.
const START: [&str; 5] = ["start", "--name", "db", "--at", "2999-01-01T00:00:00Z"];

/// Returns the text after the edit [`START`].
fn started(text: &str) -> String {
    [text, &period("db")].concat()
}

/// Returns the text that is appended for a period of this name.
fn period(name: &str) -> String {
    format!("\n[[period]]\nname = \"{name}\"\nstart = 2999-01-01T00:00:00Z\n")
}

/// Returns the text of the file.
fn text(directory: &ConfigDirectory) -> String {
    fs::read_to_string(directory.join("downtime.toml")).expect("a file")
}

/// Returns the names of the other files in the directory.
fn beside(directory: &ConfigDirectory) -> Vec<String> {
    let names = fs::read_dir(directory.path())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name());
    names.filter(|name| name != "downtime.toml").map(|name| name.to_string_lossy().into_owned()).collect()
}

/// Asserts that the file has this text, and that the directory contains nothing else.
#[track_caller]
fn assert_alone(directory: &ConfigDirectory, expected: &str) {
    assert_eq!(text(directory), expected);
    assert_eq!(beside(directory), Vec::<String>::new());
}

/// Returns the public status of the gateway.
fn status(gateway: &GatewayProcess) -> serde_json::Value {
    gateway.get("/.downtime/status", &[]).json()
}
