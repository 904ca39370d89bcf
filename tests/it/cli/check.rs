//! `--check` as JSON, and the decisions that it explains.

use serde_json::{Value, json};

use crate::working_directory::WorkingDirectory;

const FILE: &str = r#"
timezone = "Europe/Berlin"

[exempt]
exact = ["/", "/health"]
paths = ["/admin/**"]
networks = ["192.0.2.0/24"]

[response]
retry_after = "10m"

[[period]]
name = "upgrade"
start = 2026-06-01T02:00:00
end = 2026-06-01T04:00:00

[[period]]
start = 2026-07-01T02:00:00
redirect = "/sorry"

[server]
trusted_proxies = ["127.0.0.1/32"]
"#;

/// An hour before the end of `upgrade`.
const DURING: &str = "2026-06-01T01:00:00Z";

fn decision(file: &str, at: &str, url: &str, more: &[&str]) -> Value {
    let run = WorkingDirectory::with(file)
        .run(&[&["--check", "--format", "json", "--at", at, "--url", url], more].concat());
    assert_eq!(run.code, 0, "{run:?}");
    run.json()["decisions"][0].clone()
}

fn pass(url: &str, line: Option<usize>) -> Value {
    let decision =
        json!({ "decision": "pass", "status": null, "period": null, "retry_after": null, "location": null });
    with(decision, &json!({ "url": url, "file": null, "line": line }))
}

fn with(mut value: Value, more: &Value) -> Value {
    let fields = more.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(fields);
    value
}

/// The other fields of a decision, which have tests of their own.
const OTHER_FIELDS: [&str; 5] = ["path", "canonical", "not_canonical_because", "changes_at", "headers"];

/// Asserts that a decision is the expected one and that its reason contains `because`.
#[track_caller]
fn assert_decision(mut decision: Value, expected: &Value, because: &str) {
    let fields = decision.as_object_mut().unwrap();
    let reason = fields.remove("because").unwrap();
    assert!(OTHER_FIELDS.iter().all(|field| fields.remove(*field).is_some()), "{fields:?}");
    assert_eq!(&decision, expected);
    assert!(reason.as_str().unwrap().contains(because), "no {because:?} in {reason}");
}

#[test]
fn json_has_the_state_and_the_periods() {
    let directory = WorkingDirectory::with(FILE);
    let run = directory.run(&["--check", "--format", "json", "--at", DURING]);
    run.prints(0, &[]);
    let expected = json!({
        "valid": true,
        "source": "file",
        "diagnostics": [],
        "state": "down",
        "until": "2026-06-01T02:00:00Z",
        "up_at": "2026-06-01T02:00:00Z",
        "since": "2026-06-01T00:00:00Z",
        "next_change": "2026-06-01T02:00:00Z",
        "next": { "start": "2026-07-01T00:00:00Z", "end": null },
        "periods": [
            {
                "name": "upgrade", "file": null, "line": 12, "enabled": true, "unscheduled": false, "active": true, "state": "active",
                "cron": null, "timezone": "Europe/Berlin", "hosts": null, "paths": null, "methods": null,
                "redirect": null, "template": null,
                "start": "2026-06-01T00:00:00Z", "end": "2026-06-01T02:00:00Z", "next": [],
            },
            {
                "name": null, "file": null, "line": 17, "enabled": true, "unscheduled": false, "active": false, "state": "to come",
                "cron": null, "timezone": "Europe/Berlin", "hosts": null, "paths": null, "methods": null,
                "redirect": "/sorry", "template": null,
                "start": "2026-07-01T00:00:00Z", "end": null,
                "next": [{ "start": "2026-07-01T00:00:00Z", "end": null }],
            },
        ],
        "bypasses": [],
        "certificates": [],
    });
    assert_eq!(run.json(), expected);
}

#[test]
fn until_is_the_end_of_the_state_and_up_at_the_end_of_all_downtime() {
    let file = "[[period]]\nstart = 2026-06-01T00:00:00Z\nfor = \"20h\"\nmethods = [\"POST\"]\n\
                [[period]]\nstart = 2026-06-01T01:00:00Z\nfor = \"5m\"\n";
    let directory = WorkingDirectory::with(file);
    for (at, state, until, up_at, get, post) in [
        (
            "2026-06-01T00:59:59Z",
            "partial",
            "2026-06-01T01:00:00Z",
            "2026-06-01T20:00:00Z",
            None,
            Some(68_401),
        ),
        (
            "2026-06-01T01:00:00Z",
            "down",
            "2026-06-01T01:05:00Z",
            "2026-06-01T20:00:00Z",
            Some(300),
            Some(68_400),
        ),
        (
            "2026-06-01T01:05:00Z",
            "partial",
            "2026-06-01T20:00:00Z",
            "2026-06-01T20:00:00Z",
            None,
            Some(68_100),
        ),
    ] {
        let check = |method| {
            directory
                .run(&["--check", "--format", "json", "--at", at, "--url", "/", "--method", method])
                .json()
        };
        let (json, post_json) = (check("GET"), check("POST"));
        let found = [&json["state"], &json["until"], &json["up_at"]].map(|value| value.as_str());
        assert_eq!(found, [state, until, up_at].map(Some), "{at}");
        let retry_after = |json: &Value| json["decisions"][0]["retry_after"].as_u64();
        assert_eq!((retry_after(&json), retry_after(&post_json)), (get, post), "{at}");
    }
    let up = directory.run(&["--check", "--format", "json", "--at", "2026-06-02T00:00:00Z"]).json();
    assert_eq!((&up["until"], &up["up_at"]), (&json!(null), &json!(null)));
}

#[test]
fn a_period_includes_its_start_and_excludes_its_end() {
    let directory = WorkingDirectory::with(FILE);
    for (at, state) in [
        ("2026-05-31T23:59:59.999999999Z", "up"),
        ("2026-06-01T00:00:00Z", "down"),
        ("2026-06-01T01:59:59.999999999Z", "down"),
        ("2026-06-01T02:00:00Z", "up"),
        ("2026-06-01T02:00:00", "down"),
    ] {
        let json = directory.run(&["--check", "--format", "json", "--at", at]).json();
        assert_eq!(json["state"], state, "{at}");
    }
}

#[test]
fn a_repeated_local_time_is_the_first_one() {
    let period = "[[period]]\nstart = 2026-10-25T01:00:00Z\n";
    let directory = WorkingDirectory::with(&format!("timezone = \"Europe/Berlin\"\n{period}"));
    for (at, state) in [("2026-10-25T02:59:59", "up"), ("2026-10-25T02:59:59+01:00", "down")] {
        let json = directory.run(&["--check", "--format", "json", "--at", at]).json();
        assert_eq!(json["state"], state, "{at}");
    }
}

#[test]
fn mistakes_are_json_and_nothing_goes_to_stderr() {
    let directory = WorkingDirectory::with("colour = 1\n[exempt]\nexact = [\"/é\", \"x\"]\n");
    let run = directory.run(&["--check", "--format", "json", "--url", "/"]);
    run.prints(1, &[]);
    let diagnostics = json!([
        {
            "severity": "error", "message": "unknown key `colour` at the top level",
            "file": "./downtime.toml", "line": 1, "column": 1,
            "help": "known keys: timezone, periods_file; known sections: [[bypass]], [[period]], [[webhook]], [admin], [exempt], [hooks], [limits], [log], \
                     [management], [page], [response], [server], [site]",
        },
        {
            "severity": "error", "message": "invalid path `x`: it does not begin with `/`",
            "file": "./downtime.toml", "line": 3, "column": 16,
            "help": "write `/x`",
        },
    ]);
    let json = run.json();
    assert_eq!((&json["valid"], &json["state"], &json["until"]), (&json!(false), &json!(null), &json!(null)));
    assert_eq!(json["diagnostics"], diagnostics);
}

#[test]
fn json_has_100_mistakes_and_the_number_of_the_others() {
    let directory = WorkingDirectory::with(&"[[period]]\n".repeat(500));
    let run = directory.run(&["--check", "--format", "json"]);
    run.prints(1, &[]);
    let diagnostics = run.json()["diagnostics"].clone();
    assert_eq!(diagnostics.as_array().map(Vec::len), Some(101));
    let last = json!({
        "severity": "note", "message": "400 more errors are not shown", "file": null, "line": null, "column": null,
        "help": "fix those above, then check again",
    });
    assert_eq!(diagnostics[100], last);
}

#[test]
fn a_missing_file_is_reported_as_json() {
    let run = WorkingDirectory::empty().run(&["-c", "./downtime.toml", "--check", "--format", "json"]);
    run.prints(1, &[]);
    let json = run.json();
    assert_eq!((&json["valid"], &json["diagnostics"][0]["line"]), (&json!(false), &json!(null)));
    assert_eq!(json["diagnostics"][0]["message"], "./downtime.toml does not exist");
}

#[test]
fn a_request_that_passes_names_the_rule() {
    for (url, line, because) in [
        ("/", Some(5), "exact \"/\""),
        ("https://example.com/health?deep=1", Some(5), "exact \"/health\""),
        ("/admin", Some(6), "paths \"/admin/**\""),
        ("/admin/login", Some(6), "paths \"/admin/**\""),
        ("/.downtime/status", None, "status"),
    ] {
        assert_decision(decision(FILE, DURING, url, &[]), &pass(url, line), because);
    }
    let from = decision(FILE, DURING, "/page", &["--from", "192.0.2.7"]);
    assert_decision(from, &pass("/page", Some(7)), "networks \"192.0.2.0/24\"");
    let mapped = decision(FILE, DURING, "/page", &["--from", "::ffff:192.0.2.7"]);
    assert_decision(mapped, &pass("/page", Some(7)), "networks \"192.0.2.0/24\"");
    let up = decision(FILE, "2026-06-15T00:00:00Z", "/page", &[]);
    assert_decision(up, &pass("/page", None), "no active period covers it");
}

#[test]
fn a_request_that_is_down_names_the_period_and_when_to_retry() {
    let unavailable = json!({
        "decision": "unavailable", "status": 503, "file": null, "line": 12, "period": "upgrade", "retry_after": 3600,
        "location": null,
    });
    for (url, more) in [
        ("/page", &[][..]),
        ("/page", &["--from", "198.51.100.1"]),
        ("/page", &["--method", "POST"]),
        ("/administrator", &[]),
        ("/admin/../page", &[]),
        ("/%61dmin%2flogin", &[]),
        ("//", &[]),
        ("https://example.com/page", &[]),
    ] {
        let expected = with(unavailable.clone(), &json!({ "url": url }));
        assert_decision(decision(FILE, DURING, url, more), &expected, "\"upgrade\"");
    }
}

#[test]
fn a_redirect_names_its_target_and_lets_it_pass() {
    let open_ended = "2026-07-02T00:00:00Z";
    let redirect = json!({
        "url": "/page", "decision": "redirect", "status": 302, "file": null, "line": 17, "period": null, "retry_after": null,
        "location": "/sorry",
    });
    assert_decision(decision(FILE, open_ended, "/page", &[]), &redirect, "line 17");
    assert_decision(decision(FILE, open_ended, "/sorry", &[]), &pass("/sorry", Some(17)), "line 17");
}

#[test]
fn an_absolute_redirect_neither_exempts_nor_loops() {
    let file = "[response]\nstatus = 500\nretry_after = \"10m\"\nredirect = \"https://example.com/sorry\"\n\
                [[period]]\nstart = 2026-01-01T00:00:00Z\n";
    for (url, expected, status, retry_after) in [
        ("https://example.com/sorry", "unavailable", 500, json!(600)),
        ("https://EXAMPLE.com:443/sorry?x", "unavailable", 500, json!(600)),
        ("https://example.com/", "redirect", 302, json!(null)),
        ("https://www.example.com/sorry", "redirect", 302, json!(null)),
    ] {
        let decision = decision(file, DURING, url, &[]);
        let found = (&decision["decision"], &decision["status"], &decision["retry_after"]);
        assert_eq!(found, (&json!(expected), &json!(status), &retry_after), "{url}");
    }
}

#[test]
fn json_has_the_path_the_next_change_and_the_fields_of_the_response() {
    let page = decision(FILE, DURING, "/caf%C3%A9", &[]);
    assert_eq!((&page["path"], &page["canonical"]), (&json!("/café"), &json!(true)));
    assert_eq!(page["changes_at"], "2026-06-01T02:00:00Z");
    for (name, value) in [
        ("retry-after", "3600"),
        ("downtime", "planned"),
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(page["headers"][name], value, "{name}");
    }
    let not_canonical = decision(FILE, DURING, "/admin/../x", &[]);
    assert_eq!((&not_canonical["path"], &not_canonical["canonical"]), (&json!("/admin/../x"), &json!(false)));
    assert_eq!(not_canonical["not_canonical_because"], "has a `.` or `..` segment");
    let up = decision(FILE, "2026-06-15T00:00:00Z", "/page", &[]);
    assert_eq!((&up["changes_at"], &up["headers"]), (&json!("2026-07-01T00:00:00Z"), &json!(null)));
    let redirected = decision(FILE, "2026-07-02T00:00:00Z", "/page", &[]);
    assert_eq!(
        (&redirected["changes_at"], &redirected["headers"]["location"]),
        (&json!(null), &json!("/sorry"))
    );
}

#[test]
fn several_urls_are_decided_in_their_order() {
    let directory = WorkingDirectory::with(FILE);
    let run = directory.run(&["--check", "--at", DURING, "--url", "/b", "--url", "/", "--url", "/b"]);
    run.prints(0, &[]);
    let urls: Vec<_> = run.stdout.lines().filter(|line| line.starts_with("url ")).collect();
    let down = "url       /b  unavailable 503  passes in 1 h      \"upgrade\" is active (line 12)";
    assert_eq!(urls.len(), 3, "{run:?}");
    assert!(urls[0].starts_with(down) && urls[2].starts_with(down), "{urls:?}");
    assert_eq!(
        urls[1],
        "url       /   pass             no change planned  exempt: [exempt] exact \"/\", line 5"
    );
}

#[test]
fn a_disabled_status_path_is_an_ordinary_path() {
    let off = FILE.replace("[server]", "[server]\nstatus_path = false");
    assert_eq!(decision(&off, DURING, "/.downtime/status", &[])["decision"], "unavailable");
    let moved = FILE.replace("[server]", "[server]\nstatus_path = \"/up\"");
    assert_eq!(decision(&moved, DURING, "/up", &[])["decision"], "pass");
    assert_eq!(decision(&moved, DURING, "/.downtime/status", &[])["decision"], "unavailable");
}

#[test]
fn the_file_cannot_control_the_terminal() {
    let text = "\\u009b31m\\u0007";
    let directory = WorkingDirectory::with(&format!(
        "[[period]]\nname = \"a\"\nstart = 2026-01-01T00:00:00Z\nmessage = \"{text}\"\ntemplate = \"{text}\"\n"
    ));
    std::fs::write(directory.path().join("\u{9b}31m\u{7}"), "{{ message }}").unwrap();
    for arguments in [
        &["--check"][..],
        &["--check", "--format", "json"],
        &["--check", "--url", "/%C2%9B31m%07"],
        &["status"],
        &["start", "--name", "a", "--path", "/x"],
    ] {
        let run = directory.run(arguments);
        assert!(run.code != 1 && !run.stdout.contains(|c: char| c.is_control() && c != '\n'), "{run:?}");
        let is_shown = arguments[0] == "start" || run.stdout.contains("31m");
        assert!(is_shown, "{run:?}");
    }
}
