//! Requests that are malformed are refused with a text that names the reason, and never forwarded.

use std::io::Write as _;

use super::messages::RecordingUpstream;
use super::{DOWN, assert_nothing_forwarded, refusal, refused, response, site, up_and_down};
use crate::support::http::Client;
use crate::support::process::GatewayProcess;

#[test]
fn a_malformed_head_is_refused_and_its_connection_closed() {
    let upstream = RecordingUpstream::start(&[]);
    let [up, down] = up_and_down(&upstream);
    let gateway = GatewayProcess::start(&up);
    for config in [up, down] {
        gateway.apply(&format!("{config}# again\n"));
        for head in [
            "GET /\r\n\r\n",
            "GET / \r\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n",
            "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n",
            " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / http/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
            "GET / HTTP/11\r\nHost: a\r\n\r\n",
            "GET / HTTP/1,1\r\nHost: a\r\n\r\n",
            "GET / HTTP/+1.1\r\nHost: a\r\n\r\n",
            "GET / SMTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX(Y: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX\u{e9}: b\r\n\r\n",
            "GET / HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc: d\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\x01c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\x7fc\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
            "\x16\x03\x01\x02",
        ] {
            refused(&gateway, head, 400, &format!("{head:?} to\n{config}"));
        }
    }
    assert_nothing_forwarded(&upstream, &gateway);
}

#[test]
fn the_request_after_a_refused_one_is_not_answered() {
    let upstream = RecordingUpstream::start(&[]);
    let [up, down] = up_and_down(&upstream);
    for config in [up, down] {
        let gateway = GatewayProcess::start(&config);
        let mut client = gateway.connect();
        let first = client.request("GET", "/first", &[]);
        client.send("GET / HTTP/1.1\r\nHost: a b\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n");
        refusal(&mut client, 400, &config);
        if first.status == 200 {
            assert_eq!(upstream.request("the first one").line(), b"GET /first HTTP/1.1");
        }
    }
    upstream.assert_no_request("after a refused request");
}

#[test]
fn a_refusal_names_its_reason() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let many = "X: y\r\n".repeat(300);
    let long = "x".repeat(70_000);
    for (sent, status, part) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "host"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), 400, "host"),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n".to_owned(), 400, "host"),
        ("GET http://me@a/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400, "host"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n".to_owned(), 400, "field"),
        ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n".to_owned(), 400, "field"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n".to_owned(), 400, "content-length"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            400,
            "content-length",
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n".to_owned(), 501, "transfer"),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), 400, "http/1.0"),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400, "target"),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400, "target"),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n".to_owned(), 501, "connect"),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(), 505, "version"),
        ("\x16\x03\x01".to_owned(), 400, "this port does not speak https: write http:// in the url"),
        (
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            400,
            "`[server] proxy_protocol`",
        ),
        ("\r\n\r\n\0\r\nQUIT\n\x21".to_owned(), 400, "`[server] proxy_protocol`"),
        (format!("GET /{long}"), 414, "too long"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431, "too long"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431, "256"),
    ] {
        let case = format!("{:?}", &sent[..sent.len().min(90)]);
        let text = refused(&gateway, &sent, status, &case);
        assert!(text.to_lowercase().contains(part), "{part:?} in the refusal of {case}: {text}");
    }
    assert_nothing_forwarded(&upstream, &gateway);
}

#[test]
fn a_refusal_of_head_closes_the_connection_too() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = gateway.connect();
    client.send("HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n");
    let head = client.head().expect("a refusal");
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert!(head.to_lowercase().contains("connection: close\r\n"), "{head}");
    // It may have its text or not: the end of the connection tells.
    client.rest().expect("a clean end");
}

#[test]
fn a_refused_client_that_still_sends_gets_the_refusal() {
    let gateway = GatewayProcess::start(DOWN);
    for attempt in 0..20 {
        let mut client = gateway.connect();
        client.send("POST / HTTP/1.1\r\nHost: a b\r\nContent-Length: 1000000\r\n\r\n");
        // The gateway may close before it has read everything.
        let _ = client.stream.write_all(&vec![b'x'; 1_000_000]);
        let answer = response(&mut client, "POST", &format!("attempt {attempt}"));
        assert_eq!((answer.status, answer.text().is_empty()), (400, false), "attempt {attempt}");
    }
}

#[test]
fn connect_is_refused_while_the_site_is_up_and_gets_the_page_while_it_is_down() {
    const CONNECT: &str = "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n";
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    refused(&gateway, CONNECT, 501, "up");
    gateway.apply(&format!("{}{DOWN}", site(&upstream.url(), "")));
    let mut client = gateway.connect();
    client.send(CONNECT);
    let page = client.response("CONNECT");
    assert_eq!((page.status, page.downtime()), (503, Some("planned")));
    assert_nothing_forwarded(&upstream, &gateway);
}

#[test]
fn an_unknown_expectation_is_not_refused() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let expecting = |config: &str, status: u16| {
        let mut client = gateway.connect();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\nContent-Length: 2\r\n\r\nhi");
        assert_eq!(response(&mut client, "POST", config).status, status, "{config}");
    };
    expecting("up", 200);
    assert_eq!(upstream.request("the request").body, b"hi");
    gateway.apply(DOWN);
    expecting("down", 503);
}

#[test]
fn empty_lines_before_a_request_are_ignored() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client: Client = gateway.connect();
    for lines in ["\r\n", "\r\n\r\n\r\n"] {
        client.send(format!("{lines}GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(response(&mut client, "GET", lines).status, 503, "{lines:?}");
    }
}

#[test]
fn empty_lines_before_a_request_have_the_limit_of_a_head() {
    let gateway = GatewayProcess::start(&format!("[limits]\nhead = \"1KiB\"\n{DOWN}"));
    for line in ["\r\n", "\n"] {
        let most = line.repeat(1024 / line.len());
        let mut client: Client = gateway.connect();
        for _ in 0..2 {
            client.send(format!("{most}GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
            assert_eq!(response(&mut client, "GET", line).status, 503, "{line:?}");
        }
        refused(&gateway, format!("{most}{line}GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 431, line);
    }
    gateway.log().wait_for("127.0.0.1 sent a longer head than `[limits] head`");
}
