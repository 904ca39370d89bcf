//! The gateway stops although commands run and receivers do not answer.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{DOWN, directory, script, start, until_ended, webhook};
use crate::receiver::{Answer, Receiver};
use crate::support::awaited::until_file;
use crate::support::process::GatewayProcess;

/// Much longer than a stop without requests takes, and shorter than a command may run and a receiver may be silent.
const SHORT: Duration = Duration::from_secs(10);

fn stop(gateway: GatewayProcess) -> String {
    let begun = Instant::now();
    gateway.process.signal(Signal::TERM);
    let (code, output) = gateway.process.end();
    assert!(code == Some(0) && begun.elapsed() < SHORT, "{:?}: {output}", begun.elapsed());
    output
}

#[test]
fn a_receiver_that_never_answers_does_not_delay_the_stop() {
    let receiver = Receiver::answering(|_| Answer::Silence);
    let hook = webhook(&receiver, "");
    let gateway = start(&hook);
    gateway.apply(&format!("{hook}{DOWN}"));
    assert_eq!(receiver.next().kind().0, "down");
    let output = stop(gateway);
    assert!(
        output.contains("stopping: 0 commands of [hooks] and 1 message of webhooks are dropped"),
        "{output}"
    );
}

#[test]
fn a_command_that_runs_is_killed_with_its_children_when_the_gateway_stops() {
    let hooks = "[hooks]\non_down = [\"./tell\"]\n";
    let directory = directory(hooks);
    script(
        &directory,
        "tell",
        "trap '' TERM HUP INT\nsh -c 'echo $$ >pid.part; mv pid.part pid; exec sleep 1000' &\nwait",
    );
    let gateway = GatewayProcess::on(directory);
    gateway.apply(&format!("{hooks}{DOWN}"));
    let pid = gateway.directory.join("pid");
    let pid = until_file(&pid, |_| true);
    assert!(fs::exists(format!("/proc/{}", pid.trim())).expect("known"), "the child does not run");
    let output = stop(gateway);
    assert!(output.contains("stopping: 1 command of [hooks]"), "{output}");
    until_ended(pid.trim());
}
