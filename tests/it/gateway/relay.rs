//! How requests and responses follow each other on the connections of a client and of the upstream.

use std::net::TcpStream;

use rustix::process::Signal;

use super::DOWN;
use crate::support::process::GatewayProcess;
use crate::upstreams::{ScriptedUpstream, StubUpstream};

fn site(url: &str) -> String {
    format!("[site]\nupstream = \"{url}\"\n")
}

#[test]
fn requests_in_a_row_are_answered_in_their_order_whether_they_are_forwarded_or_not() {
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
