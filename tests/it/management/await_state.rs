//! `downtime wait` and `downtime status --serving`: commands that only ask the gateway.

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{DOWN, query, run, start, with_management};
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, downtime};
use crate::working_directory::CommandOutput;

/// Longer than the pause between two queries.
const ANSWER_TIME: Duration = Duration::from_millis(400);
/// Shorter than the time limit of a query, with a margin for the way of the answer.
const MAX_ANSWER_TIME: Duration = Duration::from_secs(1);
const MAX_ATTEMPTS: usize = 20;

#[test]
fn it_returns_at_once_in_the_state_that_is_waited_for() {
    let gateway = start("");
    let up = run(&gateway.directory, &["wait", "up"]);
    assert_eq!((up.code, up.stderr.as_str()), (0, ""));
    assert_eq!(up.stdout, "up; no downtime is planned\n");
    let not_down = run(&gateway.directory, &["wait", "down", "--timeout", "50ms"]);
    assert_eq!(not_down.code, 1);
    let message = "the site is not down after 50ms: it is up; no downtime is planned";
    assert!(not_down.stderr.contains(message), "{not_down:?}");
}

#[test]
fn the_shortest_timeout_allows_an_answer_that_takes_a_while() {
    let gateway = start("");
    let status = query(&gateway, "/status");
    for _ in 0..MAX_ATTEMPTS {
        let directory = ConfigDirectory::with(&with_management(""));
        let listener = UnixListener::bind(directory.join("management.sock")).expect("a socket");
        let body = status.body.clone();
        let answering = std::thread::spawn(move || {
            let stream = listener.accept().expect("a connection").0;
            let mut client = Client { stream, unread: Vec::new() };
            client.head().expect("a query");
            let asked = Instant::now();
            std::thread::sleep(ANSWER_TIME);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            // The command may have gone.
            let _ = client.stream.write_all(&[head.as_bytes(), &body].concat());
            asked.elapsed()
        });
        let up = run(&directory, &["wait", "up", "--timeout", "1ms"]);
        // After a longer pause the command may have given up, and the attempt proves nothing.
        if answering.join().expect("an answer") < MAX_ANSWER_TIME {
            assert_eq!((up.code, up.stdout.as_str()), (0, "up; no downtime is planned\n"), "{up:?}");
            return;
        }
    }
    panic!("the machine is too busy to answer within {MAX_ANSWER_TIME:?}");
}

#[test]
fn it_waits_for_a_change() {
    let gateway = start(DOWN);
    let mut command = downtime(&gateway.directory);
    let waiting =
        command.args(["wait", "up"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run");
    assert_eq!(run(&gateway.directory, &["end"]).code, 0);
    let waited = CommandOutput::from(waiting.wait_with_output().expect("an exit status"));
    assert_eq!((waited.code, waited.stdout.as_str()), (0, "up; no downtime is planned\n"), "{waited:?}");
}

#[test]
fn a_partly_down_site_is_neither_up_nor_down() {
    let gateway = start(&format!("{DOWN}paths = [\"/shop/**\"]\n"));
    for state in ["up", "down"] {
        let waited = run(&gateway.directory, &["wait", state, "--timeout", "1ms"]);
        assert_eq!(waited.code, 1);
        assert!(
            waited
                .stderr
                .contains("it is partly down since 2020-01-01 00:00:00 +00:00, with no known end: \"db\""),
            "{waited:?}"
        );
    }
}

#[test]
fn it_says_once_that_the_gateway_does_not_answer() {
    let directory = ConfigDirectory::with(&with_management(""));
    let option = run(&directory, &["-c", "downtime.toml", "wait", "up", "--timeout", "1ms"]);
    assert!(option.stderr.contains("see `downtime -c downtime.toml status`"), "{option:?}");
    let waited = run(&directory, &["wait", "up", "--timeout", "600ms"]);
    assert_eq!(waited.code, 1);
    assert_eq!(
        waited.stderr.matches("warning: could not query the gateway at unix:./management.sock").count(),
        1
    );
    assert!(waited.stderr.contains("error: the site is not up after 600ms: could not query"), "{waited:?}");
    let without = ConfigDirectory::with("# nothing\n");
    let waited = run(&without, &["wait", "up"]);
    assert_eq!(waited.code, 1);
    assert!(waited.stderr.contains("the file has no [management]"), "{waited:?}");
}

#[test]
fn serving_is_checked_whatever_the_state_and_the_file() {
    let gateway = start(DOWN);
    let serving = run(&gateway.directory, &["status", "--serving"]);
    let line = "the gateway at unix:./management.sock serves\n";
    assert_eq!((serving.code, serving.stdout.as_str(), serving.stderr.as_str()), (0, line, ""));
    gateway.directory.write("downtime.toml", &with_management("colour = 1\n"));
    assert_eq!(run(&gateway.directory, &["status", "--serving"]).code, 0);
    for nothing in ["", "]\n"] {
        gateway.directory.write("downtime.toml", nothing);
        let elsewhere = run(&gateway.directory, &["status", "--serving"]);
        let expected = "error: no gateway serves at 127.0.0.1:9503, which is the default";
        let is_default = elsewhere.stdout.contains("127.0.0.1:9503") || elsewhere.stderr.contains(expected);
        assert!(is_default, "{nothing}: {elsewhere:?}");
    }
    let dead = ConfigDirectory::with(&with_management(""));
    let dead = run(&dead, &["status", "--serving"]);
    assert_eq!(dead.code, 1);
    assert!(dead.stderr.contains("does not serve: cannot connect"), "{dead:?}");
}
