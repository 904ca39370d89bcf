//! Changes of other files in the directory hide no edit, and cost little.

use std::fs::{File, create_dir_all, read_to_string};
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::scope;
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed};
use rustix::process::Signal;

use super::watching::{Behaviour, Watching};
use super::{assert_applied, await_in_time, config_with_message, let_pass};
use crate::debian;
use crate::support::process::{ConfigDirectory, GatewayProcess, listening};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    twenty_thousand_new_files_in_the_directory_hide_no_edit,
    a_busy_log_in_the_directory_delays_no_edit_and_costs_little,
];

pub(crate) const BY_EVENTS: &[Behaviour] = behaviours![an_edit_is_applied_although_the_event_queue_was_full];

const FILES: usize = 20_000;

fn create_files(directory: &ConfigDirectory, prefix: &str) {
    for number in 0..FILES {
        File::create(directory.join(&format!("{prefix}{number}"))).expect("created");
    }
}

/// Makes two edits, and asserts that each is applied in time.
fn edit_twice(gateway: &GatewayProcess, watching: Watching) {
    for message in ["that edit", "the next one"] {
        gateway.edit(&config_with_message(message));
        await_in_time(gateway, watching, message);
    }
}

fn twenty_thousand_new_files_in_the_directory_hide_no_edit(watching: Watching) {
    let gateway = watching.start(&config_with_message("first"));
    create_files(&gateway.directory, "file");
    edit_twice(&gateway, watching);
    assert_applied(&gateway, 2);
}

fn an_edit_is_applied_although_the_event_queue_was_full(watching: Watching) -> Result<Completion, Failed> {
    let limit = read_to_string("/proc/sys/fs/inotify/max_queued_events")?;
    if limit.trim().parse::<usize>()? >= FILES {
        return debian::ignore(format!(
            "the event queue of this machine has room for {} events",
            limit.trim()
        ));
    }
    let gateway = watching.start(&config_with_message("first"));
    for round in 0..2 {
        gateway.process.signal(Signal::STOP);
        create_files(&gateway.directory, &format!("file {round} "));
        let message = format!("lost in round {round}");
        gateway.edit(&config_with_message(&message));
        gateway.process.signal(Signal::CONT);
        await_in_time(&gateway, watching, &message);
        edit_twice(&gateway, watching);
    }
    assert_applied(&gateway, 6);
    Ok(Completion::Completed)
}

/// The number of writes per second.
const WRITES: u32 = 10_000;
/// The depth of the file's directory, so that it costs measurable time to check the file.
const DEPTH: usize = 500;
/// The share of a core that the watch may spend on the writes. To receive an event for each takes a few hundredths; to
/// check the file for each would take more than a core.
const MAX_SHARE: f64 = 0.2;

/// Appends lines at the rate of [`WRITES`] until the sender of `done` is dropped.
fn write_log(path: &Path, done: &Receiver<()>) {
    let mut log = File::create(path).expect("created");
    let begun = Instant::now();
    for written in 0.. {
        log.write_all(b"a line\n").expect("written");
        let due = begun + Duration::from_secs(1) * written / WRITES;
        if done.recv_timeout(due.saturating_duration_since(Instant::now())) != Err(RecvTimeoutError::Timeout)
        {
            return;
        }
    }
}

/// Measures for three seconds which share of a core the watch takes.
fn measure_share(gateway: &GatewayProcess) -> f64 {
    let (begun, before) = (Instant::now(), gateway.process.cpu_time("watch"));
    let_pass(gateway, Duration::from_secs(3));
    let spent = gateway.process.cpu_time("watch").saturating_sub(before);
    spent.as_secs_f64() / begun.elapsed().as_secs_f64()
}

fn a_busy_log_in_the_directory_delays_no_edit_and_costs_little(watching: Watching) {
    let directory = ConfigDirectory::with("");
    let deep = "d/".repeat(DEPTH);
    let file = format!("{deep}downtime.toml");
    create_dir_all(directory.join(&deep)).expect("made");
    directory.write(&file, &listening(&config_with_message("first")));
    let mut command = watching.command(&directory);
    command.args(["-c", &file]);
    let gateway = watching.run(directory, command);
    let share = scope(|scope| {
        // If an edit is not applied, the scope still waits for the thread that writes the log, which ends when this is dropped.
        let (_writing, done) = channel();
        let log = gateway.directory.join(&format!("{deep}access.log"));
        scope.spawn(move || write_log(&log, &done));
        let share = measure_share(&gateway);
        for message in ["that edit", "the next one"] {
            gateway.directory.replace(&file, &listening(&config_with_message(message)));
            await_in_time(&gateway, watching, message);
        }
        share
    });
    assert!(share < MAX_SHARE, "{share}");
    assert_applied(&gateway, 2);
}
