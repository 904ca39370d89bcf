//! Versions of HTTP in request lines, and what they mean for the connection.

use super::messages::RecordingUpstream;
use super::{DOWN, FORMS, GET, RequestForm, refusal, response, site};
use crate::support::process::{ConfigDirectory, GatewayProcess};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";

#[test]
fn later_minor_versions_are_served_as_http_1_1() {
    let upstream = RecordingUpstream::start(&[OK]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for (config, status) in [(site(&upstream.url(), "# up"), 200), (DOWN.to_owned(), 503)] {
        gateway.apply(&config);
        let mut client = gateway.connect();
        for minor in 1..=9 {
            let version = format!("HTTP/1.{minor}");
            client.send(format!("GET /0 {version}\r\nHost: a\r\n\r\n"));
            let head = client.head().unwrap_or_else(|error| panic!("{version}: {error}"));
            client.unread.splice(..0, head.bytes());
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{version}: {head}");
            assert_eq!(client.response("GET").field("connection"), None, "{version}");
            if status == 200 {
                assert_eq!(upstream.request(&version).line(), b"GET /0 HTTP/1.1", "{version}");
            }
        }
    }
}

#[test]
fn other_major_versions_are_refused_with_505() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for config in [site(&upstream.url(), "# up"), DOWN.to_owned()] {
        gateway.apply(&config);
        for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/9.9"] {
            for method in ["GET", "POST"] {
                let mut client = gateway.connect();
                client.send(format!("{method} / {version}\r\nHost: a\r\n\r\n"));
                refusal(&mut client, 505, &format!("{method} {version} to\n{config}"));
            }
        }
    }
    upstream.assert_no_request("an unknown version");
}

/// A gateway of each kind of response: forwarded with a length, forwarded in chunks, a file, a down page, a status.
fn with_gateways(check: impl Fn(&GatewayProcess, &str, &str)) {
    let upstream = RecordingUpstream::start(&[OK, CHUNKED]);
    let forwarding = GatewayProcess::start(&site(&upstream.url(), ""));
    check(&forwarding, "/0", "forwarded with a length");
    check(&forwarding, "/1", "forwarded in chunks");
    let directory = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(directory.join("public")).expect("a directory");
    directory.write("public/index.html", "home");
    check(&GatewayProcess::on(directory), "/", "a file");
    let down = GatewayProcess::start(DOWN);
    check(&down, "/", "the down page");
    check(&down, "/.downtime/status", "the status");
}

#[test]
fn every_response_says_http_1_1() {
    with_gateways(|gateway, target, case| {
        for form in FORMS {
            let mut client = gateway.connect();
            client.send(form.request(target));
            let head = client.head().unwrap_or_else(|error| panic!("{case} {form:?}: {error}"));
            assert!(head.starts_with("HTTP/1.1 "), "{case} {form:?}: {head}");
            assert!(head.to_lowercase().contains("\r\ndate: "), "{case} {form:?}: {head}");
        }
    });
}

#[test]
fn a_connection_is_kept_or_closed_as_the_client_asks() {
    with_gateways(|gateway, target, case| {
        for form in FORMS.iter().filter(|form| form.body.is_empty()) {
            let case = format!("{case}, {form:?}");
            let mut client = gateway.connect();
            client.send(form.request(target));
            let first = response(&mut client, form.method, &case);
            let option = first.field("connection");
            // HTTP/1.0 has no chunks: the end of the connection ends such a body.
            let keeps = form.keeps_connection() && !(form.is_http_1_0() && target == "/1");
            if keeps {
                let expected = form.is_http_1_0().then_some("keep-alive");
                assert_eq!(option, expected, "{case}");
                client.send(form.request(target));
                assert_eq!(response(&mut client, form.method, &case).status, first.status, "{case}");
            } else {
                assert_eq!(option, Some("close"), "{case}");
                assert!(client.is_closed(), "{case}");
            }
        }
    });
}

#[test]
fn close_wins_over_keep_alive_and_other_options_change_nothing() {
    let gateway = GatewayProcess::start(DOWN);
    for (fields, keeps) in [
        ("Connection: keep-alive, close\r\n", false),
        ("Connection: keep-alive\r\nConnection: close\r\n", false),
        ("Connection: CLOSE\r\n", false),
        ("Connection: x, close ,y\r\n", false),
        ("Connection: closed\r\n", true),
        ("Connection: x-close\r\n", true),
        ("Connection:\r\n", true),
        ("Proxy-Connection: close\r\n", true),
    ] {
        let form = RequestForm { fields, ..GET };
        let mut client = gateway.connect();
        client.send(form.request("/"));
        let option = response(&mut client, "GET", fields).field("connection").map(str::to_owned);
        assert_eq!(option.as_deref(), (!keeps).then_some("close"), "{fields:?}");
        if keeps {
            assert_eq!(client.request("GET", "/", &[]).status, 503, "{fields:?}");
        } else {
            assert!(client.is_closed(), "{fields:?}");
        }
    }
}
