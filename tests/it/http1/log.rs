//! What the log says about requests that are refused.

use super::messages::RecordingUpstream;
use super::{DOWN, refusal, response, site};
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

#[test]
fn a_refused_request_is_logged_with_its_reason() {
    let upstream = RecordingUpstream::start(&[]);
    for site in [site(&upstream.url(), ""), DOWN.to_owned()] {
        for level in ["debug", "info,downtime::server=debug"] {
            let gateway = GatewayProcess::start(&format!("{site}[log]\nlevel = \"{level}\"\n"));
            let requests = [
                ("GET / HTTP/1.1\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
                ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
                ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
                ("nonsense\r\n\r\n", 400),
            ];
            for (number, (sent, status)) in requests.into_iter().enumerate() {
                let mut client = gateway.connect();
                client.send(sent);
                let reason = refusal(&mut client, status, &format!("{sent:?}"));
                let line = gateway.log().wait_for(&reason);
                let level = if number == 0 { "INFO" } else { "DEBUG" };
                assert!(line.contains(level) && line.contains("127.0.0.1"), "{sent:?}: {line}");
            }
        }
    }
}

#[test]
fn one_refused_request_a_minute_is_logged_by_default_and_one_with_too_many_fields() {
    let gateway = GatewayProcess::start(DOWN);
    let fields = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(256));
    for (sent, status) in [
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (&fields, 431),
        (&fields, 431),
        ("nonsense\r\n\r\n", 400),
    ] {
        let mut client = gateway.connect();
        client.send(sent);
        refusal(&mut client, status, sent);
    }
    let line = gateway.log().wait_for("the host of the request is invalid");
    assert!(line.contains("INFO") && line.contains("a request of 127.0.0.1: 400 Bad Request: "), "{line}");
    gateway.log().wait_for("the request has more than 256 fields");
    gateway.apply(&format!("{DOWN}# again\n"));
    assert_eq!(gateway.log().count("refused a request"), 2, "{}", gateway.log().text());
}

#[test]
fn one_malformed_body_a_minute_is_logged_by_default_and_each_at_level_debug() {
    let upstream = ScriptedUpstream::bind();
    for (level, lines) in [("info", 1), ("info,downtime::server=debug", 2)] {
        let config = site(&upstream.url(), &format!("[log]\nlevel = \"{level}\"\n"));
        let gateway = GatewayProcess::start(&config);
        for number in 0..2 {
            let mut client = gateway.connect();
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");
            assert_eq!(response(&mut client, "POST", "a malformed body").status, 400, "{number}");
        }
        gateway.apply(&format!("{config}# again\n"));
        let line = "refused a request of 127.0.0.1: 400 Bad Request: the body of the request is malformed";
        assert_eq!(gateway.log().count(line), lines, "{}", gateway.log().text());
    }
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
