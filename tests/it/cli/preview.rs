//! `preview`: what it shows, and how.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::exits::exit_status;
use crate::support::http::{Client, Response};
use crate::support::log::Log;
use crate::working_directory::{CommandOutput, WorkingDirectory, output};

const FILE: &str = r#"
[page]
title = "Example Shop"

[response]
template = "page.html"
message = { en = "Back soon.", de = "Bald zurück." }

[[period]]
name = "first"
start = 2026-06-01T02:00:00Z
end = 2026-06-01T04:00:00Z
message = "The first."

[[period]]
name = "upgrade"
start = 2126-06-01T02:00:00Z
for = "2h"
message = { en = "We upgrade.", de = "Wir rüsten auf." }

[[period]]
name = "off"
start = 2126-07-01T02:00:00Z
enabled = false
redirect = "https://status.example.com/"
"#;

const TEMPLATE: &str = "{{ title }}: {{ message }} ({{ cause }}, {{ answers }}, {{ lang }}, {{ until }})\n";

fn directory() -> WorkingDirectory {
    let directory = WorkingDirectory::with(FILE);
    fs::write(directory.path().join("page.html"), TEMPLATE).unwrap();
    directory
}

fn preview(arguments: &[&str]) -> CommandOutput {
    directory().run(&[&["preview", "--out", "-"], arguments].concat())
}

#[test]
fn it_writes_the_page_of_a_period_and_says_which() {
    let upgrade = "We upgrade. (planned, safe, en, 2126-06-01T04:00:00Z)";
    let first = "The first. (planned, safe, en, 2026-06-01T04:00:00Z)";
    for (arguments, shown, said) in [
        (
            &["--period", "upgrade"][..],
            upgrade,
            "\"upgrade\" (line 15), as of 2126-06-01 02:00:00 +00:00, in the language en",
        ),
        (&[], upgrade, "\"upgrade\" (line 15), as of 2126-06-01 02:00:00 +00:00, in the language en"),
        (
            &["--lang", "DE"],
            "Wir rüsten auf. (planned, safe, de, 2126-06-01T04:00:00Z)",
            "\"upgrade\" (line 15), as of 2126-06-01 02:00:00 +00:00, in the language de",
        ),
        (
            &["--lang", "fr"],
            upgrade,
            "\"upgrade\" (line 15), as of 2126-06-01 02:00:00 +00:00, in the language en",
        ),
        (
            &["--at", "2126-06-01T03:00:00"],
            upgrade,
            "\"upgrade\" (line 15), as of 2126-06-01 03:00:00 +00:00, in the language en",
        ),
        (
            &["--at", "2026-06-01T03:00:00"],
            first,
            "\"first\" (line 9), as of 2026-06-01 03:00:00 +00:00, in the language en",
        ),
        (
            &["--period", "first"],
            first,
            "\"first\" (line 9), as of 2026-06-01 02:00:00 +00:00, in the language en",
        ),
        (
            &["--period", "off"],
            "Back soon. (planned, safe, en, )",
            "\"off\" (line 21), as of 2126-07-01 02:00:00 +00:00, in the language en\n\
             visitors who open a page are redirected to https://status.example.com/; others get this page",
        ),
    ] {
        let run = preview(arguments);
        assert_eq!((run.code, run.stderr), (0, format!("the page during {said}\n")), "{arguments:?}");
        assert_eq!(run.stdout, format!("Example Shop: {shown}"), "{arguments:?}");
    }
}

#[test]
fn it_says_that_the_period_is_in_the_periods_file() {
    let directory = WorkingDirectory::with("periods_file = \"periods.toml\"\n");
    let period = "[[period]]\nname = \"late\"\nstart = 2126-06-01T02:00:00Z\n";
    fs::write(directory.path().join("periods.toml"), period).unwrap();
    let run = directory.run(&["preview", "--out", "-"]);
    assert!(run.stderr.starts_with("the page during \"late\" (line 1 of periods.toml), as of "), "{run:?}");
}

#[test]
fn it_shows_the_page_of_an_upstream_that_does_not_respond() {
    let run = preview(&["--unreachable", "--lang", "de", "--at", "2126-01-01T00:00:00"]);
    let said = "the page while the upstream does not respond, as of 2126-01-01 00:00:00 +00:00, in the language de\n";
    assert_eq!((run.code, run.stderr.as_str()), (0, said));
    assert_eq!(run.stdout, "Example Shop:  (unreachable, safe, de, )");
}

#[test]
fn without_periods_it_shows_the_page_after_start() {
    let directory = directory();
    directory.write("[response]\nmessage = 'Just a moment.'\ntemplate = 'page.html'\n");
    let run = directory.run(&["preview", "--out", "-"]);
    assert!(
        run.stderr.starts_with("no period is planned: the page after `downtime start`, as of "),
        "{run:?}"
    );
    assert_eq!(run.stdout, ": Just a moment. (unscheduled, safe, en, )");
}

#[test]
fn the_answer_to_another_method_is_that_of_its_case() {
    for (arguments, case) in [
        (&["--method", "POST"][..], "(planned, not-saved, "),
        (&["--method", "HEAD"], "(planned, safe, "),
        (&["--method", "PUT", "--unreachable"], "(unreachable, unknown, "),
    ] {
        let run = preview(arguments);
        assert!(run.stdout.contains(case), "{arguments:?}: {run:?}");
    }
}

#[test]
fn it_writes_a_file() {
    let directory = directory();
    let run = directory.run(&["preview", "--out", "shown.html"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    let page = fs::read_to_string(directory.path().join("shown.html")).unwrap();
    assert!(page.starts_with("Example Shop: We upgrade."), "{page}");
    let run = directory.run(&["preview", "--out", "none/shown.html"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("error: cannot write none/shown.html: "), "{run:?}");
}

#[test]
fn no_page_is_left_that_could_not_be_written() {
    let directory = directory();
    let program = env!("CARGO_BIN_EXE_downtime");
    let script = format!("trap '' XFSZ; ulimit -f 0; exec '{program}' preview --out shown.html");
    let mut command = std::process::Command::new("sh");
    let run: CommandOutput = output(command.args(["-c", &script]).current_dir(directory.path())).into();
    run.refuses(1, &["cannot write shown.html: File too large"]);
    let page = directory.path().join("shown.html");
    assert!(!page.exists());
    std::os::unix::fs::symlink("/dev/full", &page).unwrap();
    let run = directory.run(&["preview", "--out", "shown.html"]);
    run.refuses(1, &["cannot write shown.html: No space left on device", "free some space"]);
    assert!(page.symlink_metadata().is_ok(), "a device stays");
}

#[test]
fn what_cannot_be_shown_is_an_error_with_a_remedy() {
    for (arguments, code, error) in [
        (&["--period", "upgarde"][..], 1, "error: no period is named \"upgarde\""),
        (&["--period", "upgarde"], 1, "help: did you mean `--period upgrade`?"),
        (&["--period", "xyz"], 1, "help: known names: first, upgrade, off"),
        (
            &["--period", "upgrade", "--at", "2026-01-01T00:00:00"],
            1,
            "error: \"upgrade\" is not active at 2026-01-01 00:00:00 +00:00",
        ),
        (&["--at", "2126-01-01T00:00:00"], 1, "error: no period is active at 2126-01-01 00:00:00 +00:00"),
        (
            &["--at", "2126-01-01T00:00:00"],
            1,
            "help: omit --at to see the next one, which starts at 2126-06-01 02:00:00 +00:00",
        ),
        (&["--lang", "tlh"], 2, "unknown language `tlh`: the languages are en, ar, "),
        (&["--lang", "german"], 2, "unknown language `german`"),
        (&["--period", "upgrade", "--unreachable"], 2, "cannot be used with"),
    ] {
        let run = preview(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{arguments:?}: {run:?}");
        assert!(run.stderr.contains(error), "{arguments:?}: {}", run.stderr);
    }
    let run = WorkingDirectory::with("[page]\nlang = 'xx'\n").run(&["preview", "--out", "-"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("error: unknown language `xx`"), "{run:?}");
}

/// A preview that serves, killed when it is dropped.
struct ServedPreview {
    child: Child,
    address: std::net::SocketAddr,
    log: Log,
}

impl ServedPreview {
    fn start(directory: &WorkingDirectory, arguments: &[&str]) -> Self {
        let mut command = directory.command(&[&["preview"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").and_then(|url| url.strip_suffix('/')).unwrap();
        let log = Log::new(child.stderr.take().unwrap());
        Self { address: address.parse().unwrap(), child, log }
    }

    fn get(&self, path: &str, fields: &[&str]) -> Response {
        Client::connect(self.address).request("GET", path, fields)
    }
}

impl Drop for ServedPreview {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_the_current_file_on_this_machine_until_it_is_interrupted() {
    let directory = directory();
    let mut preview = ServedPreview::start(&directory, &[]);
    assert!(preview.address.ip().is_loopback());
    let page = preview.get("/any/page", &["Accept: text/html", "Accept-Language: de"]);
    assert_eq!(page.status, 503);
    assert!(page.field("content-security-policy").is_some() && page.text().contains("Wir rüsten auf."));
    assert_eq!(page.field("date").map(|date| &date[..22]), Some("Sat, 01 Jun 2126 02:00"));
    preview.log.wait_for(
        "the page during \"upgrade\" (line 15), as of 2126-06-01 02:00:00 +00:00, in the language de",
    );
    let status = preview.get("/.downtime/status?path=/", &["Accept-Language: de"]).json();
    assert_eq!((&status["state"], &status["message"]), (&"down".into(), &"Wir rüsten auf.".into()));
    assert_eq!(status["until"], "2126-06-01T04:00:00Z");

    directory.write(&FILE.replace("Wir rüsten auf.", "Neu."));
    assert!(preview.get("/", &["Accept: text/html", "Accept-Language: de"]).text().contains("Neu."));
    directory.write("[page]\nlang = 'xx'\n");
    let refused = preview.get("/", &["Accept: text/html"]);
    assert_eq!(refused.status, 500);
    assert!(refused.text().contains("error: unknown language `xx`"), "{}", refused.text());
    preview.log.wait_for("error: unknown language `xx`");

    kill_process(Pid::from_child(&preview.child), Signal::INT).unwrap();
    assert_eq!(exit_status(&mut preview.child).code(), Some(0));
}
