//! The fast path of forwarding relays a plain request as bytes. The upstream and the client get what they would get on
//! the slow path.

use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::process::Signal;

use super::DOWN;
use crate::support::http::{Client, Response};
use crate::support::process::GatewayProcess;
use crate::upstreams::{ScriptedUpstream, StubUpstream};

/// Keeps a request off the fast path without changing the response.
const SLOW_PATH: &str = "Connection: keep-alive, x-nothing";

fn site(url: &str) -> String {
    format!("[site]\nupstream = \"{url}\"\n")
}

/// Starts an upstream that responds to `/3` with the response at index 3 and then closes, and to anything else with
/// `the site`.
fn answering(answers: Vec<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answers = answers.clone();
            std::thread::spawn(move || answer(Client::on(stream), &answers));
        }
    });
    address
}

fn answer(mut client: Client, answers: &[Vec<u8>]) {
    while let Ok(head) = client.head() {
        let number = head.split(' ').nth(1).and_then(|target| target.trim_start_matches('/').parse().ok());
        match number.and_then(|number: usize| answers.get(number)) {
            // The gateway may have closed the connection.
            Some(answer) => return drop(client.stream.write_all(answer)),
            None => client.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nthe site"),
        }
    }
}

/// A response as a client sees it, without the gateway's own date, and the state of the connection after it.
#[derive(PartialEq, Eq)]
struct Seen {
    response: Result<Response, ErrorKind>,
    continues: bool,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.response {
            Ok(Response { status, fields, body }) => {
                write!(f, "{status} {fields:?} and {} bytes", body.len())?;
            }
            Err(error) => write!(f, "{error:?}")?,
        }
        write!(f, ", continues: {}", self.continues)
    }
}

fn seen(gateway: &GatewayProcess, method: &str, target: &str, fields: &str) -> Seen {
    let mut client = gateway.connect();
    client.send(format!("{method} {target} HTTP/1.1\r\nHost: site.example\r\n{fields}\r\n"));
    let response = client.try_response(method).map_err(|error| error.kind()).map(|mut response| {
        response.fields.retain(|(name, value)| name != "date" || value == "then");
        response.fields.sort();
        response
    });
    // The gateway may close the connection before or after this is sent.
    let asked = client.stream.write_all(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    let continues = asked.is_ok() && client.try_response("GET").is_ok_and(|next| next.text() == "the site");
    Seen { response, continues }
}

/// Complete, truncated and malformed responses.
fn responses() -> Vec<Vec<u8>> {
    let long = "x".repeat(3_000_000);
    let chunk = |size| format!("{size:x}\r\n{}\r\n", "y".repeat(size));
    let chunks = (1..2000).map(chunk).collect::<Vec<_>>().concat();
    let fields = |count| "X-Many: y\r\n".repeat(count);
    let mut responses: Vec<Vec<u8>> = [
        "200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "200 OK\r\nContent-Length: 0\r\n\r\n",
        "200 \r\nContent-Length: 0\r\n\r\n",
        "200\r\nContent-Length: 0\r\n\r\n",
        "299 Quite Well\r\nContent-Length: 1\r\nDate: then\r\n\r\nx",
        "599 Very Wrong\r\ncontent-length:1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nx",
        "999 Odd\r\nContent-Length: 1\r\n\r\nx",
        "099 Odd\r\nContent-Length: 1\r\n\r\nx",
        "204 No Content\r\nETag: e\r\n\r\n",
        "204 No Content\r\nContent-Length: 0\r\n\r\n",
        "304 Not Modified\r\nContent-Length: 5\r\nETag: e\r\n\r\n",
        "200 OK\r\n\r\nuntil it closes",
        "200 OK\r\n\r\n",
        "200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        "200 OK\r\nConnection: X-Hop , close\r\nX-Hop: 1\r\nx-hop: 2\r\nKeep-Alive: 5\r\nContent-Length: 1\r\n\r\nx",
        "200 OK\r\nConnection: host, x-forwarded-for\r\nHost: a\r\nX-Forwarded-For: b\r\nContent-Length: 1\r\n\r\nx",
        "200 OK\r\nUpgrade: h2\r\nProxy-Authenticate: a\r\nProxy: b\r\nTE: c\r\nTrailer: d\r\nContent-Length: 1\r\n\r\nx",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n\r\n3;a=\"b\"\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: identity\r\n\r\nx",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        "200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "200 OK\r\nContent-Length: +5\r\n\r\nhello",
        "200 OK\r\nContent-Length: -1\r\n\r\nhello",
        "200 OK\r\nContent-Length:\r\n\r\nhello",
        "200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nhello",
        "200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "200 OK\r\nX-Text: caf\u{e9} \t x\r\nContent-Length: 0\r\n\r\n",
        "200 caf\u{e9}\r\nContent-Length: 0\r\n\r\n",
        "200 OK\nX-Line: feeds\nContent-Length: 0\n\n",
        "200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
        "200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n",
        "200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n",
        "103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "103 Early Hints\r\nLink: a\r\n\r\n",
        "101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "200 OK\r\nContent-Len",
    ]
    .iter()
    .map(|response| format!("HTTP/1.1 {response}").into_bytes())
    .collect();
    responses.extend([
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}", long.len()).into_bytes(),
        format!("HTTP/1.1 200 OK\r\n\r\n{long}").into_bytes(),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n").into_bytes(),
        format!("HTTP/1.1 200 OK\r\n{}Content-Length: 1\r\n\r\nx", fields(99)).into_bytes(),
        format!("HTTP/1.1 200 OK\r\n{}Content-Length: 1\r\n\r\nx", fields(100)).into_bytes(),
        format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 1\r\n\r\nx", &long[..100_000]).into_bytes(),
        format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 1\r\n\r\nx", &long[..500_000]).into_bytes(),
        b"HTTP/1.0 200 OK\r\n\r\nuntil it closes".to_vec(),
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx".to_vec(),
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
        b"HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec(),
        b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec(),
        Vec::new(),
    ]);
    responses
}

#[test]
fn the_client_gets_what_the_slow_path_would_send() {
    let responses = responses();
    let gateway = GatewayProcess::start(&site(&format!("http://{}", answering(responses.clone()))));
    for (number, response) in responses.iter().enumerate() {
        for method in ["GET", "HEAD"] {
            let target = format!("/{number}");
            let found = seen(&gateway, method, &target, "");
            let expected = seen(&gateway, method, &target, &format!("{SLOW_PATH}\r\n"));
            let said = String::from_utf8_lossy(&response[..response.len().min(200)]);
            assert_eq!(found, expected, "{method} {said:?}");
        }
    }
}

#[test]
fn the_upstream_gets_what_the_slow_path_would_send() {
    let origin = StubUpstream::start();
    let long = "x".repeat(7000);
    for server in ["", "[server]\ntrusted_proxies = [\"127.0.0.0/8\"]\n"] {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&origin.url())));
        for (target, fields) in [
            ("/", ""),
            ("/a/../%2e;b?c=d&e=%zz", "User-Agent: x\r\naccept: */*\r\nAccept-Encoding: gzip\r\n"),
            ("/", "Cookie: a\r\nCookie: b\r\nX-Empty:\r\nX-Spaced:  \t a  b\t \r\n"),
            (
                "/",
                "X-Text: caf\u{e9}\r\nIf-None-Match: *\r\nRange: bytes=0-1\r\nAuthorization: Basic eA==\r\n",
            ),
            (
                "/",
                "Connection: Keep-Alive\r\nKeep-Alive: 5\r\nProxy-Connection: a\r\nProxy: b\r\nHTTP2-Settings: c\r\n",
            ),
            ("/", "TE: trailers\r\nTrailer: a\r\n"),
            (
                "/",
                "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2, 192.0.2.3\r\nForwarded: for=a\r\n",
            ),
            (
                "/",
                "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-Port: 5\r\nX_Forwarded_For: c\r\n",
            ),
            ("/", "x-forwarded-proto: https\r\nx-forwarded-proto: ftp\r\nx-forwarded_host: b\r\n"),
            ("/", &format!("X-Long: {long}\r\n")),
            ("/", &"X-Many: y\r\n".repeat(80)),
        ] {
            for method in ["GET", "HEAD"] {
                let arrives = |more: &str| {
                    let mut client = gateway.connect();
                    client.send(format!("{method} {target} HTTP/1.1\r\nHost: a:80\r\n{fields}{more}\r\n"));
                    assert_eq!(client.response(method).status, 200);
                    let mut lines: Vec<String> = origin.head().split("\r\n").map(str::to_owned).collect();
                    lines[1..].sort();
                    lines
                };
                let expected = arrives(&format!("{SLOW_PATH}\r\n"));
                assert_eq!(arrives(""), expected, "{method} {target} {fields}");
            }
        }
    }
}

#[test]
fn requests_in_a_row_are_answered_in_their_order_by_either_path() {
    let origin = StubUpstream::start();
    let gateway =
        GatewayProcess::start(&format!("{}{DOWN}[exempt]\npaths = [\"/open/**\"]\n", site(&origin.url())));
    let mut client = gateway.connect();
    let order = ["/open/a", "/open/b", "/down", "/open/c", "/down", "/down", "/open/d"];
    client.send(order.map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).concat());
    for path in order {
        assert_eq!(client.response("GET").status, if path == "/down" { 503 } else { 200 }, "{path}");
    }
    let arrived = origin
        .heads()
        .iter()
        .filter_map(|head| head.split(' ').nth(1).map(str::to_owned))
        .collect::<Vec<_>>();
    assert_eq!(arrived, ["/open/a", "/open/b", "/open/c", "/open/d"]);
}

#[test]
fn requests_that_arrive_during_a_request_are_answered_after_it() {
    let script = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&script.url()));
    let mut client = gateway.connect();
    client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = script.accept();
    upstream.head().expect("a request");
    // More than the gateway buffers during a request.
    let long = "x".repeat(6000);
    for path in ["/second", "/third"] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\n\r\n"));
    }
    for path in ["/second", "/third"] {
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        assert_eq!(client.response("GET").text(), "x");
        let head = upstream.head().expect("the next request");
        assert!(head.starts_with(&format!("GET {path} ")) && head.contains(&long), "{}", &head[..40]);
    }
}

#[test]
fn bytes_after_a_response_are_never_the_next_response() {
    let script = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&script.url()));
    let mut client = gateway.connect();
    for body in ["Content-Length: 2\r\n\r\nhi", "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"] {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut upstream = script.accept();
        upstream.head().expect("a request");
        upstream.send(format!("HTTP/1.1 200 OK\r\n{body}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
        assert_eq!(client.response("GET").text(), "hi");
        assert!(upstream.is_closed(), "{body}");
    }
    assert!(client.has_read_nothing());
}

#[test]
fn a_response_that_begins_while_the_gateway_stops_says_that_its_connection_closes() {
    let script = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&script.url()));
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = script.accept();
    upstream.head().expect("a request");
    gateway.process.signal(Signal::TERM);
    gateway.log().wait_for("stopping");
    // The gateway logs first, and then stops accepting and tells its connections.
    crate::support::until("a refused connection", || {
        TcpStream::connect(gateway.address).is_err().then_some(())
    });
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
    let response = client.response("GET");
    assert_eq!((response.text(), response.field("connection")), ("last", Some("close")));
    assert!(client.is_closed());
    assert_eq!(gateway.process.end().0, Some(0));
}

#[test]
fn a_relayed_request_is_logged_once_its_response_has_begun() {
    let script = ScriptedUpstream::bind();
    let config = format!("{}when_unreachable = \"error\"\n[log]\naccess = true\n", site(&script.url()));
    let gateway = GatewayProcess::start(&config);
    for (said, status) in [("HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhe", 201), ("nonsense", 502)] {
        let mut client = gateway.connect();
        client.send("GET /a?secret=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut upstream = script.accept();
        upstream.head().expect("a request");
        upstream.send(said);
        let line = gateway.log().wait_for("client=");
        let status = format!("status={status}");
        for part in ["client=\"127.0.0.1\"", "method=\"GET\"", "path=\"/a\"", &status, "ms="] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!line.contains("secret"), "{line}");
    }
    assert_eq!(gateway.log().count("client="), 2);
}
