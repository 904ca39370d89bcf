//! Many simultaneous edits while the file is read.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use downtime::store::Store;
use libtest_mimic::Trial;

use super::{MINE, assert_alone, beside, status, text};
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime};

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::plain:
        no_simultaneous_edit_is_lost_and_readers_always_find_a_whole_file,
        an_edit_waits_as_long_as_other_edits_make_progress,
    ]
}

/// The number of starts, and of ends.
const EDITS: usize = 50;

/// Returns a config of active periods, each with its name as its message.
fn active_periods(names: impl Iterator<Item = String>) -> String {
    names.fold(MINE.to_owned(), |mut text, name| {
        let _ = write!(
            text,
            "\n[[period]]\nname = \"{name}\"\nstart = 2020-01-01T00:00:00Z\nmessage = \"{name}\"\n"
        );
        text
    })
}

fn named(prefix: &str) -> impl Iterator<Item = String> {
    (0..EDITS).map(move |number| format!("{prefix}{number}"))
}

fn spawn(mut command: Command, arguments: &[&str]) -> Child {
    command.args(arguments).stdout(Stdio::piped()).spawn().expect("the binary")
}

/// Reads the file until the edits are done, and returns the number of different texts.
fn read_until_done(path: &Path, done: &AtomicBool) -> usize {
    let mut texts = BTreeSet::new();
    loop {
        let last = done.load(Ordering::SeqCst);
        let text = std::fs::read_to_string(path).expect("a file at any time");
        if !texts.contains(&text) {
            let reading = downtime::config::load::preview(path, &text);
            assert!(reading.config.is_some(), "{:?} in\n{text}", reading.diagnostics);
            texts.insert(text);
        }
        if last {
            return texts.len();
        }
    }
}

fn no_simultaneous_edit_is_lost_and_readers_always_find_a_whole_file() {
    let gateway = GatewayProcess::start(&active_periods(named("old")));
    let path = gateway.directory.join("downtime.toml");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_until_done(&path, &done));
        let processes: Vec<_> = named("new")
            .zip(named("old"))
            .flat_map(|(new, old)| {
                let [start, end] = [downtime(&gateway.directory), downtime(&gateway.directory)];
                let start = spawn(start, &["start", "--name", &new, "--message", &new]);
                let end = spawn(end, &["end", &old]);
                [(start, format!("\"{new}\" has started\n")), (end, format!("ended \"{old}\"\n"))]
            })
            .collect();
        let outputs = processes.into_iter().map(|(child, expected)| (child.wait_with_output(), expected));
        let outputs: Vec<_> = outputs.collect();
        done.store(true, Ordering::SeqCst);
        for (output, expected) in outputs {
            let output = output.expect("an end");
            assert!(String::from_utf8_lossy(&output.stdout).contains(&expected), "{expected}: {output:?}");
        }
        let texts = reader.join().expect("whole files");
        assert!(texts > 2, "the reader found {texts} texts");
    });
    assert_eq!(beside(&gateway.directory), Vec::<String>::new());
    assert_contains_all_edits(&text(&gateway.directory));
    assert_applied(&gateway);
}

fn assert_contains_all_edits(text: &str) {
    let file: toml::Table = text.parse().expect("valid");
    let periods = file["period"].as_array().expect("periods");
    let names = |ended: bool| -> BTreeSet<_> {
        let chosen = periods.iter().filter(|period| period.get("end").is_some() == ended);
        chosen.map(|period| period["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(periods.len(), 2 * EDITS);
    assert_eq!((names(true), names(false)), (named("old").collect(), named("new").collect()));
}

/// Asserts that the gateway has applied the current file, and that it has logged no error.
fn assert_applied(gateway: &GatewayProcess) {
    gateway.process.signal(rustix::process::Signal::HUP);
    gateway.log().wait_for("received SIGHUP: reading");
    gateway.log().wait_for_line("the end of the reading", |line| {
        line.contains("unchanged") || line.contains(" applied ")
    });
    let file: toml::Table = text(&gateway.directory).parse().expect("valid");
    let status = status(gateway);
    assert_eq!(status["message"].as_str(), file["period"][EDITS]["message"].as_str(), "{status}");
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
    assert!(gateway.log().count(" applied ") > 0);
}

/// Replaces the file repeatedly as slow edits do: while it holds the locks of the old and the new file. Ends early if the sender of
/// `done` is dropped.
fn edit_repeatedly(
    directory: &ConfigDirectory,
    pause: Duration,
    times: usize,
    started: &Barrier,
    done: &Receiver<()>,
) {
    let path = directory.join("downtime.toml");
    let mut held = File::open(&path).expect("a file");
    held.lock().expect("a lock");
    started.wait();
    for number in 1..=times {
        // How long an edit takes.
        if done.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let beside = directory.join("beside");
        std::fs::write(&beside, format!("# {number}\n")).expect("written");
        let new = File::open(&beside).expect("a file");
        new.lock().expect("a lock");
        std::fs::rename(beside, &path).expect("renamed");
        held = new;
    }
    drop(held);
}

fn an_edit_waits_as_long_as_other_edits_make_progress() {
    const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
    const PAUSE: Duration = Duration::from_millis(100);
    const TIMES: usize = 25;
    let directory = ConfigDirectory::with(MINE);
    let store =
        Store::open(&directory.join("downtime.toml")).expect("a file").with_lock_timeout(LOCK_TIMEOUT);
    let started = Barrier::new(2);
    thread::scope(|scope| {
        let (_waiting, done) = channel();
        let (directory, started) = (&directory, &started);
        scope.spawn(move || edit_repeatedly(directory, PAUSE, TIMES, started, &done));
        started.wait();
        store.edit(|text| Ok::<_, Infallible>((Some(format!("{text}# edited\n")), ()))).expect("edited");
    });
    assert_alone(&directory, &format!("# {TIMES}\n# edited\n"));
}
