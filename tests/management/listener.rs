//! The listener for operators: health, readiness, metrics.

use rustix::process::Signal;

use crate::support::origin::Script;
use crate::support::process::{Folder, Gateway, Process, downtime};
use crate::{DOWN, MANAGEMENT, ask, operator, start, with_management};

/// The value of a metric.
fn metric(gateway: &Gateway, name: &str) -> f64 {
    let metrics = ask(gateway, "/metrics");
    let value = metrics.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}: {}", metrics.text()))
}

#[test]
fn each_path_answers_get_and_head_and_is_never_cached() {
    let gateway = start("");
    let mut operator = operator(&gateway);
    for (path, media_type, says) in [
        ("/health", "text/plain; charset=utf-8", "the gateway serves\n"),
        ("/ready", "text/plain; charset=utf-8", "a snapshot is applied\n"),
        ("/status", "application/json", "\"source\": \"server\""),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8", "downtime_config_generation 1\n"),
    ] {
        let answer = operator.request("GET", path, &[]);
        assert_eq!((answer.status, answer.field("content-type")), (200, Some(media_type)), "{path}");
        assert_eq!(answer.field("cache-control"), Some("no-store"), "{path}");
        assert!(answer.text().contains(says), "{}", answer.text());
        let head = operator.request("HEAD", path, &[]);
        assert_eq!((head.status, head.field("content-type")), (200, Some(media_type)), "{path}");
        assert_eq!(operator.request("POST", path, &[]).status, 405, "{path}");
    }
    for path in ["/", "/healthy", "/status/x", "/.downtime/status"] {
        assert_eq!(operator.request("GET", path, &[]).status, 404, "{path}");
    }
}

#[test]
fn visitors_do_not_reach_it() {
    let gateway = start(DOWN);
    for path in ["/health", "/ready", "/status", "/metrics"] {
        assert_eq!(gateway.get(path, &[]).downtime(), Some("planned"), "{path}");
    }
}

#[test]
fn the_figures_follow_the_file() {
    let gateway = start("");
    let figures = |names: [&str; 5]| names.map(|name| metric(&gateway, name).to_string());
    let names = [
        "downtime_down",
        "downtime_partly_down",
        "downtime_periods_active",
        "downtime_config_generation",
        "downtime_config_last_reload_successful",
    ];
    assert_eq!(figures(names), ["0", "0", "0", "1", "1"]);
    gateway.apply(&with_management(DOWN));
    assert_eq!(figures(names), ["1", "0", "1", "2", "1"]);
    gateway.apply(&with_management(&format!("{DOWN}methods = [\"POST\"]\n")));
    assert_eq!(figures(names), ["0", "1", "1", "3", "1"]);
    assert_eq!(metric(&gateway, "downtime_config_rejections_total").to_string(), "0");
    gateway.edit("oops");
    gateway.log().wait_for("is not applied");
    assert_eq!(figures(names), ["0", "1", "1", "3", "0"]);
    assert_eq!(metric(&gateway, "downtime_config_rejections_total").to_string(), "1");
    gateway.apply(&with_management(""));
    assert_eq!(figures(names), ["0", "0", "0", "4", "1"]);
    assert_eq!(metric(&gateway, "downtime_config_rejections_total").to_string(), "1");
    let applied_at = metric(&gateway, "downtime_config_applied_timestamp_seconds");
    #[allow(clippy::cast_precision_loss, reason = "seconds")]
    let age = downtime::clock::now().as_second() as f64 - applied_at;
    assert!((0.0..60.0).contains(&age), "applied {age} s ago");
}

#[test]
fn it_is_not_ready_while_it_stops_and_answers_until_the_last_request_has_ended() {
    let site = Script::bind();
    let gateway = start(&format!("[site]\nupstream = \"{}\"\n", site.url()));
    let mut visitor = gateway.connect();
    visitor.send("GET / HTTP/1.1\r\nHost: site.example\r\n\r\n");
    let mut upstream = site.accept();
    upstream.head().expect("a request");
    gateway.process.signal(Signal::TERM);
    gateway.log().wait_for("stopping");
    assert_eq!((ask(&gateway, "/ready").status, ask(&gateway, "/health").status), (503, 200));
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(visitor.response("GET").text(), "ok");
    let Gateway { process, folder, .. } = gateway;
    let (code, said) = process.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(!folder.join("management.sock").exists());
}

#[test]
fn an_address_that_is_held_is_an_error_that_names_the_section() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = held.local_addr().expect("an address");
    let folder = Folder::with(&MANAGEMENT.replace("unix:management.sock", &address.to_string()));
    let (code, said) = Process::spawn(downtime(&folder)).end();
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    assert!(said.contains("or change [management] listen"), "{said}");
}

#[test]
fn another_address_waits_for_the_next_start_and_that_is_said_once() {
    let gateway = start("");
    let other = MANAGEMENT.replace("management.sock", "other.sock");
    gateway.apply(&format!("{other}{DOWN}"));
    gateway.log().wait_for("[management] listen takes effect at the next start");
    assert_eq!(ask(&gateway, "/status").json()["generation"], 2);
    gateway.apply(&other);
    gateway.apply(MANAGEMENT);
    gateway.apply("");
    gateway.log().wait_for("[management] listen takes effect at the next start");
    gateway.apply(MANAGEMENT);
    assert_eq!(gateway.log().count("takes effect at the next start"), 2, "{}", gateway.log().text());
}
