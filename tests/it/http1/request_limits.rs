//! How long the head of a request may be, and how long it may take.

use std::time::Duration;

use super::messages::RecordingUpstream;
use super::{DOWN, in_process, refused, response, site};
use crate::proxy::peer::{Origin, settled};
use crate::proxy::stopped_clock::StoppedClock;
use crate::support::process::GatewayProcess;

/// Returns a head with this number of fields and this length in bytes.
fn head_with(fields: usize, bytes: usize) -> String {
    let mut head = "GET / HTTP/1.1\r\nHost: a\r\n".to_owned();
    head.extend(std::iter::repeat_n("X: y\r\n", fields - 2));
    let rest = bytes.saturating_sub(head.len() + "Y: \r\n\r\n".len());
    format!("{head}Y: {}\r\n\r\n", "y".repeat(rest))
}

#[test]
fn a_head_may_have_256_fields_and_16_kib() {
    let upstream = RecordingUpstream::start(&[]);
    for (config, accepted) in
        [(site(&upstream.url(), ""), 200), (format!("{}{DOWN}", site(&upstream.url(), "")), 503)]
    {
        let gateway = GatewayProcess::start(&config);
        for (fields, bytes, status) in [
            (256, 0, accepted),
            (257, 0, 431),
            (1000, 0, 431),
            (3, 16_384, accepted),
            (3, 16_385, 431),
            (256, 16_384, accepted),
            (200, 17_000, 431),
            (3, 1_000_000, 431),
        ] {
            let (case, head) = (format!("{fields} fields, {bytes} bytes"), head_with(fields, bytes));
            assert!(bytes == 0 || head.len() == bytes, "{case}: {}", head.len());
            if status == 431 {
                refused(&gateway, &head, status, &case);
                continue;
            }
            let mut client = gateway.connect();
            client.send(&head);
            assert_eq!(response(&mut client, "GET", &case).status, status, "{case}");
            assert_eq!(client.request("GET", "/next", &[]).status, status, "{case}");
        }
    }
}

#[test]
fn a_target_longer_than_a_head_may_be_is_refused_with_414() {
    let gateway = GatewayProcess::start(DOWN);
    let long = "x".repeat(17_000);
    for sent in [
        format!("GET /{long}"),
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET http://a/{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("POST /?{long}{long}{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
    ] {
        refused(&gateway, &sent, 414, &format!("{}…{}", &sent[..20], &sent[sent.len() - 20..]));
    }
    let mut client = gateway.connect();
    assert_eq!(client.request("GET", &format!("/{}", "x".repeat(16_000)), &[]).status, 503);
}

#[tokio::test(flavor = "local")]
async fn a_head_that_takes_too_long_is_refused_with_408() {
    let origin = Origin::bind().await;
    let gateway = in_process(&origin.url());
    for begun in ["G", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"] {
        let clock = StoppedClock::stop();
        let mut client = gateway.connect().await;
        client.send(begun).await;
        // The gateway has the first byte when the time begins.
        settled().await;
        clock.advance(Duration::from_secs(29)).await;
        assert!(client.is_silent().await, "{begun:?}");
        clock.advance(Duration::from_secs(2)).await;
        let head = client.head().await;
        assert_eq!(head.first, "HTTP/1.1 408 Request Timeout", "{begun:?}");
        assert_eq!(head.get("connection"), ["close"], "{begun:?}");
        assert_eq!(head.get("content-type"), ["text/plain; charset=utf-8"], "{begun:?}");
        let (text, _) = client.rest().await;
        assert!(text.contains("took too long"), "{begun:?}: {text}");
    }
    assert!(origin.is_left_alone().await);
}
