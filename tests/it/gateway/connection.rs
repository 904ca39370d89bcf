//! How requests follow each other on the connection of a client while the site is down.

use std::io::Write as _;

use super::DOWN;
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

#[test]
fn requests_in_a_row_are_answered_in_their_order() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = gateway.connect();
    let get = |accept: &str| format!("GET / HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n");
    let types = ["text/html", "text/plain", "application/problem+json"];
    client.send(types.iter().cycle().take(60).map(|accept| get(accept)).collect::<String>());
    for accept in types.iter().cycle().take(60) {
        let response = client.response("GET");
        let media_type = response.field("content-type").map(|found| found.split(';').next().unwrap_or(found));
        assert_eq!((response.status, media_type), (503, Some(*accept)));
    }
    assert!(client.has_read_nothing());
}

#[test]
fn a_head_may_come_in_pieces_and_more_than_one_in_a_piece() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = gateway.connect();
    let two = "GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n";
    for cut in [1, 5, 20, 28, 29, 30, 31, 40, two.len() - 1] {
        let (first, rest) = two.split_at(cut);
        client.send(first);
        client.stream.flush().expect("sent");
        // By this response, the gateway has read the first piece.
        assert_eq!(gateway.get("/", &[]).status, 503);
        client.send(rest);
        assert_eq!(
            [client.response("GET").status, client.response("GET").status],
            [503, 503],
            "cut at {cut}"
        );
    }
    assert!(client.has_read_nothing());
}

#[test]
fn a_connection_continues_with_any_kind_of_request() {
    let site = StubUpstream::start();
    let gateway = GatewayProcess::start(&format!(
        "[site]\nupstream = \"{}\"\n[exempt]\nexact = [\"/open\"]\n{DOWN}",
        site.url()
    ));
    let mut client = gateway.connect();
    assert_eq!(client.request("GET", "/", &[]).status, 503);
    // Requests that were read together with the first one are not lost.
    client.send(
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /open HTTP/1.1\r\n\
         Host: a\r\n\r\nHEAD /c HTTP/1.1\r\nHost: a\r\n\r\nGET /open HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let responses: Vec<_> =
        ["GET", "POST", "GET", "HEAD", "GET"].map(|method| client.response(method)).into();
    assert_eq!(
        responses.iter().map(|response| response.status).collect::<Vec<_>>(),
        [503, 503, 200, 503, 200]
    );
    assert_eq!([responses[2].text(), responses[4].text()], ["the site", "the site"]);
    assert!(client.has_read_nothing());
}

#[test]
fn a_head_of_any_length_is_answered() {
    let gateway = GatewayProcess::start(DOWN);
    for length in [8000, 8100, 8191, 8192, 8193, 9000, 16_000] {
        let mut client = gateway.connect();
        assert_eq!(client.request("GET", "/", &[]).status, 503);
        let field = format!("X-Long: {}", "x".repeat(length));
        let response = client.request("GET", "/", &[&field]);
        assert_eq!((response.status, response.downtime()), (503, Some("planned")), "{length}");
        assert_eq!(client.request("GET", "/", &[]).status, 503);
    }
}

#[test]
fn an_edit_applies_to_connections_that_are_already_open() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = gateway.connect();
    assert!(!client.request("GET", "/", &[]).text().contains("edited"));
    gateway.apply(&format!("[response]\nmessage = \"edited\"\n{DOWN}"));
    assert!(client.request("GET", "/", &[]).text().contains("edited"));
    gateway.apply("");
    assert_eq!(client.request("GET", "/", &[]).status, 200);
    gateway.apply(DOWN);
    assert_eq!(client.request("GET", "/", &[]).status, 503);
}

#[test]
fn a_malformed_head_gets_400() {
    let gateway = GatewayProcess::start(DOWN);
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut client = gateway.connect();
        assert_eq!(client.request("GET", "/", &[]).status, 503);
        client.send(head);
        assert_eq!(client.response("GET").status, 400, "{head:?}");
    }
}
