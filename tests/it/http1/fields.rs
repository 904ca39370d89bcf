//! Which fields pass, either way.

use super::messages::RecordingUpstream;
use super::{FORMS, POST, RequestForm, SERVERS, TRUSTED, response, site};
use crate::client::scheme;
use crate::support::process::GatewayProcess;

/// What the gateway adds to every request.
const ADDED: [&str; 6] =
    ["host", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"];

#[test]
fn connection_fields_of_requests_do_not_pass_in_any_form() {
    const SENT: &str = "Connection: X-Hop\r\nX-Hop: 1\r\nx-hop: 2\r\nKeep-Alive: 5\r\nProxy-Authorization: a\r\n\
         Proxy-Authenticate: a\r\nProxy-Connection: close\r\nProxy: a\r\nTE: gzip\r\nUpgrade: foo\r\n\
         HTTP2-Settings: a\r\nX-End: 1\r\n";
    let upstream = RecordingUpstream::start(&[]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for form in FORMS {
            let case = format!("{form:?}");
            let mut client = gateway.connect();
            client.send(form.with_fields("/", SENT));
            assert_eq!(response(&mut client, form.method, &case).status, 200, "{case}");
            let request = upstream.request(&case);
            let mut names = request.names();
            names.retain(|name| !matches!(name.as_str(), "content-length" | "transfer-encoding"));
            let mut expected = [&ADDED[..], &["x-end"]].concat();
            expected.sort_unstable();
            assert_eq!(names, expected, "{case}");
            assert_eq!(request.body, if form.body.is_empty() { &b""[..] } else { b"hello" }, "{case}");
        }
    }
}

#[test]
fn connection_fields_of_responses_do_not_pass_in_any_form() {
    let upstream = RecordingUpstream::start(&[
        "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: a\r\nProxy-Connection: a\r\nProxy: a\r\nTE: a\r\nUpgrade: h2\r\nX-End: 1\r\n\
         Content-Length: 5\r\n\r\nhello",
    ]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for form in FORMS {
            let case = format!("{form:?}");
            let mut client = gateway.connect();
            client.send(form.request("/0"));
            let found = response(&mut client, form.method, &case);
            let mut names: Vec<&str> = found.fields.iter().map(|(name, _)| name.as_str()).collect();
            names.retain(|name| *name != "connection");
            names.sort_unstable();
            assert_eq!(names, ["content-length", "date", "via", "x-end"], "{case}");
            assert_eq!(found.text(), "hello", "{case}");
        }
    }
}

#[test]
fn a_connection_option_removes_nothing_that_a_request_needs() {
    let upstream = RecordingUpstream::start(&[]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for form in FORMS {
            for options in [
                "date, content-length, host, x-forwarded-for",
                "Host, Content-Length, Transfer-Encoding, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host",
                "via, forwarded, keep-alive",
            ] {
                let case = format!("{options} of {form:?} {server:?}");
                let mut client = gateway.connect();
                client.send(form.with_fields("/", &format!("Connection: {options}\r\n")));
                assert_eq!(response(&mut client, form.method, &case).status, 200, "{case}");
                let request = upstream.request(&case);
                for (name, value) in [
                    ("host", "site.example"),
                    ("x-forwarded-for", "127.0.0.1"),
                    ("x-forwarded-proto", scheme()),
                    ("x-forwarded-host", "site.example"),
                ] {
                    assert_eq!(request.values(name), [value], "{name} with {case}");
                }
                assert_eq!(request.body, if form.body.is_empty() { &b""[..] } else { b"hello" }, "{case}");
            }
        }
    }
}

#[test]
fn a_connection_option_removes_nothing_that_a_response_needs() {
    let said = |framing: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nConnection: date, content-length, transfer-encoding, host, x-forwarded-for, via\r\n\
             Connection: content-encoding, content-type, set-cookie, location, cache-control\r\n\
             Content-Encoding: gzip\r\nContent-Type: text/html\r\nSet-Cookie: a\r\nLocation: /\r\n\
             Cache-Control: no-store\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n{framing}"
        )
    };
    let upstream = RecordingUpstream::start(&[
        &said("Content-Length: 5\r\n\r\nhello"),
        &said("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for form in FORMS {
            for target in ["/0", "/1"] {
                let case = format!("{target} {form:?}");
                let mut client = gateway.connect();
                client.send(form.request(target));
                let found = response(&mut client, form.method, &case);
                assert_eq!((found.status, found.text()), (200, "hello"), "{case}");
                for (name, value) in [
                    ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
                    ("content-encoding", "gzip"),
                    ("content-type", "text/html"),
                    ("set-cookie", "a"),
                    ("location", "/"),
                    ("cache-control", "no-store"),
                ] {
                    assert_eq!(found.field(name), Some(value), "{name} of {case}");
                }
                if target == "/0" {
                    assert_eq!(found.field("content-length"), Some("5"), "{case}");
                }
            }
        }
    }
}

#[test]
fn look_alikes_of_fields_do_not_pass() {
    // Programs that read fields as variables cannot tell these names from those with hyphens.
    const SENT: &str = "Transfer_Encoding: chunked\r\nContent_Length: 500\r\nX_Forwarded_For: 192.0.2.1\r\n\
         X_Forwarded_Proto: https\r\nX-Forwarded_Host: b\r\nX_Original_URL: /admin\r\ntransfer_encoding: gzip\r\n";
    let upstream = RecordingUpstream::start(&[]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for form in FORMS {
            let case = format!("{form:?} {server:?}");
            let mut client = gateway.connect();
            client.send(form.with_fields("/", SENT));
            assert_eq!(response(&mut client, form.method, &case).status, 200, "{case}");
            let request = upstream.request(&case);
            let found: Vec<_> = request.names().into_iter().filter(|name| name.contains('_')).collect();
            assert_eq!(found, [""; 0], "{case}");
            assert_eq!(request.body, if form.body.is_empty() { &b""[..] } else { b"hello" }, "{case}");
        }
    }
}

#[test]
fn forged_forwarding_fields_do_not_pass_and_those_of_a_trusted_proxy_do() {
    const SENT: &str = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: public.example\r\nConnection: x-forwarded-for, x-forwarded-proto\r\n";
    let upstream = RecordingUpstream::start(&[]);
    for (server, expected) in [
        ("", ["127.0.0.1", scheme(), "site.example"]),
        (TRUSTED, ["192.0.2.1, 192.0.2.2, 127.0.0.1", "https", "public.example"]),
    ] {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for form in FORMS {
            let case = format!("{form:?} {server:?}");
            let mut client = gateway.connect();
            client.send(form.with_fields("/", SENT));
            assert_eq!(response(&mut client, form.method, &case).status, 200, "{case}");
            let request = upstream.request(&case);
            let found = ["for", "proto", "host"]
                .map(|name| request.values(&format!("x-forwarded-{name}")).join(" and "));
            assert_eq!(found, expected, "{case}");
        }
    }
}

#[test]
fn a_426_keeps_its_upgrade() {
    let upstream = RecordingUpstream::start(&[
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: Upgrade\r\n\
         Content-Length: 2\r\n\r\nno",
    ]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for form in FORMS {
            let case = format!("{form:?}");
            let mut client = gateway.connect();
            client.send(form.request("/0"));
            let found = response(&mut client, form.method, &case);
            assert_eq!((found.status, found.text()), (426, "no"), "{case}");
            assert_eq!(found.field("upgrade"), Some("TLS/1.2, HTTP/1.1"), "{case}");
            let options = found.fields.iter().filter(|(name, _)| name == "connection");
            let options = options.map(|(_, value)| value.to_lowercase()).collect::<Vec<_>>().join(", ");
            let expected = match (form.keeps_connection(), form.is_http_1_0()) {
                (false, _) => "upgrade, close",
                (true, true) => "upgrade, keep-alive",
                (true, false) => "upgrade",
            };
            assert_eq!(options, expected, "{case}");
            upstream.request(&case);
        }
    }
}

#[test]
fn the_values_and_the_order_of_other_fields_stay() {
    let upstream = RecordingUpstream::start(&[
        "HTTP/1.1 200 OK\r\nX-A: 1\r\nSet-Cookie: a=1, b\r\nX-B:   spaced  out \t\r\nSet-Cookie: c=2\r\n\
         X-Empty:\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n",
    ]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let more = RequestForm {
        fields: "X-A: 1\r\nCookie: a\r\nX-B:   spaced  out \t\r\nCookie: b\r\nX-Empty:\r\nx-a: 2\r\nContent-Length: 5\r\n",
        ..POST
    };
    for form in FORMS.iter().chain(&[more]) {
        let case = format!("{form:?}");
        let mut client = gateway.connect();
        client.send(form.request("/0"));
        let found = response(&mut client, form.method, &case);
        let values = |name: &str| {
            let values = found.fields.iter().filter(|(other, _)| other == name);
            values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        assert_eq!(values("set-cookie"), ["a=1, b", "c=2"], "{case}");
        assert_eq!(values("x-a"), ["1", "2"], "{case}");
        assert_eq!((values("x-b"), values("x-empty")), (vec!["spaced  out".into()], vec![String::new()]));
        let request = upstream.request(&case);
        if form.fields.contains("X-B") {
            assert_eq!(request.values("x-a"), ["1", "2"], "{case}");
            assert_eq!(request.values("cookie"), ["a", "b"], "{case}");
            assert_eq!(
                (request.values("x-b"), request.values("x-empty")),
                (vec!["spaced  out".into()], vec![String::new()])
            );
        }
    }
}
