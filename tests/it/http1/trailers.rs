//! Trailer sections pass through the same filter as fields (RFC 9110, section 6.5.1).

use super::messages::{ReceivedRequest, read_chunks};
use super::{FORMS, SERVERS, TRUSTED, response, site};
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

/// Trailers that never pass, not even from trusted proxies.
const CONNECTION_TRAILERS: &str = "Connection: close\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\nProxy-Authorization: a\r\n\
     Proxy: a\r\nTE: gzip\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\
     Host: b\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\nX-Hop: 1\r\n";
/// Trailers that could be taken for others by a program that reads fields as variables.
const LOOK_ALIKES: &str = "Transfer_Encoding: chunked\r\nContent_Length: 5\r\nX_Forwarded_For: 192.0.2.1\r\n";
/// Trailers that do not pass from a client that is not trusted.
const FORWARDING_TRAILERS: &str = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n\
     X-Forwarded-Port: 1\r\nForwarded: for=192.0.2.1\r\nX_Forwarded_For: 192.0.2.1\r\nX-Forwarded_Host: b\r\n\
     x-original-url: /a\r\nX-Rewrite-URL: /a\r\nX_Original_URL: /a\r\n";

/// Trailers that a site could take for fields of the head, by which the request was decided on.
const HEAD_FIELDS: &str = "X-HTTP-Method-Override: DELETE\r\nX_HTTP_Method: DELETE\r\nX-Request-Id: 1\r\nRange: bytes=0-0\r\n\
     If-None-Match: *\r\nIf_Match: *\r\nCache-Control: no-store\r\nCookie: a=b\r\nAuthorization: a\r\n\
     Content-Encoding: gzip\r\nSet-Cookie: a=b\r\nLocation: /\r\nVary: *\r\n";

fn chunked(trailers: &str) -> String {
    format!("3\r\nabc\r\n0\r\nX-Sum: 1\r\n{trailers}X-Last: 2\r\n\r\n")
}

#[test]
fn request_trailers_are_filtered_like_fields() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for (server, trailers) in [
        ("", CONNECTION_TRAILERS),
        ("", FORWARDING_TRAILERS),
        (TRUSTED, CONNECTION_TRAILERS),
        ("", LOOK_ALIKES),
        (TRUSTED, LOOK_ALIKES),
        ("", HEAD_FIELDS),
        (TRUSTED, HEAD_FIELDS),
        ("", &[CONNECTION_TRAILERS, FORWARDING_TRAILERS].concat()),
    ] {
        gateway.apply(&format!("{server}{}# {} {server:?}", site(&upstream.url(), ""), trailers.len()));
        for connection in ["X-Hop", "X-Hop, close"] {
            let mut client = gateway.connect();
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\nTrailer: X-Sum\r\n\
                 Transfer-Encoding: chunked\r\n\r\n{}",
                chunked(trailers)
            ));
            let mut received = upstream.accept();
            let request = ReceivedRequest::read(&mut received).expect("a request");
            assert_eq!(request.body, b"abc", "{trailers}");
            assert_eq!(request.trailers, ["x-sum: 1", "x-last: 2"], "{server} {connection}\n{trailers}");
            received.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(response(&mut client, "POST", trailers).status, 200);
        }
    }
}

#[test]
fn response_trailers_are_filtered_like_fields() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for server in SERVERS {
        gateway.apply(&format!("{server}{}# {server:?}", site(&upstream.url(), "")));
        for connection in ["TE", "TE, close"] {
            let mut client = gateway.connect();
            client.send(format!(
                "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: {connection}\r\n\r\n"
            ));
            let mut received = upstream.accept();
            let request = ReceivedRequest::read(&mut received).expect("a request");
            assert_eq!(request.values("te"), ["trailers"]);
            received.send(format!(
                "HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nTrailer: X-Sum\r\n\
                 Transfer-Encoding: chunked\r\n\r\n{}",
                chunked(&[CONNECTION_TRAILERS, HEAD_FIELDS].concat())
            ));
            let head = client.head().expect("a head");
            assert!(head.to_lowercase().contains("transfer-encoding: chunked\r\n"), "{head}");
            let (body, trailers) = read_chunks(&mut client).expect("a body");
            assert_eq!(body, b"abc", "{connection}");
            assert_eq!(trailers, ["x-sum: 1", "x-last: 2"], "{connection}");
        }
    }
}

#[test]
fn a_response_with_trailers_is_whole_in_every_form() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for form in FORMS {
        let case = format!("{form:?}");
        let mut client = gateway.connect();
        client.send(form.request("/"));
        let mut received = upstream.accept();
        ReceivedRequest::read(&mut received).expect(&case);
        received.send("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
        received.send(chunked(""));
        client.head().expect(&case);
        if form.is_http_1_0() {
            assert_eq!(client.rest().expect(&case), b"abc", "{case}");
        } else {
            // A client that did not ask for trailers may get them or not (RFC 9110, section 6.5.1).
            let (body, trailers) = read_chunks(&mut client).expect(&case);
            assert_eq!(body, b"abc", "{case}");
            assert!(trailers.is_empty() || trailers == ["x-sum: 1", "x-last: 2"], "{case}: {trailers:?}");
        }
    }
}

#[test]
fn a_malformed_trailer_of_the_upstream_cuts_the_response() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for end in
        ["0\r\nX-Sum : 1\r\n\r\n", "0\r\n: 1\r\n\r\n", "0\r\nX\r\n\r\n", "0\r\nX: a\r\n b\r\n\r\n", "0\n\n"]
    {
        for form in FORMS {
            let case = format!("{end:?} {form:?}");
            let mut client = gateway.connect();
            client.send(form.request("/"));
            let mut received = upstream.accept();
            ReceivedRequest::read(&mut received).expect(&case);
            received.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
            client.head().expect(&case);
            while !client.unread.windows(3).any(|window| window == b"abc") {
                let begun = client.take(client.unread.len() + 1).expect(&case);
                client.unread.splice(..0, begun);
            }
            received.send(end);
            match client.rest() {
                Ok(_) if form.is_http_1_0() => panic!("{case}: the response looks complete"),
                Ok(rest) => assert!(!rest.ends_with(b"0\r\n\r\n"), "{case}: the response looks complete"),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{case}"),
            }
        }
    }
}
