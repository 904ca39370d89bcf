//! What clients of HTTP/2 and upstreams of HTTP/1.1 get of each other's messages.

use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Frame;

use super::http2::{exchange, frames, full, post};
use super::http2_upstream::{Http2Upstream, Received, blocking, soon};
use super::messages::RecordingUpstream;
use super::{FORMS, TRUSTED, response, site};
use crate::client::scheme;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

const FORGED: [(&str, &str); 8] = [
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-for", "192.0.2.2"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "public.example"),
    ("forwarded", "for=192.0.2.1"),
    ("x_forwarded_for", "192.0.2.3"),
    ("x_forwarded_proto", "https"),
    ("x-real-ip", "192.0.2.4"),
];

fn add(headers: &mut HeaderMap, fields: &[(&'static str, &'static str)]) {
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
}

#[tokio::test]
async fn forged_forwarding_fields_do_not_pass_and_those_of_a_trusted_proxy_do() {
    let upstream = RecordingUpstream::start(&[]);
    for (server, expected) in [
        ("", ["127.0.0.1", scheme(), "site.example"]),
        (TRUSTED, ["192.0.2.1, 192.0.2.2, 127.0.0.1", "https", "public.example"]),
    ] {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        let mut request = post(full("hello"));
        add(request.headers_mut(), &FORGED);
        assert_eq!(exchange(&gateway, request, server).await.0, 200, "{server}");
        let request = upstream.request(server);
        let found =
            ["for", "proto", "host"].map(|name| request.values(&format!("x-forwarded-{name}")).join(" and "));
        assert_eq!(found, expected, "{server}");
        assert!(request.names().iter().all(|name| !name.contains('_')), "{server}: {:?}", request.names());
        assert_eq!(request.values("forwarded").is_empty(), server.is_empty(), "{server}");
    }
}

#[tokio::test]
async fn fields_for_proxies_do_not_pass_and_split_cookies_are_joined() {
    let upstream = RecordingUpstream::start(&[
        "HTTP/1.1 200 OK\r\nProxy-Authenticate: Basic\r\nProxy-Connection: close\r\nX-Own: 1\r\nConnection: x-own\r\n\
         Keep-Alive: 5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nhi",
    ]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let mut request = Request::get("http://site.example/0").body(full("")).expect("a request");
    let fields = [
        ("proxy-authorization", "Basic YTpi"),
        ("proxy", "http://192.0.2.1"),
        ("http2-settings", "AAAA"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
    ];
    add(request.headers_mut(), &fields);
    let (status, found, body, _) = exchange(&gateway, request, "fields").await;
    assert_eq!((status, &body[..]), (200, &b"hi"[..]));
    let cookies: Vec<_> = found.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    for name in ["proxy-authenticate", "proxy-connection", "x-own", "connection", "keep-alive"] {
        assert!(!found.contains_key(name), "{name}: {found:?}");
    }
    let request = upstream.request("fields");
    assert_eq!(request.values("cookie"), ["a=1; b=2"]);
    for name in ["proxy-authorization", "proxy", "http2-settings", "connection", "te"] {
        assert!(request.values(name).is_empty(), "{name}: {:?}", request.names());
    }
}

#[tokio::test]
async fn every_kind_of_response_is_framed_exactly() {
    let kinds = [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, Some("5"), "hello"),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, Some("0"), ""),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            200,
            None,
            "hello",
        ),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, None, ""),
        ("GET", "HTTP/1.1 200 OK\r\n\r\nhello", 200, None, "hello"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, None, ""),
        ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\n", 304, None, ""),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, Some("5"), ""),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, None, ""),
        ("POST", "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello", 201, Some("5"), "hello"),
    ];
    let upstream = RecordingUpstream::start(&kinds.map(|(_, response, ..)| response));
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for (number, (method, response, status, length, expected)) in kinds.into_iter().enumerate() {
        let case = format!("{method} {response:?}");
        let request = Request::builder().method(method).uri(format!("http://site.example/{number}"));
        let request = request.body(full(if method == "POST" { "hello" } else { "" })).expect("a request");
        let (found, fields, body, _) = exchange(&gateway, request, &case).await;
        let found_length = fields.get("content-length").map(|value| value.to_str().expect("a number"));
        assert_eq!((found, &body[..], found_length), (status, expected.as_bytes(), length), "{case}");
        assert!(!fields.contains_key("transfer-encoding"), "{case}");
    }
}

#[tokio::test]
async fn no_body_is_sent_before_the_upstream_asks_for_it() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let request = || {
        let mut request = post(frames(vec![Frame::data("hello".into())], true));
        request.headers_mut().insert("expect", HeaderValue::from_static("100-continue"));
        request
    };
    let responding = std::thread::spawn(move || {
        let mut received = upstream.accept();
        assert!(received.head().expect("a request").to_lowercase().contains("expect: 100-continue\r\n"));
        received.send("HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
        // Now the body may come, or a part of it, but no other request.
        let rest = received.rest().unwrap_or_default();
        assert!(b"5\r\nhello\r\n0\r\n\r\n".starts_with(&rest), "{:?}", String::from_utf8_lossy(&rest));
        let mut received = upstream.accept();
        received.head().expect("a request");
        received.send("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(received.chunks().expect("a body").0, b"hello");
        received.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    });
    for (expected, text) in [(417, "no"), (200, "hi")] {
        let (status, _, body, _) = exchange(&gateway, request(), text).await;
        assert_eq!((status, &body[..]), (expected, text.as_bytes()));
    }
    blocking(move || responding.join().expect("responded")).await;
}

#[tokio::test]
async fn interim_responses_do_not_reach_clients_of_http2() {
    let hints = "HTTP/1.1 103 Early Hints\r\nCaf\u{e9}: 1\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    let upstream = RecordingUpstream::start(&[&format!("{hints}{hints}{last}")]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), "[log]\nlevel = \"debug\"\n"));
    let request = Request::get("http://site.example/0").body(full("")).expect("a request");
    let (status, _, body, _) = exchange(&gateway, request, "hints").await;
    assert_eq!((status, &body[..]), (200, &b"hi"[..]));
    // Nor is their field left out of anything.
    assert_eq!(gateway.log().count("its name is not ASCII"), 0, "{}", gateway.log().text());
}

#[tokio::test]
async fn an_upstream_of_http2_gets_no_field_of_a_connection_and_our_own_in_spite_of_its_options() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    for form in FORMS {
        let mut client = gateway.connect();
        client.send(form.with_fields(
            "/",
            "Connection: x-forwarded-for, via, host, te\r\nTE: gzip, trailers\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\n\
             Proxy-Authorization: Basic YTpi\r\nProxy: a\r\nUpgrade: websocket\r\nHTTP2-Settings: AAAA\r\nX_Forwarded_For: b\r\n",
        ));
        let Received { request, respond } = upstream.request().await;
        let fields = request.headers().clone();
        let expected =
            [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-host", "site.example"), ("te", "trailers")];
        for (name, value) in expected {
            assert_eq!(
                fields.get(name).map(HeaderValue::as_bytes),
                Some(value.as_bytes()),
                "{form:?}: {fields:?}"
            );
        }
        assert!(fields.contains_key("via"), "{form:?}: {fields:?}");
        for name in fields.keys().map(http::HeaderName::as_str) {
            let is_dropped = ["connection", "keep-alive", "upgrade", "http2-settings", "host", "expect"];
            assert!(!is_dropped.contains(&name) && !name.starts_with("proxy"), "{name} of {form:?}");
            assert!(!name.contains('_'), "{name} of {form:?}");
        }
        let mut answer = Response::new(full("the site"));
        let fields =
            [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("proxy-authenticate", "Basic"), ("x-own", "1")];
        add(answer.headers_mut(), &fields);
        respond.send(answer).expect("sent");
        let found = blocking(move || response(&mut client, form.method, "over h2c")).await;
        let cookies: Vec<_> = found.fields.iter().filter(|(name, _)| name == "set-cookie").collect();
        assert_eq!(cookies.len(), 2, "{form:?}: {found:?}");
        assert_eq!((found.field("x-own"), found.field("proxy-authenticate")), (Some("1"), None), "{form:?}");
    }
}

#[tokio::test]
async fn bytes_behind_an_upgrade_are_the_next_request_for_an_upstream_of_http2() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let mut client = gateway.connect();
    let upgrade = "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.send([upgrade, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
    for path in ["/1", "/2"] {
        let Received { request, respond } = soon(upstream.requests.recv()).await.expect("a request");
        assert_eq!(request.uri().path(), path);
        assert!(!request.headers().contains_key("upgrade"));
        respond.send(Response::new(full("the site"))).expect("sent");
    }
    blocking(move || {
        for _ in 0..2 {
            let found = response(&mut client, "GET", "behind an upgrade");
            assert_eq!((found.status, found.text()), (200, "the site"));
        }
    })
    .await;
}
