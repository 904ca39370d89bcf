//! A request whose body could be framed in more than one way is refused, and never forwarded.

use std::io::{ErrorKind, Write as _};

use super::messages::RecordingUpstream;
use super::{FORMS, SERVERS, assert_nothing_forwarded, refused, response, site, up_and_down};
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

/// The fields of ambiguous or unknown framing, and the status of the refusal.
const FRAMING: [(&str, u16); 31] = [
    ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
    ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
    ("content-length: 0\r\ntransfer-encoding: chunked\r\n", 400),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
    ("Transfer-Encoding: chunked\r\nX: y\r\nTransfer-Encoding: gzip\r\n", 400),
    ("Transfer-Encoding: chunked, chunked\r\n", 400),
    ("Transfer-Encoding: chunked, gzip\r\n", 400),
    ("Transfer-Encoding: chunked, identity\r\n", 400),
    ("Transfer-Encoding: gzip, chunked\r\n", 501),
    ("Transfer-Encoding: gzip\r\n", 501),
    ("Transfer-Encoding: xchunked\r\n", 501),
    ("Transfer-Encoding: identity\r\n", 501),
    ("Transfer-Encoding: \x0bchunked\r\n", 400),
    ("Transfer-Encoding : chunked\r\n", 400),
    ("Transfer-Encoding:\r\n chunked\r\n", 400),
    ("Content-Length: +5\r\n", 400),
    ("Content-Length: -1\r\n", 400),
    ("Content-Length:\r\n", 400),
    ("Content-Length: \t \r\n", 400),
    ("Content-Length: 5,6\r\n", 400),
    ("Content-Length: 5, 6\r\n", 400),
    ("Content-Length: 5\r\nContent-Length: 6\r\n", 400),
    ("Content-Length: 5\r\nX: y\r\ncontent-length: 05a\r\n", 400),
    ("Content-Length: 18446744073709551616\r\n", 400),
    ("Content-Length: 99999999999999999999999999\r\n", 400),
    ("Content-Length: 0x5\r\n", 400),
    ("Content-Length: 5 5\r\n", 400),
    ("Content-Length: 5;\r\n", 400),
    ("Content-Length: 5.0\r\n", 400),
    ("Content-Length: 5_0\r\n", 400),
    ("Content-Length: \u{665}\r\n", 400),
];

#[test]
fn ambiguous_framing_is_refused_in_every_form_and_never_forwarded() {
    const BODY: &str = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for server in SERVERS {
        for config in up_and_down(&upstream) {
            gateway.apply(&format!("{server}{config}# {server:?}"));
            for form in FORMS.iter().filter(|form| form.body.is_empty()) {
                for (fields, status) in FRAMING {
                    // No coding is known in HTTP/1.0.
                    if form.is_http_1_0() && status == 501 {
                        continue;
                    }
                    let sent = form.with_fields("/", fields) + BODY;
                    refused(&gateway, &sent, status, &format!("{sent:?} to\n{server}{config}"));
                    let sent = sent.replacen("GET", "POST", 1);
                    refused(&gateway, &sent, status, &format!("{sent:?} to\n{server}{config}"));
                }
            }
        }
    }
    assert_nothing_forwarded(&upstream, &gateway);
}

#[test]
fn a_transfer_coding_in_http_1_0_is_refused() {
    let upstream = RecordingUpstream::start(&[]);
    let [up, down] = up_and_down(&upstream);
    let gateway = GatewayProcess::start(&up);
    for config in [up, down] {
        gateway.apply(&format!("{config}# again\n"));
        for fields in ["", "Connection: keep-alive\r\n", "Connection: close\r\n", "TE: chunked\r\n"] {
            for method in ["GET", "POST", "PUT"] {
                let sent = format!(
                    "{method} / HTTP/1.0\r\nHost: a\r\n{fields}Transfer-Encoding: chunked\r\n\r\n\
                     5\r\nhello\r\n0\r\n\r\n"
                );
                refused(&gateway, &sent, 400, &format!("{sent:?} to\n{config}"));
            }
        }
    }
    assert_nothing_forwarded(&upstream, &gateway);
}

#[test]
fn a_coding_that_is_not_a_token_is_refused_one_way_or_the_other() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for coding in ["", ",", "\"chunked\"", "chunked;q=1", "chunked,", ",chunked", "chu nked", "chunked\u{a0}"]
    {
        let mut client = gateway.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"));
        let status = response(&mut client, "POST", coding).status;
        assert!(matches!(status, 400 | 501), "{coding:?}: {status}");
        assert!(client.is_closed(), "{coding:?}");
    }
    assert_nothing_forwarded(&upstream, &gateway);
}

#[test]
fn a_malformed_chunk_is_refused_and_the_upstream_never_sees_the_end_of_the_body() {
    let long = format!("1;{}\r\nx\r\n0\r\n\r\n", "y".repeat(70_000));
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for chunks in [
        "1\nx\r\n0\r\n\r\n",
        "1\r\nx\n0\r\n\r\n",
        "1\r\nx\r\n0\n\r\n",
        "1\r\nx\r\n0\r\n\n",
        "1\r\nx\r\n0\n\n",
        "1\r\nx\r\n0\r\nX: y\n\n",
        "1\r\nx\r\n0\r\nX: y\n\r\n",
        "1\r\nx\r\n0\r\nX : y\r\n\r\n",
        "1\r\nx\r\n0\r\nX: y\r\n z\r\n\r\n",
        "1\r\nx\r\n0\r\n: y\r\n\r\n",
        "1\r\nx\r\n0\r\ny\r\n\r\n",
        "1\r\nxx\r\n0\r\n\r\n",
        "g\r\nx\r\n0\r\n\r\n",
        "-1\r\nx\r\n0\r\n\r\n",
        "+1\r\nx\r\n0\r\n\r\n",
        "0x1\r\nx\r\n0\r\n\r\n",
        " 1\r\nx\r\n0\r\n\r\n",
        "\r\nx\r\n0\r\n\r\n",
        ";a\r\nx\r\n0\r\n\r\n",
        "1\rx\r\nx\r\n0\r\n\r\n",
        "1;a\nb\r\nx\r\n0\r\n\r\n",
        "1;a\0b\r\nx\r\n0\r\n\r\n",
        "10000000000000000\r\nx\r\n0\r\n\r\n",
        &long,
    ] {
        let case = &format!("{:?}", &chunks[..chunks.len().min(60)]);
        let mut client = gateway.connect();
        let sent = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        // The gateway may refuse before it has read everything.
        let _ =
            client.stream.write_all(format!("{sent}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        let answer = response(&mut client, "POST", case);
        assert_eq!((answer.status, answer.field("connection")), (400, Some("close")), "{case}");
        assert!(client.is_closed(), "{case}: the connection stays open");
        while let Some(mut connection) = upstream.accept_if_connected() {
            if let Err(error) = connection.rest().map(|rest| connection.unread = rest) {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{case}");
            }
            let text = String::from_utf8_lossy(&connection.unread);
            // Without its head, whose last field may end with a 0.
            let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            assert!(!body.ends_with("0\r\n\r\n") && !body.contains("smuggled"), "{case}: {text}");
        }
    }
}
