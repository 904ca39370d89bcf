//! File system events that are unavailable, and become available again.

use std::process::Command;
use std::time::Duration;

use libtest_mimic::{Completion, Failed};

use super::directories::{assert_edits_are_applied, replace_directory, start_below};
use super::watching::{Behaviour, POLLS, Watching};
use super::{assert_applied, await_in_time, config_with_message};
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime_by, listening};
use crate::{debian, ptrace};

pub(crate) const BY_POLLING: &[Behaviour] = behaviours![
    events_are_used_again_without_an_edit_once_they_are_available,
    a_gateway_without_events_logs_that_once_and_applies_each_edit,
    each_start_and_end_of_events_is_logged_while_the_gateway_runs,
    edits_are_applied_while_the_system_is_slow_to_refuse_events,
];

const WATCHES: &str = "watching for file changes again";
/// More than the time after which the gateway tries to get events again.
const RETRY_TIME: Duration = Duration::from_secs(40);

/// More inotify instances than the gateway ever has, as one may still be open when the next is made.
const ENOUGH: u32 = 8;

/// Sets the limit of inotify instances in the gateway's user namespace.
fn allow_instances(gateway: &GatewayProcess, instances: u32) {
    let set = format!("echo {instances} >/proc/sys/user/max_inotify_instances");
    let mut enter = Command::new("nsenter");
    enter.args(["--user", "--preserve-credentials", "--target", &gateway.process.id().to_string()]);
    let status = enter.args(["sh", "-c", &set]).status().expect("nsenter");
    assert!(status.success(), "{status}");
}

fn events_are_used_again_without_an_edit_once_they_are_available(watching: Watching) {
    let gateway = start_below(watching);
    allow_instances(&gateway, ENOUGH);
    gateway.log().wait_within(RETRY_TIME, WATCHES, |line| line.contains(WATCHES));
    assert_edits_are_applied(&gateway, Watching::Events, "after");
    assert_eq!([POLLS, WATCHES].map(|line| gateway.log().count(line)), [1, 1], "{}", gateway.log().text());
}

fn a_gateway_without_events_logs_that_once_and_applies_each_edit(watching: Watching) {
    let gateway = watching.start(&config_with_message("first"));
    for (message, edit) in [
        ("renamed", GatewayProcess::edit as fn(&GatewayProcess, &str)),
        ("in place", GatewayProcess::edit_in_place),
        ("renamed again", GatewayProcess::edit),
    ] {
        edit(&gateway, &config_with_message(message));
        await_in_time(&gateway, watching, message);
    }
    assert_applied(&gateway, 3);
    assert_eq!([POLLS, WATCHES].map(|line| gateway.log().count(line)), [1, 0], "{}", gateway.log().text());
}

fn each_start_and_end_of_events_is_logged_while_the_gateway_runs(watching: Watching) {
    let gateway = start_below(watching);
    allow_instances(&gateway, ENOUGH);
    // An edit makes the gateway try to get events at once.
    gateway.directory.write("conf/downtime.toml", &listening(&config_with_message("second")));
    await_in_time(&gateway, watching, "second");
    gateway.log().wait_for(WATCHES);
    assert_edits_are_applied(&gateway, Watching::Events, "by events");
    allow_instances(&gateway, 0);
    replace_directory(&gateway, "third");
    await_in_time(&gateway, watching, "third");
    gateway.log().wait_for(POLLS);
    assert_edits_are_applied(&gateway, watching, "by polling");
    assert_eq!([POLLS, WATCHES].map(|line| gateway.log().count(line)), [2, 1], "{}", gateway.log().text());
}

/// Arguments of strace that refuse events after 3 s: Linux can take that long, and an edit must not.
const SLOW_REFUSAL: [&str; 9] = [
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

fn edits_are_applied_while_the_system_is_slow_to_refuse_events(
    watching: Watching,
) -> Result<Completion, Failed> {
    let completion = debian::with(&[("strace", "strace")], || Ok(()))?;
    if !matches!(completion, Completion::Completed) {
        return Ok(completion);
    }
    if let Some(reason) = ptrace::refusal() {
        return debian::ignore(reason.to_owned());
    }
    let directory = ConfigDirectory::with(&config_with_message("first"));
    let command = downtime_by("strace", &SLOW_REFUSAL, &directory);
    let gateway = watching.run(directory, command);
    for message in ["second", "third", "fourth"] {
        gateway.edit(&config_with_message(message));
        await_in_time(&gateway, watching, message);
    }
    assert_applied(&gateway, 3);
    Ok(Completion::Completed)
}
