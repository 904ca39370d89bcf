//! How requests reach the upstream, and how the gateway responds if they do not.

use super::DOWN;
use crate::support::closed_port::ClosedPort;
use crate::support::process::GatewayProcess;
use crate::upstreams::{ScriptedUpstream, StubUpstream};

fn site(url: &str, more: &str) -> String {
    format!("[site]\nupstream = \"{url}\"\n{more}\n")
}

#[test]
fn the_target_and_the_host_are_forwarded_byte_for_byte() {
    let origin = StubUpstream::start();
    let gateway = GatewayProcess::start(&site(&origin.url(), ""));
    let mut client = gateway.connect();
    for target in ["/", "/a/../b//c;d%2F%7e?x=%2e&y=//", "/%zz", "/%00", "//evil.example/x", "/?"] {
        let response = client.request("GET", target, &["Host: shop.example:8080"]);
        assert_eq!(
            (response.status, response.text(), response.downtime()),
            (200, "the site", None),
            "{target}"
        );
        let head = origin.head();
        assert!(head.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{head}");
        assert!(head.to_lowercase().contains("host: shop.example:8080\r\n"), "{head}");
    }
}

#[test]
fn a_name_is_looked_up_and_each_of_its_addresses_is_tried() {
    // `localhost` may be ::1 first, where nothing listens.
    let origin = StubUpstream::start();
    let gateway = GatewayProcess::start(&site(&format!("http://localhost:{}", origin.address.port()), ""));
    assert_eq!(gateway.get("/", &[]).text(), "the site");
    let unknown = "http://unknown.invalid";
    gateway.apply(&site(unknown, ""));
    assert_eq!(gateway.get("/", &[]).downtime(), Some("unreachable"));
    gateway.log().wait_for("unknown.invalid is unreachable: no connection to the upstream");
}

#[test]
fn a_body_is_forwarded_and_head_stays_head() {
    let origin = StubUpstream::start();
    let gateway = GatewayProcess::start(&site(&origin.url(), ""));
    let mut client = gateway.connect();
    client.send("POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.response("POST").text(), "the site");
    assert!(origin.head().starts_with("POST /form "));
    let head = client.request("HEAD", "/", &[]);
    assert_eq!((head.status, head.field("content-length")), (200, Some("8")));
    assert_eq!(client.request("GET", "/", &[]).text(), "the site");
}

#[test]
fn an_unreachable_upstream_gives_the_page_and_never_a_redirect() {
    let port = ClosedPort::bind();
    let gateway = GatewayProcess::start(&format!(
        "[response]\nredirect = \"/sorry\"\nretry_after = \"7m\"\n{}",
        site(&port.url(), "")
    ));
    let response = gateway.get("/", &[]);
    assert_eq!((response.status, response.downtime()), (503, Some("unreachable")));
    assert_eq!((response.retry_after(), response.field("location")), (420, None));
    assert_eq!(response.field("cache-control"), Some("no-store"));
    let problem = gateway.get("/", &["Accept: application/json"]);
    assert_eq!(problem.field("content-type"), Some("application/problem+json"));
    assert_eq!(gateway.get("/.downtime/status", &[]).json()["state"], "up");
    assert!(gateway.log().wait_for("is unreachable").contains("ERROR"));
}

#[test]
fn an_unreachable_upstream_gives_502_or_504_if_configured() {
    let (slow, port) = (ScriptedUpstream::bind(), ClosedPort::bind());
    for (url, more, status) in [
        (port.url(), "when_unreachable = \"error\"", 502),
        (slow.url(), "when_unreachable = \"error\"\nresponse_timeout = \"50ms\"", 504),
        (slow.url(), "response_timeout = \"50ms\"", 503),
    ] {
        let gateway = GatewayProcess::start(&site(&url, more));
        let response = gateway.get("/", &[]);
        assert_eq!(response.status, status, "{more}");
        assert_eq!(response.downtime(), (status == 503).then_some("unreachable"), "{more}");
    }
}

#[test]
fn a_response_that_comes_too_late_is_logged_with_its_request() {
    let slow = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&slow.url(), "response_timeout = \"50ms\""));
    assert_eq!(gateway.get("/slow?secret=1", &[]).status, 503);
    let line = gateway.log().wait_for("is unreachable: ");
    assert!(line.ends_with("no response from the upstream within 50ms (GET /slow)"), "{line}");
}

#[test]
fn an_unreachable_upstream_does_not_hide_a_planned_downtime() {
    let port = ClosedPort::bind();
    let gateway =
        GatewayProcess::start(&format!("{}[exempt]\nexact = [\"/open\"]\n{DOWN}", site(&port.url(), "")));
    assert_eq!(gateway.get("/", &[]).downtime(), Some("planned"));
    assert_eq!(gateway.get("/open", &[]).downtime(), Some("unreachable"));
}

#[test]
fn a_response_that_the_upstream_cuts_short_never_looks_complete() {
    let script = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&script.url(), ""));
    for framing in ["Content-Length: 100\r\n\r\npart", "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"] {
        let mut client = gateway.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut upstream = script.accept();
        upstream.head().expect("a request");
        upstream.send(format!("HTTP/1.1 200 OK\r\n{framing}"));
        drop(upstream);
        assert!(client.try_response("GET").is_err(), "{framing}");
    }
}

#[test]
fn a_request_in_flight_keeps_its_upstream() {
    let (before, after) = (ScriptedUpstream::bind(), StubUpstream::start());
    let gateway = GatewayProcess::start(&site(&before.url(), ""));
    let mut client = gateway.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = before.accept();
    upstream.head().expect("a request");
    gateway.apply(&site(&after.url(), ""));
    assert_eq!(gateway.get("/", &[]).text(), "the site");
    gateway.apply(DOWN);
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    assert_eq!(client.response("GET").text(), "old");
    assert_eq!(client.request("GET", "/", &[]).status, 503);
}

#[test]
fn a_request_without_exactly_one_valid_host_gets_400_up_or_down() {
    let origin = StubUpstream::start();
    let gateway = GatewayProcess::start(&site(&origin.url(), ""));
    for config in [site(&origin.url(), "# up"), DOWN.to_owned()] {
        gateway.apply(&config);
        for hosts in [
            "",
            "Host: a\r\nHost: b\r\n",
            "Host: a\r\nHost: a\r\n",
            "Host: a b\r\n",
            "Host: a/b\r\n",
            "Host: b@a\r\n",
        ] {
            let mut client = gateway.connect();
            client.send(format!("GET / HTTP/1.1\r\n{hosts}\r\n"));
            assert_eq!(client.response("GET").status, 400, "{hosts:?}");
        }
    }
    assert_eq!(origin.heads(), [""; 0]);
}

#[test]
fn the_host_of_the_target_wins_over_the_field_and_http_1_0_needs_none() {
    let origin = StubUpstream::start();
    let gateway = GatewayProcess::start(&site(&origin.url(), ""));
    for (head, host) in [
        ("GET / HTTP/1.1\r\nHost: shop.example:80", "shop.example:80"),
        ("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80", "[2001:db8::1]:80"),
        ("GET http://target.example/ HTTP/1.1\r\nHost: field.example", "target.example"),
        ("GET / HTTP/1.0", origin.url().trim_start_matches("http://")),
    ] {
        let mut client = gateway.connect();
        client.send(format!("{head}\r\n\r\n"));
        assert_eq!(client.response("GET").status, 200, "{head}");
        let forwarded = origin.head().to_lowercase();
        let hosts: Vec<&str> = forwarded.lines().filter_map(|line| line.strip_prefix("host: ")).collect();
        assert_eq!(hosts, [host], "{head}");
    }
}

#[test]
fn an_unreachable_upstream_is_logged_when_that_begins_and_when_it_ends() {
    let port = ClosedPort::bind();
    let gateway = GatewayProcess::start(&site(&port.url(), ""));
    for _ in 0..5 {
        assert_eq!(gateway.get("/", &[]).downtime(), Some("unreachable"));
    }
    let line = gateway.log().wait_for("is unreachable: ");
    assert!(line.contains("ERROR"), "{line}");
    let listener = port.listen();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut client = crate::support::http::Client::on(stream);
            while client.head().is_ok() {
                client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    assert_eq!(gateway.get("/", &[]).status, 200);
    let line = gateway.log().wait_for("is reachable again; ");
    assert!(
        line.contains(" INFO ") && line.ends_with("is reachable again; 5 requests failed meanwhile"),
        "{line}"
    );
    assert_eq!(gateway.log().count("unreachable"), 1);
}
