//! What goes on beside the file hides no edit of it, and costs little (row W10).

use std::fs::{File, create_dir_all, read_to_string};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed};
use rustix::process::Signal;

use super::load::Set;
use super::watching::{Behaviour, Watching};
use super::{assert_applied, await_in_time, saying};
use crate::debian;
use crate::support::process::{Folder, Gateway, listening};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    twenty_thousand_files_created_beside_it_hide_no_edit,
    a_log_beside_it_delays_no_edit_and_costs_little,
];

pub(crate) const BY_EVENTS: &[Behaviour] = behaviours![an_edit_that_the_queue_had_no_room_for_is_seen];

const FILES: usize = 20_000;

fn create_files(folder: &Folder, prefix: &str) {
    for number in 0..FILES {
        File::create(folder.join(&format!("{prefix}{number}"))).expect("created");
    }
}

/// Makes an edit and then another one: each is to be seen in time.
fn edit_twice(gateway: &Gateway, watching: Watching) {
    for message in ["that edit", "the next one"] {
        gateway.edit(&saying(message));
        await_in_time(gateway, watching, message);
    }
}

fn twenty_thousand_files_created_beside_it_hide_no_edit(watching: Watching) {
    let gateway = watching.start(&saying("first"));
    create_files(&gateway.folder, "file");
    edit_twice(&gateway, watching);
    assert_applied(&gateway, 2);
}

fn an_edit_that_the_queue_had_no_room_for_is_seen(watching: Watching) -> Result<Completion, Failed> {
    let limit = read_to_string("/proc/sys/fs/inotify/max_queued_events")?;
    if limit.trim().parse::<usize>()? >= FILES {
        return debian::ignored(format!("the queue has room for {} events here", limit.trim()));
    }
    let gateway = watching.start(&saying("first"));
    for round in 0..2 {
        gateway.process.signal(Signal::STOP);
        create_files(&gateway.folder, &format!("file {round} "));
        let message = format!("lost in round {round}");
        gateway.edit(&saying(&message));
        gateway.process.signal(Signal::CONT);
        await_in_time(&gateway, watching, &message);
        edit_twice(&gateway, watching);
    }
    assert_applied(&gateway, 6);
    Ok(Completion::Completed)
}

/// So many writes a second.
const WRITES: u32 = 10_000;
/// As deep the file is, so that a look at it is worth speaking of.
const DEPTH: usize = 500;
/// The share of a core that the watch may spend on the writes. To be told of each takes some hundredths; to look at the file
/// for each would take more than all of it.
const SHARE: f64 = 0.2;

/// Writes a line at a time until it is done.
fn write_log(path: &Path, done: &AtomicBool) {
    let mut log = File::create(path).expect("created");
    let begun = Instant::now();
    for written in 0.. {
        if done.load(Ordering::Relaxed) {
            return;
        }
        log.write_all(b"a line\n").expect("written");
        let due = begun + Duration::from_secs(1) * written / WRITES;
        sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// The share of a core that the watch takes for a while.
fn share(gateway: &Gateway) -> f64 {
    let (begun, before) = (Instant::now(), gateway.process.time_of("watch"));
    sleep(Duration::from_secs(3));
    let spent = gateway.process.time_of("watch").saturating_sub(before);
    spent.as_secs_f64() / begun.elapsed().as_secs_f64()
}

fn a_log_beside_it_delays_no_edit_and_costs_little(watching: Watching) {
    let folder = Folder::with("");
    let deep = "d/".repeat(DEPTH);
    let file = format!("{deep}downtime.toml");
    create_dir_all(folder.join(&deep)).expect("made");
    folder.write(&file, &listening(&saying("first")));
    let mut command = watching.command(&folder);
    command.args(["-c", &file]);
    let gateway = watching.run(folder, command);
    let done = AtomicBool::new(false);
    let share = scope(|scope| {
        scope.spawn(|| write_log(&gateway.folder.join(&format!("{deep}access.log")), &done));
        // Also where an edit is not seen: the scope waits for the log.
        let _end = Set(&done);
        let share = share(&gateway);
        for message in ["that edit", "the next one"] {
            gateway.folder.replace(&file, &listening(&saying(message)));
            await_in_time(&gateway, watching, message);
        }
        share
    });
    assert!(share < SHARE, "{share}");
    assert_applied(&gateway, 2);
}
