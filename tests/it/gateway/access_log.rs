//! The access log, as its readers see it.

use regex::Regex;
use serde_json::Value;

use super::DOWN;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

const FIELDS: &[&str] = &[
    "Host: Shop.example:80",
    "User-Agent: Mozilla/5.0 (\"X11\"; é)\u{9b}31m",
    "Referer: https://other.example/page?secret=1#secret",
    "X-Request-Id: r-1",
];

fn start(access: &str, site: &str) -> GatewayProcess {
    GatewayProcess::start(&format!("[log]\naccess = {access}\n{site}"))
}

#[test]
fn a_combined_line_has_the_usual_fields_and_then_more() {
    for access in ["true", "\"combined\""] {
        let gateway = start(access, DOWN);
        let response = gateway.get("/a%20b/\u{fc}?secret=1", FIELDS);
        assert_eq!(response.status, 503);
        let line = gateway.log().wait_for("Mozilla");
        let pattern = r#"^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /a%20b/ü HTTP/1\.1" 503 (\d+) "https://other\.example/page" "Mozilla/5\.0 \(\\x22X11\\x22; é\)\\xC2\\x9B31m" "Shop\.example:80" 0\.\d{6} unavailable planned "r-1"$"#;
        let found = Regex::new(pattern).unwrap().captures(&line).unwrap_or_else(|| panic!("{line}"));
        let bytes: usize = found[1].parse().expect("a number");
        assert!(bytes > response.body.len() && bytes < response.body.len() + 2000, "{line}");
        assert!(!gateway.log().text().contains("secret"));
    }
}

#[test]
fn a_json_line_has_numbers_as_numbers() {
    let gateway = start("\"json\"", DOWN);
    let response = gateway.get("/a?secret=1", FIELDS);
    let line = gateway.log().wait_for("Mozilla");
    assert!(!line.contains('\u{9b}'), "{line}");
    let line: Value = serde_json::from_str(&line).expect("JSON");
    for (key, expected) in [
        ("level", "INFO"),
        ("target", "downtime::access"),
        ("client", "127.0.0.1"),
        ("method", "GET"),
        ("host", "Shop.example:80"),
        ("path", "/a"),
        ("protocol", "HTTP/1.1"),
        ("decision", "unavailable"),
        ("cause", "planned"),
        ("referer", "https://other.example/page"),
        ("user_agent", "Mozilla/5.0 (\"X11\"; é)\u{9b}31m"),
        ("request_id", "r-1"),
    ] {
        assert_eq!(line[key], expected, "{key}");
    }
    assert_eq!(line["status"], 503);
    assert!(line["bytes"].as_u64() > Some(response.body.len() as u64), "{line}");
    assert!(line["duration"].as_f64().is_some_and(|seconds| seconds < 20.0), "{line}");
    line["timestamp"].as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339");
    gateway.connect().request("POST", "/b", &["Content-Length: 0"]);
    let other: Value = serde_json::from_str(&gateway.log().wait_for("POST")).expect("JSON");
    assert_eq!((&other["referer"], &other["user_agent"]), (&Value::Null, &Value::Null));
    gateway.connect().send("GET /c HTTP/1.0\r\n\r\n");
    let other: Value = serde_json::from_str(&gateway.log().wait_for("HTTP/1.0")).expect("JSON");
    assert_eq!(other["host"], Value::Null);
}

#[test]
fn a_request_is_logged_once_when_it_has_ended() {
    let script = ScriptedUpstream::bind();
    let gateway = start(
        "\"json\"",
        &format!("[site]\nupstream = \"{}\"\nwhen_unreachable = \"error\"\n", script.url()),
    );
    for (said, status, decision) in [
        ("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhe", 201, ("pass", "up")),
        ("nonsense", 502, ("unavailable", "unreachable")),
    ] {
        let mut client = gateway.connect();
        client.send("GET /a?secret=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut upstream = script.accept();
        upstream.head().expect("a request");
        assert_eq!(gateway.log().count("downtime::access"), usize::from(status == 502));
        upstream.send(said);
        assert_eq!(client.response("GET").status, status);
        let line: Value = serde_json::from_str(&gateway.log().wait_for("downtime::access")).expect("JSON");
        assert_eq!(line["status"], status);
        assert_eq!((&line["decision"], &line["cause"]), (&decision.0.into(), &decision.1.into()));
    }
    assert_eq!(gateway.log().count("downtime::access"), 2);
    assert!(!gateway.log().text().contains("secret"));
}

#[test]
fn a_client_that_leaves_before_its_response_has_the_status_499() {
    let script = ScriptedUpstream::bind();
    let gateway = start("\"json\"", &format!("[site]\nupstream = \"{}\"\n", script.url()));
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let _upstream = script.accept();
    rustix::net::sockopt::set_socket_linger(&client.stream, Some(std::time::Duration::ZERO)).expect("set");
    drop(client);
    let line: Value = serde_json::from_str(&gateway.log().wait_for("downtime::access")).expect("JSON");
    assert_eq!((&line["status"], &line["bytes"]), (&499.into(), &0.into()));
}

#[test]
fn the_access_log_can_be_turned_on_and_off_by_an_edit_and_does_not_depend_on_the_level() {
    let config = |access: &str| format!("[log]\nlevel = \"info\"\naccess = {access}\n{DOWN}");
    let gateway = GatewayProcess::start(&config("false"));
    gateway.get("/first", &[]);
    gateway.apply(&config("\"combined\""));
    gateway.get("/second", &[]);
    gateway.log().wait_for("/second");
    assert_eq!(gateway.log().count("/first"), 0);
    let quiet = GatewayProcess::start(&format!("[log]\naccess = true\n{DOWN}"));
    quiet.apply(&format!("[log]\nlevel = \"off\"\naccess = true\n{DOWN}"));
    quiet.get("/third", &[]);
    quiet.log().wait_for("/third");
}
