//! The end of a connection comes in the packet with the last bytes of the response: the client need not wait for it, nor read again.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::{DOWN, FORMS, RequestForm, site};
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::tls;
use crate::upstreams::StubUpstream;

/// How often each case is tried: an end that follows in a packet of its own is often as fast.
const TRIES: usize = 20;

/// Waits for the first byte, and returns true if the end is there too.
fn has_ended_with_its_first_byte(client: &Client) -> bool {
    client.stream.peek(&mut [0]).expect("a response");
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
fn the_down_page_and_the_status_come_with_the_end() {
    let gateway = GatewayProcess::start(DOWN);
    for target in ["/", "/.downtime/status"] {
        assert_ends_with_response(&gateway, target);
    }
}

#[test]
fn a_file_comes_with_the_end() {
    let directory = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(directory.join("public")).expect("a directory");
    directory.write("public/index.html", "home");
    assert_ends_with_response(&GatewayProcess::on(directory), "/");
}

#[test]
fn a_forwarded_response_comes_with_the_end() {
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
