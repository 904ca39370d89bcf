//! What the log says about requests that are refused.

use super::messages::RecordingUpstream;
use super::{DOWN, refusal, site};
use crate::support::process::GatewayProcess;

#[test]
fn a_refused_request_is_logged_with_its_reason() {
    let upstream = RecordingUpstream::start(&[]);
    for site in [site(&upstream.url(), ""), DOWN.to_owned()] {
        for level in ["debug", "info,downtime::server=debug"] {
            let gateway = GatewayProcess::start(&format!("{site}[log]\nlevel = \"{level}\"\n"));
            for (sent, status) in [
                ("GET / HTTP/1.1\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
                ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
                ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
                ("nonsense\r\n\r\n", 400),
            ] {
                let mut client = gateway.connect();
                client.send(sent);
                let reason = refusal(&mut client, status, &format!("{sent:?}"));
                let line = gateway.log().wait_for(&reason);
                assert!(line.contains("DEBUG") && line.contains("127.0.0.1"), "{sent:?}: {line}");
            }
        }
    }
}

#[test]
fn a_refused_request_is_not_logged_by_default() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n");
    let reason = refusal(&mut client, 400, "an invalid host");
    gateway.apply(&format!("{DOWN}# again\n"));
    assert_eq!(gateway.log().count(&reason), 0, "{}", gateway.log().text());
}

#[test]
fn the_bytes_of_a_client_do_not_reach_the_terminal_of_an_operator() {
    let gateway = GatewayProcess::start(&format!("{DOWN}[log]\nlevel = \"debug\"\n"));
    for sent in [
        "GET / HTTP/1.1\r\nHost: a\x1b[31m\r\n\r\n",
        "GET /\x1b[31m HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\x1b[31m: b\r\n\r\n",
        "\x1b[31m / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut client = gateway.connect();
        client.send(sent);
        let reason = refusal(&mut client, 400, &format!("{sent:?}"));
        assert!(!reason.contains('\x1b'), "{sent:?}: {reason:?}");
        gateway.log().wait_for(&reason);
    }
    assert!(!gateway.log().text().contains('\x1b'), "{:?}", gateway.log().text());
}
