//! A body that nobody reads is discarded or ends the connection, and is never read as a request.

use std::io::Write as _;

use super::{DOWN, GET, POST, RequestForm, SERVERS, TRUSTED};
use crate::support::process::{ConfigDirectory, GatewayProcess};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
/// The framing fields and the bodies of requests.
fn bodies() -> Vec<(String, String)> {
    let long = "x".repeat(100_000);
    vec![
        ("Content-Length: 5\r\n".into(), "hello".into()),
        (format!("Content-Length: {}\r\n", SMUGGLED.len()), SMUGGLED.into()),
        (format!("Content-Length: {}\r\n", 5 + SMUGGLED.len()), format!("0\r\n\r\n{SMUGGLED}")),
        ("Transfer-Encoding: chunked\r\n".into(), "5\r\nhello\r\n0\r\n\r\n".into()),
        (
            "Transfer-Encoding: chunked\r\n".into(),
            format!("{:x};a\r\n{SMUGGLED}\r\n0\r\nX-Sum: 1\r\n\r\n", SMUGGLED.len()),
        ),
        (
            "Transfer-Encoding: chunked\r\n".into(),
            format!("5\r\nhello\r\n{:X}\r\n\r\n{SMUGGLED}\r\n0\r\n\r\n", 2 + SMUGGLED.len()),
        ),
        (format!("Content-Length: {}\r\n", long.len()), long),
    ]
}

/// Gateways that respond themselves, each with a target.
fn gateways(server: &str) -> Vec<(GatewayProcess, &'static str)> {
    let directory = ConfigDirectory::with(&format!("{server}[site]\nroot = \"public\"\n"));
    std::fs::create_dir(directory.join("public")).expect("a directory");
    directory.write("public/index.html", "home");
    let redirect = "[response]\nredirect = \"https://status.example/\"\n";
    vec![
        (GatewayProcess::start(&format!("{server}{DOWN}")), "/"),
        (GatewayProcess::start(&format!("{server}{DOWN}# status")), "/.downtime/status"),
        (GatewayProcess::start(&format!("{server}{redirect}{DOWN}")), "/"),
        (GatewayProcess::on(directory), "/"),
        (GatewayProcess::start(server), "/"),
    ]
}

/// Forms of requests, to which the fields and the body are added.
fn forms() -> Vec<RequestForm> {
    let post = RequestForm { fields: "", body: "", ..POST };
    vec![
        post,
        GET,
        RequestForm { method: "PUT", ..post },
        RequestForm { fields: "Connection: close\r\n", ..post },
        RequestForm { version: "HTTP/1.0", ..post },
        RequestForm { version: "HTTP/1.0", fields: "Connection: keep-alive\r\n", ..post },
    ]
}

#[test]
fn the_next_request_after_an_unwanted_body_is_answered_or_the_connection_closes() {
    for server in SERVERS {
        for (gateway, target) in gateways(server) {
            for form in forms() {
                for (fields, body) in bodies() {
                    if form.is_http_1_0() && fields.contains("chunked") {
                        continue;
                    }
                    let case = format!("{target} {form:?} {fields:?} {:?}", &body[..body.len().min(40)]);
                    let mut client = gateway.connect();
                    let next = "HEAD /.downtime/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
                    client.send(format!("{}{body}{next}", form.with_fields(target, &fields)));
                    client.try_response(form.method).unwrap_or_else(|error| panic!("{case}: {error}"));
                    let rest = client.rest().unwrap_or_else(|error| panic!("{case}: {error}"));
                    let rest = String::from_utf8_lossy(&rest);
                    // The body was received with the request, so discarding it costs nothing.
                    let expected = usize::from(form.keeps_connection());
                    assert_eq!(rest.matches("HTTP/1.1 ").count(), expected, "{case}: {rest}");
                    assert!(expected == 0 || rest.starts_with("HTTP/1.1 200 "), "{case}: {rest}");
                }
            }
        }
    }
}

#[test]
fn a_body_that_comes_after_the_response_is_never_read_as_a_request() {
    for server in SERVERS {
        for (gateway, target) in gateways(server) {
            for form in forms() {
                let case = format!("{target} {form:?} {server:?}");
                let mut client = gateway.connect();
                client.send(form.with_fields(target, &format!("Content-Length: {}\r\n", SMUGGLED.len())));
                client.try_response(form.method).unwrap_or_else(|error| panic!("{case}: {error}"));
                let next = "HEAD /.downtime/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
                // The gateway may have closed the connection.
                let _ = client.stream.write_all(format!("{SMUGGLED}{next}").as_bytes());
                let rest = client.rest().unwrap_or_default();
                let rest = String::from_utf8_lossy(&rest);
                assert!(rest.matches("HTTP/1.1 ").count() <= 1, "{case}: {rest}");
                assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 200 "), "{case}: {rest}");
            }
        }
    }
}

#[test]
fn a_malformed_unwanted_body_ends_the_connection() {
    let gateway = GatewayProcess::start(&format!("{TRUSTED}{DOWN}"));
    for body in
        ["nonsense\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhelloo\r\n0\r\n\r\n", "0\n\n", "0\r\nX : y\r\n\r\n"]
    {
        let mut client = gateway.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}{SMUGGLED}"
        ));
        let first = client.try_response("POST").unwrap_or_else(|error| panic!("{body:?}: {error}"));
        assert!(matches!(first.status, 503 | 400), "{body:?}: {}", first.status);
        let rest = client.rest().unwrap_or_default();
        let rest = String::from_utf8_lossy(&rest);
        // A second refusal may follow the page, but never the answer to what is in the body.
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400 "), "{body:?}: {rest}");
        assert!(rest.matches("HTTP/1.1 ").count() <= 1, "{body:?}: {rest}");
    }
}
