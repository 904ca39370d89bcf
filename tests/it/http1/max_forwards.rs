//! Max-Forwards limits how far OPTIONS and TRACE go (RFC 9110, section 7.6.2).

use super::messages::RecordingUpstream;
use super::{SERVERS, refused, response, site};
use crate::support::process::GatewayProcess;

#[test]
fn options_and_trace_with_max_forwards_0_are_not_forwarded() {
    let upstream = RecordingUpstream::start(&[]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for (method, target, status) in
            [("OPTIONS", "/", 200), ("OPTIONS", "*", 200), ("OPTIONS", "http://a", 200), ("TRACE", "/", 501)]
        {
            for version in ["HTTP/1.1", "HTTP/1.0"] {
                let case = format!("{method} {target} {version}");
                let mut client = gateway.connect();
                client.send(format!("{case}\r\nHost: a\r\nMax-Forwards: 0\r\nConnection: close\r\n\r\n"));
                let found = response(&mut client, method, &case);
                assert_eq!(found.status, status, "{case}");
                if status == 200 {
                    assert_eq!(
                        (found.field("allow"), found.field("content-length")),
                        (None, Some("0")),
                        "{case}"
                    );
                }
            }
        }
        upstream.assert_no_request(server);
    }
}

#[test]
fn max_forwards_of_options_and_trace_counts_down_and_stays_otherwise() {
    let upstream = RecordingUpstream::start(&[]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for (method, sent, passed) in [
            ("OPTIONS", "5", "4"),
            ("OPTIONS", "1", "0"),
            ("OPTIONS", "70", "69"),
            ("TRACE", "5", "4"),
            ("TRACE", "1", "0"),
            ("GET", "5", "5"),
            ("GET", "0", "0"),
            ("POST", "0", "0"),
            ("DELETE", "1", "1"),
            ("OPTIONS", "-1", "-1"),
            ("OPTIONS", "x", "x"),
            ("OPTIONS", "5x", "5x"),
            ("OPTIONS", "1.5", "1.5"),
            ("OPTIONS", "+5", "+5"),
            ("TRACE", "five", "five"),
        ] {
            for version in ["HTTP/1.1", "HTTP/1.0"] {
                let case = format!("{method} {sent} {version}");
                let mut client = gateway.connect();
                let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
                client.send(format!(
                    "{method} / {version}\r\nHost: a\r\nmax-forwards: {sent}\r\n{length}Connection: close\r\n\r\n"
                ));
                assert_eq!(response(&mut client, method, &case).status, 200, "{case}");
                assert_eq!(upstream.request(&case).values("max-forwards"), [passed], "{case}");
            }
        }
    }
}

#[test]
fn options_and_trace_with_several_max_forwards_are_refused() {
    let upstream = RecordingUpstream::start(&[]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for (first, second) in [("2", "0"), ("0", "2"), ("2", "2"), ("x", "0")] {
            let fields = format!("Host: a\r\nMax-Forwards: {first}\r\nmax-forwards: {second}\r\n\r\n");
            for method in ["OPTIONS", "TRACE"] {
                let case = format!("{method} {first} {second}");
                let text = refused(&gateway, format!("{method} / HTTP/1.1\r\n{fields}"), 400, &case);
                assert_eq!(text, "the request has more than one Max-Forwards field", "{case}");
            }
            upstream.assert_no_request(server);
            let mut client = gateway.connect();
            client.send(format!("GET / HTTP/1.1\r\n{fields}"));
            assert_eq!(response(&mut client, "GET", "no limit").status, 200);
            let passed = upstream.request("no limit");
            assert_eq!(passed.values("max-forwards"), [first, second]);
        }
    }
}
