//! Many edits at once, while the file is read (row W12).

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use downtime::store::Store;
use libtest_mimic::Trial;

use super::{MINE, assert_alone, beside, status, text};
use crate::support::process::{Folder, Gateway, downtime};

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::plain:
        of_a_hundred_edits_at_once_none_is_lost_and_every_reader_finds_a_whole_file,
        an_edit_waits_for_others_as_long_as_each_comes_to_its_end,
    ]
}

/// Of starts, and as many ends.
const EDITS: usize = 50;

/// Periods that are active, each with its name as its message.
fn open(names: impl Iterator<Item = String>) -> String {
    names.fold(MINE.to_owned(), |mut text, name| {
        let _ = write!(
            text,
            "\n[[period]]\nname = \"{name}\"\nstart = 2020-01-01T00:00:00Z\nmessage = \"{name}\"\n"
        );
        text
    })
}

fn named(what: &str) -> impl Iterator<Item = String> {
    (0..EDITS).map(move |number| format!("{what}{number}"))
}

fn spawn(mut command: Command, arguments: &[&str]) -> Child {
    command.args(arguments).stdout(Stdio::piped()).spawn().expect("the binary")
}

/// Reads the file until it is told that the edits are done; how many different texts it found.
fn read_all_the_while(path: &Path, done: &AtomicBool) -> usize {
    let mut found = BTreeSet::new();
    loop {
        let last = done.load(Ordering::SeqCst);
        let text = std::fs::read_to_string(path).expect("a file, always");
        if !found.contains(&text) {
            let reading = downtime::config::load::preview(path, &text);
            assert!(reading.config.is_some(), "{:?} in\n{text}", reading.diagnostics);
            found.insert(text);
        }
        if last {
            return found.len();
        }
    }
}

fn of_a_hundred_edits_at_once_none_is_lost_and_every_reader_finds_a_whole_file() {
    let gateway = Gateway::start(&open(named("old")));
    let path = gateway.folder.join("downtime.toml");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_all_the_while(&path, &done));
        let processes: Vec<_> = named("new")
            .zip(named("old"))
            .flat_map(|(new, old)| {
                let [start, end] = [downtime(&gateway.folder), downtime(&gateway.folder)];
                let start = spawn(start, &["start", "--name", &new, "--message", &new]);
                let end = spawn(end, &["end", &old]);
                [(start, format!("\"{new}\" has started\n")), (end, format!("ended \"{old}\"\n"))]
            })
            .collect();
        let outputs = processes.into_iter().map(|(child, said)| (child.wait_with_output(), said));
        let outputs: Vec<_> = outputs.collect();
        done.store(true, Ordering::SeqCst);
        for (output, said) in outputs {
            let output = output.expect("an end");
            assert!(String::from_utf8_lossy(&output.stdout).contains(&said), "{said}: {output:?}");
        }
        let texts = reader.join().expect("whole files");
        assert!(texts > 2, "the reader found {texts} texts");
    });
    assert_eq!(beside(&gateway.folder), Vec::<String>::new());
    assert_all_are_in(&text(&gateway.folder));
    assert_applied(&gateway);
}

fn assert_all_are_in(text: &str) {
    let file: toml::Table = text.parse().expect("valid");
    let periods = file["period"].as_array().expect("periods");
    let names = |ended: bool| -> BTreeSet<_> {
        let chosen = periods.iter().filter(|period| period.get("end").is_some() == ended);
        chosen.map(|period| period["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(periods.len(), 2 * EDITS);
    assert_eq!((names(true), names(false)), (named("old").collect(), named("new").collect()));
}

/// Asserts that the gateway serves what the file says by now, and has found no fault in what it said before.
fn assert_applied(gateway: &Gateway) {
    gateway.process.signal(rustix::process::Signal::HUP);
    gateway.log().wait_for("received SIGHUP: reading");
    gateway.log().wait_for_line("the end of a reading", |line| {
        line.contains("unchanged") || line.contains(" applied ")
    });
    let file: toml::Table = text(&gateway.folder).parse().expect("valid");
    let status = status(gateway);
    assert_eq!(status["message"].as_str(), file["period"][EDITS]["message"].as_str(), "{status}");
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
    assert!(gateway.log().count(" applied ") > 0);
}

/// Replaces the file many times over, as edits do that take their time: with the lock of the old file and of the new one.
fn edit_one_after_the_other(folder: &Folder, pause: Duration, times: usize, begun: &Barrier) {
    let path = folder.join("downtime.toml");
    let mut held = File::open(&path).expect("a file");
    held.lock().expect("a lock");
    begun.wait();
    for number in 1..=times {
        thread::sleep(pause);
        let beside = folder.join("beside");
        std::fs::write(&beside, format!("# {number}\n")).expect("written");
        let new = File::open(&beside).expect("a file");
        new.lock().expect("a lock");
        std::fs::rename(beside, &path).expect("renamed");
        held = new;
    }
    drop(held);
}

fn an_edit_waits_for_others_as_long_as_each_comes_to_its_end() {
    const PATIENCE: Duration = Duration::from_secs(2);
    const PAUSE: Duration = Duration::from_millis(100);
    const TIMES: usize = 25;
    let folder = Folder::with(MINE);
    let store = Store::open(&folder.join("downtime.toml")).expect("a file").with_patience(PATIENCE);
    let begun = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| edit_one_after_the_other(&folder, PAUSE, TIMES, &begun));
        begun.wait();
        store.edit(|text| Ok::<_, Infallible>((Some(format!("{text}# edited\n")), ()))).expect("edited");
    });
    assert_alone(&folder, &format!("# {TIMES}\n# edited\n"));
}
