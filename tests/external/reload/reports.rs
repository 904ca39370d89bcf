//! The system reports no changes, and then it does again (row W9).

use std::process::Command;
use std::time::Duration;

use libtest_mimic::{Completion, Failed};

use super::folders::{assert_edits_are_seen, replace_folder, start_below};
use super::watching::{Behaviour, POLLS, Watching};
use super::{assert_applied, await_in_time, saying};
use crate::support::process::{Folder, Gateway, downtime_by, listening};
use crate::{debian, ptrace};

pub(crate) const BY_POLLING: &[Behaviour] = behaviours![
    reports_are_taken_up_again_without_an_edit_once_they_are_to_be_had,
    a_gateway_without_reports_starts_and_says_so_once_and_sees_each_edit,
    reports_that_come_and_end_while_it_runs_are_said_each_time,
    edits_are_seen_while_the_system_takes_its_time_to_refuse_reports,
];

const REPORTED: &str = "watching for file changes again";
/// As often the gateway asks for reports again, and somewhat more.
const ASKED_AGAIN: Duration = Duration::from_secs(40);

/// More than it ever has at a time: one may not be closed yet when the next is made.
const SOME: u32 = 8;

/// Sets how many inotify instances the gateway's user namespace may have.
fn allow(gateway: &Gateway, instances: u32) {
    let set = format!("echo {instances} >/proc/sys/user/max_inotify_instances");
    let mut enter = Command::new("nsenter");
    enter.args(["--user", "--preserve-credentials", "--target", &gateway.process.id().to_string()]);
    let status = enter.args(["sh", "-c", &set]).status().expect("nsenter");
    assert!(status.success(), "{status}");
}

fn reports_are_taken_up_again_without_an_edit_once_they_are_to_be_had(watching: Watching) {
    let gateway = start_below(watching);
    allow(&gateway, SOME);
    gateway.log().wait_within(ASKED_AGAIN, REPORTED, |line| line.contains(REPORTED));
    assert_edits_are_seen(&gateway, Watching::Events, "after");
    assert_eq!([POLLS, REPORTED].map(|said| gateway.log().count(said)), [1, 1], "{}", gateway.log().text());
}

fn a_gateway_without_reports_starts_and_says_so_once_and_sees_each_edit(watching: Watching) {
    let gateway = watching.start(&saying("first"));
    for (message, edit) in [
        ("renamed", Gateway::edit as fn(&Gateway, &str)),
        ("in place", Gateway::edit_in_place),
        ("renamed again", Gateway::edit),
    ] {
        edit(&gateway, &saying(message));
        await_in_time(&gateway, watching, message);
    }
    assert_applied(&gateway, 3);
    assert_eq!([POLLS, REPORTED].map(|said| gateway.log().count(said)), [1, 0], "{}", gateway.log().text());
}

fn reports_that_come_and_end_while_it_runs_are_said_each_time(watching: Watching) {
    let gateway = start_below(watching);
    allow(&gateway, SOME);
    // With an edit it asks for reports at once.
    gateway.folder.write("conf/downtime.toml", &listening(&saying("second")));
    await_in_time(&gateway, watching, "second");
    gateway.log().wait_for(REPORTED);
    assert_edits_are_seen(&gateway, Watching::Events, "by events");
    allow(&gateway, 0);
    replace_folder(&gateway, "third");
    await_in_time(&gateway, watching, "third");
    gateway.log().wait_for(POLLS);
    assert_edits_are_seen(&gateway, watching, "by polling");
    assert_eq!([POLLS, REPORTED].map(|said| gateway.log().count(said)), [2, 1], "{}", gateway.log().text());
}

/// Refuses reports after 3 s: as long as Linux may take over it, and longer than an edit may.
const REFUSED_LATE: [&str; 9] = [
    "-D",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    "trace=inotify_init1",
    "-e",
    "inject=inotify_init1:error=EMFILE:delay_enter=3000000",
];

fn edits_are_seen_while_the_system_takes_its_time_to_refuse_reports(
    watching: Watching,
) -> Result<Completion, Failed> {
    let there = debian::with(&[("strace", "strace")], || Ok(()))?;
    if !matches!(there, Completion::Completed) {
        return Ok(there);
    }
    if let Some(reason) = ptrace::refusal() {
        return debian::ignored(reason.to_owned());
    }
    let folder = Folder::with(&saying("first"));
    let command = downtime_by("strace", &REFUSED_LATE, &folder);
    let gateway = watching.run(folder, command);
    for message in ["second", "third", "fourth"] {
        gateway.edit(&saying(message));
        await_in_time(&gateway, watching, message);
    }
    assert_applied(&gateway, 3);
    Ok(Completion::Completed)
}
