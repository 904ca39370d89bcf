//! What `start` and `end` do to the file where the world is hostile: the binary, the real file system, and strace, which
//! stops or kills it at a system call, or makes that fail.
//!
//! Where there is no strace, or nothing can be mounted, the tests that need it are ignored, except under CI, where they
//! fail.

use std::fs;

use libtest_mimic::{Completion, Failed, Trial};

use crate::support::process::{Folder, Gateway};
use crate::{debian, ptrace};

/// Trials by the paths of their functions.
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

/// A test that needs strace.
fn traced(name: &str, test: fn()) -> Trial {
    needing(name, &[("strace", "strace")], ptrace::refusal, test)
}

/// A test that mounts something.
fn mounted(name: &str, test: fn()) -> Trial {
    needing(name, &[("unshare", "util-linux"), ("mount", "mount")], namespace::refusal, test)
}

fn needing(
    name: &str,
    programs: &'static [debian::Needed],
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
        let ran: Result<Completion, Failed> = debian::with(programs, run);
        refused.map_or(ran, |reason| debian::ignored(reason.to_owned()))
    })
}

/// A test that needs nothing.
fn plain(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// What a file says that nothing has been done to yet.
const MINE: &str = "# mine\n";

/// An edit whose text is known before.
const START: [&str; 5] = ["start", "--name", "db", "--at", "2999-01-01T00:00:00Z"];

/// The text with what `START` writes into it.
fn started(text: &str) -> String {
    [text, &period("db")].concat()
}

/// A period of this name, as it is written behind a text.
fn period(name: &str) -> String {
    format!("\n[[period]]\nname = \"{name}\"\nstart = 2999-01-01T00:00:00Z\n")
}

/// The file's text.
fn text(folder: &Folder) -> String {
    fs::read_to_string(folder.join("downtime.toml")).expect("a file")
}

/// What lies beside the file.
fn beside(folder: &Folder) -> Vec<String> {
    let names =
        fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    names.filter(|name| name != "downtime.toml").map(|name| name.to_string_lossy().into_owned()).collect()
}

/// Asserts that the file has this text, and that nothing lies beside it.
#[track_caller]
fn assert_alone(folder: &Folder, expected: &str) {
    assert_eq!(text(folder), expected);
    assert_eq!(beside(folder), Vec::<String>::new());
}

/// The public status, as the gateway tells it.
fn status(gateway: &Gateway) -> serde_json::Value {
    gateway.get("/.downtime/status", &[]).json()
}
