//! `downtime status` without a running gateway.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::thread;

use downtime::escape::is_unsafe;
use serde_json::json;

use crate::working_directory::{CommandOutput, WorkingDirectory};

const DOWN: &str = "[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\n";

#[test]
fn up_exits_with_0_down_with_3_and_the_source_is_the_file() {
    for (file, code, text) in [
        ("# nothing\n", 0, "state     up; no downtime is planned\n"),
        (
            "[[period]]\nstart = 2999-01-01T00:00:00Z\n",
            0,
            "up; the next downtime starts at 2999-01-01 00:00:00",
        ),
        (
            "[[period]]\nstart = 2020-01-01T00:00:00Z\nenabled = false\n",
            0,
            "state     up; no downtime is planned\n",
        ),
        (
            "[[period]]\nstart = 2020-01-01T00:00:00Z\n",
            3,
            "state     down since 2020-01-01 00:00:00 +00:00, with no known end: the period at line 1\n",
        ),
        (DOWN, 3, "down since 2020-01-01 00:00:00 +00:00 until 2999-01-01 00:00:00 +00:00, in "),
    ] {
        let source = "\nsource    ./downtime.toml; no gateway was queried: the file has no [management]\n";
        WorkingDirectory::with(file).run(&["status"]).prints(code, &[text, source]);
    }
}

#[test]
fn an_invalid_file_exits_with_1() {
    let directory = WorkingDirectory::with("[response]\nstatus = 404\n");
    directory
        .run(&["status"])
        .refuses(1, &["--> ./downtime.toml:2:10", "state unknown: the file is invalid"]);
}

#[test]
fn programs_can_ask_for_json() {
    let run = WorkingDirectory::with(DOWN).run(&["status", "--format", "json"]);
    run.prints(3, &[]);
    let json = run.json();
    assert_eq!((&json["state"], &json["source"]), (&"down".into(), &"file".into()));
    assert_eq!((&json["until"], &json["periods"][0]["name"]), (&"2999-01-01T00:00:00Z".into(), &"db".into()));
    let invalid = WorkingDirectory::with("colour = 1\n").run(&["status", "--format", "json"]);
    invalid.prints(1, &[]);
    assert_eq!((&invalid.json()["valid"], &invalid.json()["state"]), (&false.into(), &().into()));
}

#[test]
fn five_lines_say_what_visitors_get_what_changes_and_what_is_next() {
    let scoped = "[[period]]\nname = \"shop\"\nstart = 2019-01-01T00:00:00Z\nend = 2500-01-01T00:00:00Z\nredirect = \"/sorry\"\n\
                  hosts = [\"shop.example.com\"]\n";
    let later = "[[period]]\nname = \"later\"\nstart = 2998-01-01T00:00:00Z\nend = 2998-01-02T00:00:00Z\n";
    for (file, code, lines) in [
        (
            DOWN.to_owned(),
            3,
            [
                "next      no further downtime is planned\n",
                "visitors  get the down page with 503, unless they are exempt\n",
                "change    2999-01-01 00:00:00 +00:00, in ",
                "\"db\" ends\n",
            ],
        ),
        (
            later.to_owned(),
            0,
            [
                "visitors  get the site\n",
                "change    2998-01-01 00:00:00 +00:00, in ",
                "\"later\" starts\n",
                "next      a downtime for 1 d starts at 2998-01-01 00:00:00 +00:00, in ",
            ],
        ),
        (
            scoped.to_owned() + later,
            3,
            [
                "state     partly down since 2019-01-01 00:00:00 +00:00 until 2500-01-01 00:00:00 +00:00, in ",
                ": \"shop\"\n",
                "visitors  get a redirect to /sorry for requests that \"shop\" covers, and the site for all others\n",
                "next      a downtime for 1 d starts at 2998-01-01",
            ],
        ),
    ] {
        let run = WorkingDirectory::with(&file).run(&["status"]);
        run.prints(code, &lines);
        assert_eq!(run.stdout.lines().count(), 5, "{run:?}");
    }
}

#[test]
fn a_period_of_the_whole_site_is_reported_before_one_of_a_part() {
    let part = "[[period]]\nname = \"part\"\nstart = 2019-01-01T00:00:00Z\nredirect = \"/sorry\"\nhosts = [\"a.example\"]\n";
    let directory = WorkingDirectory::with(&[part, DOWN].concat());
    directory.run(&["status"]).prints(
        3,
        &[
            "state     down since 2020-01-01 00:00:00 +00:00 until 2999-01-01 00:00:00 +00:00, in ",
            ": \"db\"; then partly down, with no known end: \"part\"\n",
            "visitors  get the down page with 503, unless they are exempt\n",
            "next      unknown, because it is not known when the whole site is up again\n",
        ],
    );
}

const MANAGEMENT: &str = "[management]\nlisten = \"unix:management.sock\"\n";

/// Runs `status` with these arguments on a file, against a program that responds with this body.
fn status_from(file: &str, body: &serde_json::Value, arguments: &[&str]) -> CommandOutput {
    let directory = WorkingDirectory::with(file);
    let listener = UnixListener::bind(directory.path().join("management.sock")).unwrap();
    let body = body.to_string();
    let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(response.as_bytes()).unwrap();
        });
        directory.run(&[&["status"], arguments].concat())
    })
}

#[test]
fn the_answer_of_another_program_cannot_control_the_terminal() {
    const EVIL: &str = "x\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\nforged";
    let problem = json!({ "severity": "error", "message": EVIL, "line": 1, "help": EVIL });
    let rejected = json!({ "at": "2026-01-01T00:00:00Z", "sha256": null, "diagnostics": [problem] });
    // The hash of the file that `status_from` writes, so that the response counts as that of its gateway.
    let sha256 = downtime::config::load::sha256(MANAGEMENT.as_bytes(), None);
    let report = json!({
        "state": EVIL, "file": EVIL, "sha256": sha256, "generation": 1, "applied_at": "2026-01-01T00:00:00Z",
        "rejected": rejected, "watch": EVIL, "timezone": EVIL, "lines": [EVIL],
    });
    let invalid = format!("{MANAGEMENT}[server]\nlisten = 1\n");
    for (file, field) in
        [(MANAGEMENT, "watch"), (MANAGEMENT, "sha256"), (&invalid, "sha256"), (MANAGEMENT, "generation")]
    {
        let mut report = report.clone();
        report[field] = json!(EVIL);
        for arguments in [&[][..], &["--format", "json"]] {
            let CommandOutput { stdout, stderr, .. } = status_from(file, &report, arguments);
            let output = stdout + &stderr;
            assert!(!output.contains(|c: char| is_unsafe(c) && c != '\n'), "{output:?}");
            assert!(!output.contains("\nforged"), "{output}");
            let is_named = output.contains(r"serves another file, x\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\nforged");
            assert_eq!(is_named, field == "sha256" && arguments.is_empty(), "{output}");
        }
    }
}

#[test]
fn a_name_cannot_change_the_direction_of_the_output() {
    let directory =
        WorkingDirectory::with("[[period]]\nname = \"a\\u202eb\"\nstart = 2020-01-01T00:00:00Z\n");
    for arguments in
        [&["--check"][..], &["--check", "--format", "json"], &["status"], &["start"], &["end", "x"]]
    {
        let CommandOutput { stdout, stderr, .. } = directory.run(arguments);
        let output = stdout + &stderr;
        assert!(!output.contains(|c: char| is_unsafe(c) && c != '\n'), "{arguments:?} {output:?}");
    }
}
