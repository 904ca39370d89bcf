//! The end of a connection comes in the packet with the last bytes of the response, so that the client need not wait for it.

use std::sync::mpsc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use socket2::{Domain, Socket, Type};

use super::{DOWN, FORMS, RequestForm, site};
use crate::support::http::{Client, uninterrupted};
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::tls;
use crate::upstreams::{ScriptedUpstream, StubUpstream};

/// How often each case is tried: an end in a packet of its own often arrives as early.
const TRIES: usize = 20;

/// Waits for the first byte, and returns true if the end is there too.
fn has_ended_with_its_first_byte(client: &Client) -> bool {
    uninterrupted(|| client.stream.peek(&mut [0])).expect("a response");
    let mut polled = [PollFd::new(&client.stream, PollFlags::RDHUP)];
    poll(&mut polled, Some(&Duration::ZERO.try_into().expect("a duration"))).expect("polled");
    polled[0].revents().contains(PollFlags::RDHUP)
}

fn assert_ends_with_response(gateway: &GatewayProcess, target: &str) {
    if tls::is_on() {
        // The end has a record of its own.
        return;
    }
    // A body that nobody reads is discarded first.
    let closing = || FORMS.into_iter().filter(|form| !form.keeps_connection() && form.body.is_empty());
    for form in closing().chain(closing().map(|form| RequestForm { method: "HEAD", ..form })) {
        for _ in 0..TRIES {
            let mut client = gateway.connect();
            client.send(form.request(target));
            assert!(has_ended_with_its_first_byte(&client), "{form:?} {target}");
        }
    }
}

#[test]
fn the_down_page_and_the_status_end_the_connection_in_their_last_packet() {
    let gateway = GatewayProcess::start(DOWN);
    for target in ["/", "/.downtime/status"] {
        assert_ends_with_response(&gateway, target);
    }
}

#[test]
fn a_file_ends_the_connection_in_its_last_packet() {
    let directory = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(directory.join("public")).expect("a directory");
    directory.write("public/index.html", "home");
    assert_ends_with_response(&GatewayProcess::on(directory), "/");
}

#[test]
fn a_forwarded_response_ends_the_connection_in_its_last_packet() {
    let upstream = StubUpstream::start();
    assert_ends_with_response(&GatewayProcess::start(&site(&upstream.url(), "")), "/");
}

#[test]
fn a_client_that_sends_more_than_its_last_request_gets_the_whole_response() {
    let gateway = GatewayProcess::start(DOWN);
    for form in FORMS.into_iter().filter(|form| !form.keeps_connection()) {
        for _ in 0..TRIES {
            let mut client = gateway.connect();
            client.send(form.request("/"));
            // Some clients send an empty line behind a body (RFC 9112, section 2.2).
            let _ = std::io::Write::write_all(&mut client.stream, b"\r\n");
            let response = client.try_response(form.method).expect("a whole response");
            assert_eq!(response.status, 503, "{form:?}");
        }
    }
}

#[test]
fn a_client_that_sends_more_while_its_response_is_awaited_gets_the_whole_response() {
    // More than the client takes before it reads, and less than the gateway's system takes at once.
    const LENGTH: usize = 40 << 10;
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let (received, requests) = mpsc::channel();
    std::thread::spawn(move || {
        // Each thread of the gateway keeps a connection.
        loop {
            let (mut connection, received) = (upstream.accept(), received.clone());
            std::thread::spawn(move || {
                while connection.head().is_ok() {
                    let (respond, may_respond) = mpsc::channel();
                    received.send(respond).expect("a test that waits");
                    may_respond.recv().expect("a test that allows the response");
                    connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"));
                    connection.send("x".repeat(LENGTH));
                }
            });
        }
    });
    for _ in 0..TRIES {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(1).expect("the least buffer");
        socket.connect(&gateway.address.into()).expect("a connection");
        let mut client = Client::on(socket.into());
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let respond = requests.recv().expect("a request");
        client.send("\r\n");
        respond.send(()).expect("an upstream that waits");
        client.head().expect("a head");
        assert_eq!(client.rest().expect("no reset").len(), LENGTH);
    }
}

#[test]
fn a_slow_client_that_sends_more_than_its_last_request_gets_the_whole_response() {
    // More than the system takes at once.
    const LENGTH: usize = 32 << 20;
    let directory = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(directory.join("public")).expect("a directory");
    directory.write("public/file", &"x".repeat(LENGTH));
    let upstream = ScriptedUpstream::bind();
    let forwarding = GatewayProcess::start(&site(&upstream.url(), ""));
    let serving = GatewayProcess::on(directory);
    for (gateway, forwards) in [(&serving, false), (&forwarding, true)] {
        let mut client = gateway.connect();
        client.send("GET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        if forwards {
            let mut upstream = upstream.accept();
            upstream.head().expect("a request");
            std::thread::spawn(move || {
                upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"));
                upstream.send("x".repeat(LENGTH));
            });
        }
        client.head().expect("a head");
        client.send("\r\n");
        assert_eq!(client.rest().expect("no reset").len(), LENGTH);
    }
}
