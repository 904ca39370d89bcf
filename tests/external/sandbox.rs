//! The gateway in a sandbox that refuses system calls: strace refuses them.
//!
//! The test is ignored if the machine does not allow it; under CI it fails.

use std::os::unix::net::UnixStream;

use libtest_mimic::{Completion, Failed, Trial};

use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime_by};
use crate::{debian, ptrace};

/// strace, as the child of the process that it traces.
const STRACE: &str = "strace -D -f -qq -o /dev/null -e trace=prlimit64,getrlimit,setrlimit \
                      -e inject=prlimit64,getrlimit,setrlimit:error=EPERM";

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::ignorable_test(
        "sandbox::a_limit_of_descriptors_that_cannot_be_raised_is_logged_and_kept",
        || match (debian::with(&[("strace", "strace")], || Ok(()))?, ptrace::refusal()) {
            (Completion::Completed, Some(reason)) => debian::ignore(reason.to_owned()),
            (Completion::Completed, None) => keep_limit().map(|()| Completion::Completed),
            (missing, _) => Ok(missing),
        },
    )]
}

fn keep_limit() -> Result<(), Failed> {
    let directory = ConfigDirectory::with("[management]\nlisten = \"unix:management.sock\"\n");
    let commands = format!("ulimit -Sn 64 && exec {STRACE} \"$0\"");
    let command = downtime_by("sh", &["-c", &commands], &directory);
    let gateway = GatewayProcess::run(directory, command);
    let log = gateway.log().text();
    let line = log
        .lines()
        .find(|line| line.contains("cannot raise the limit of 64 open files: Operation not permitted"));
    let line = line.ok_or_else(|| log.clone())?;
    assert!(line.contains(" INFO ") && line.contains("set `LimitNOFILE=` in the unit instead"), "{line}");
    assert_eq!(gateway.get("/.downtime/status", &[]).status, 200);
    let socket = gateway.directory.join("management.sock");
    let mut operator = Client { stream: UnixStream::connect(socket)?, unread: Vec::new() };
    let metrics = operator.request("GET", "/metrics", &["Host: localhost"]);
    assert!(metrics.text().contains("\nprocess_max_fds 64\n"), "{}", metrics.text());
    Ok(())
}
