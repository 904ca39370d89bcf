//! Bodies are framed exactly, either way, in every form of request.

use super::messages::{ReceivedRequest, RecordingUpstream};
use super::{FORMS, GET, POST, RequestForm, SERVERS, response, site};
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

/// Responses, and the status and the body that a client gets.
const RESPONSES: [(&str, u16, &str); 16] = [
    ("200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    ("200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""),
    ("200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", 200, "hello"),
    ("200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    (
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
        200,
        "abc0123456789",
    ),
    ("200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n3;a=\"b\"\r\nabc\r\n000\r\nX-Sum: 1\r\n\r\n", 200, "abc"),
    ("200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, ""),
    ("200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, "abc"),
    ("200 OK\r\n\r\nuntil it closes", 200, "until it closes"),
    ("200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    ("204 No Content\r\nETag: \"e\"\r\n\r\n", 204, ""),
    ("204 No Content\r\nContent-Length: 0\r\n\r\n", 204, ""),
    ("304 Not Modified\r\nETag: \"e\"\r\n\r\n", 304, ""),
    ("304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, ""),
    ("404 Not Found\r\nContent-Length: 4\r\n\r\nnone", 404, "none"),
    (
        "200 OK\r\nContent-Length: 19\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        200,
        "HTTP/1.1 200 OK\r\n\r\n",
    ),
];

#[test]
fn every_kind_of_response_is_framed_exactly_in_every_form() {
    let said = RESPONSES.map(|(said, _, _)| format!("HTTP/1.1 {said}"));
    let upstream = RecordingUpstream::start(&said.each_ref().map(String::as_str));
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for (number, (said, status, body)) in RESPONSES.into_iter().enumerate() {
            for form in FORMS.iter().chain(&[RequestForm { method: "HEAD", ..GET }]) {
                let case = format!("{said:?} to {form:?}");
                let mut client = gateway.connect();
                client.send(form.request(&format!("/{number}")));
                let found = response(&mut client, form.method, &case);
                let body = if form.method == "HEAD" { "" } else { body };
                assert_eq!((found.status, found.text()), (status, body), "{case}");
                let (length, coding) = (found.field("content-length"), found.field("transfer-encoding"));
                assert!(length.is_none() || coding.is_none(), "{case}: both {length:?} and {coding:?}");
                assert!(!form.is_http_1_0() || coding.is_none(), "{case}: {coding:?}");
                assert!(status != 204 || (length, coding) == (None, None), "{case}: {length:?} {coding:?}");
                let cookies = found.fields.iter().filter(|(name, _)| name == "set-cookie").count();
                assert_eq!(cookies, said.matches("Set-Cookie").count(), "{case}");
                if found.field("connection") == Some("close")
                    || form.is_http_1_0() && found.field("connection") != Some("keep-alive")
                {
                    assert!(client.is_closed(), "{case}");
                } else {
                    client.send(GET.request("/next"));
                    let next = response(&mut client, "GET", &format!("the next one after {case}"));
                    assert_eq!(next.text(), "the site", "the next one after {case}");
                }
            }
        }
    }
}

/// Fields and bodies of requests, and the body that the upstream gets.
const REQUESTS: [(&str, &str, &str); 14] = [
    ("Content-Length: 5\r\n", "hello", "hello"),
    ("Content-Length: 0\r\n", "", ""),
    ("Content-Length: 5, 5\r\n", "hello", "hello"),
    ("Content-Length: 5,5 ,\t5\r\n", "hello", "hello"),
    ("Content-Length: 5\r\nX: y\r\ncontent-length: 5\r\n", "hello", "hello"),
    ("Content-Length: \t 5 \t\r\n", "hello", "hello"),
    ("Content-Length: 18\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("transfer-encoding: \tChunked \r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n", ""),
    (
        "Transfer-Encoding: chunked\r\n",
        "A\r\n0123456789\r\n0a\r\n0123456789\r\n00\r\n\r\n",
        "01234567890123456789",
    ),
    ("Transfer-Encoding: chunked\r\n", "5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n", "hello"),
    ("Transfer-Encoding: chunked\r\n", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "hello"),
];

#[test]
fn every_kind_of_request_body_arrives_exactly_and_the_next_request_after_it() {
    let upstream = RecordingUpstream::start(&[]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for (fields, sent, body) in REQUESTS {
            for form in [
                RequestForm { fields: "", body: "", ..POST },
                RequestForm { method: "PUT", fields: "", body: "", ..POST },
                RequestForm { method: "DELETE", fields: "", body: "", ..POST },
                GET,
                RequestForm { fields: "Connection: close\r\n", body: "", ..POST },
                RequestForm { version: "HTTP/1.0", fields: "Connection: keep-alive\r\n", body: "", ..POST },
            ] {
                if form.is_http_1_0() && fields.to_lowercase().contains("transfer-encoding") {
                    continue;
                }
                let case = format!("{fields:?} {sent:?} in {form:?}");
                let mut client = gateway.connect();
                let next = if form.keeps_connection() { "GET /next HTTP/1.1\r\nHost: a\r\n\r\n" } else { "" };
                client.send(format!("{}{sent}{next}", form.with_fields("/", fields)));
                assert_eq!(response(&mut client, form.method, &case).text(), "the site", "{case}");
                let request = upstream.request(&case);
                assert_eq!(String::from_utf8_lossy(&request.body), body, "{case}");
                assert_eq!(request.line(), format!("{} / HTTP/1.1", form.method).as_bytes(), "{case}");
                if !next.is_empty() {
                    assert_eq!(
                        response(&mut client, "GET", &case).text(),
                        "the site",
                        "the next after {case}"
                    );
                    assert_eq!(upstream.request(&case).line(), b"GET /next HTTP/1.1", "{case}");
                }
            }
        }
    }
}

#[test]
fn a_request_may_arrive_in_pieces_of_any_size() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for form in FORMS {
        let sent = form.request("/pieces");
        for cut in 1..sent.len() {
            let case = format!("{form:?} cut at {cut}");
            let mut client = gateway.connect();
            client.send(&sent[..cut]);
            // By its response, the gateway has most likely read the first piece. Both cases must work.
            assert_eq!(gateway.get("/between", &[]).status, 200);
            upstream.request("between");
            client.send(&sent[cut..]);
            assert_eq!(response(&mut client, form.method, &case).text(), "the site", "{case}");
            let request = upstream.request(&case);
            assert_eq!(request.line(), format!("{} /pieces HTTP/1.1", form.method).as_bytes(), "{case}");
            assert_eq!(request.body.is_empty(), form.body.is_empty(), "{case}");
        }
    }
}

#[test]
fn request_lengths_at_the_end_of_64_bits_are_forwarded() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for length in
        ["9223372036854775807", "9223372036854775808", "18446744073709551614", "18446744073709551615"]
    {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let mut client = gateway.connect();
            client.send(format!("POST / {version}\r\nHost: a\r\nContent-Length: {length}\r\n\r\nhello"));
            let mut received = upstream.accept();
            let head = received.head().expect(length).to_lowercase();
            assert!(head.contains(&format!("\r\ncontent-length: {length}\r\n")), "{version}: {head}");
            assert_eq!(received.take(5).expect(length), b"hello", "{length} {version}");
        }
    }
}

#[test]
fn a_request_without_a_body_has_a_length_only_if_it_was_sent_with_one() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for method in ["GET", "HEAD", "OPTIONS", "DELETE", "POST", "PUT"] {
        for (fields, lengths) in [("", &[][..]), ("Content-Length: 0\r\n", &["0"])] {
            let case = format!("{method} {fields:?}");
            let mut client = gateway.connect();
            client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
            let mut received = upstream.accept();
            let request = ReceivedRequest::read(&mut received).expect(&case);
            assert_eq!(request.values("transfer-encoding"), [""; 0], "{case}");
            assert_eq!(request.values("content-length"), lengths, "{case}");
            assert!(request.body.is_empty(), "{case}");
        }
    }
}
