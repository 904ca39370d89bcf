//! After which exchanges a connection to the upstream carries another request.

use super::idle_upstream::receives;
use super::{GET, in_process_with};
use crate::proxy::gateway::Options;
use crate::proxy::peer::{Origin, settled};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Returns true if the connection carries another request after this one, whose last bytes are `end`, and this response.
async fn is_kept(sent: &str, end: &str, said: &str) -> bool {
    let origin = Origin::bind().await;
    // A busy machine may take longer than the two seconds of the default.
    let options = Options { limits: "upstream_idle = \"1h\"\n", ..Options::default() };
    let gateway = in_process_with(&origin.url(), options);
    let mut client = gateway.connect().await;
    client.send(sent).await;
    let mut upstream = origin.accept().await;
    upstream.until(end).await;
    upstream.send(said).await;
    while client.head().await.first.starts_with("HTTP/1.1 1") {}
    settled().await;
    let mut next = gateway.connect().await;
    next.send(&GET.request("/next")).await;
    tokio::select! {
        _ = origin.accept() => false,
        is_used = receives(&mut upstream) => is_used,
    }
}

#[tokio::test(flavor = "local")]
async fn content_that_the_status_forbids_is_not_read_as_the_next_response() {
    let get = GET.request("/");
    for (sent, said, expected) in [
        (&get[..], "HTTP/1.1 204 No Content\r\n\r\n", true),
        (&get, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", true),
        (&get, "HTTP/1.1 204 No Content\r\nContent-Length: 46\r\n\r\n", false),
        (&get, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", false),
        (&get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 46\r\n\r\n", true),
        (&get, "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", true),
        (HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n", true),
        (HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true),
        (HEAD, "HTTP/1.1 204 No Content\r\nContent-Length: 46\r\n\r\n", false),
        (&get, &format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{OK}"), true),
        (&get, &format!("HTTP/1.1 103 Early Hints\r\nContent-Length: 46\r\n\r\n{OK}"), false),
        (&get, &format!("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n{OK}"), false),
    ] {
        assert_eq!(is_kept(sent, "\r\n\r\n", said).await, expected, "{said:?} to {sent:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_body_that_the_upstream_may_not_expect_is_not_read_as_the_next_request() {
    let asked = format!("HTTP/1.1 100 Continue\r\n\r\n{OK}");
    for (expectation, said, expected) in [
        ("", OK, true),
        ("Expect: 100-continue\r\n", &asked, true),
        ("Expect: 100-continue\r\n", OK, false),
        ("Expect: 100-continue\r\n", "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", false),
        ("Expect: 100-continue, other\r\n", OK, false),
        ("Connection: expect\r\nExpect: 100-continue\r\n", OK, false),
    ] {
        let fields = format!("Host: a\r\n{expectation}Content-Length: 5\r\n");
        let sent = format!("POST / HTTP/1.1\r\n{fields}\r\nhello");
        assert_eq!(is_kept(&sent, "hello", said).await, expected, "{said:?} to {sent:?}");
    }
}
