//! The fast path of the down page: its responses are byte for byte those of the slow path.

use std::io::Write as _;

use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

/// Keeps a request off the fast path without changing the response.
const SLOW_PATH: &str = "Connection: keep-alive, x-nothing";

const PERIOD: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";

/// Sends a request. Returns the lines of the head without the date, and the body.
fn exchange(client: &mut Client, method: &str, target: &str, fields: &[&str]) -> (Vec<String>, Vec<u8>) {
    let fields: String = fields.iter().flat_map(|field| [*field, "\r\n"]).collect();
    client.send(format!("{method} {target} HTTP/1.1\r\nHost: site.example\r\n{fields}\r\n"));
    let head = client.head().expect("a head");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let length = if method == "HEAD" { 0 } else { length.expect("a length") };
    let lines = head.lines().filter(|line| !line.starts_with("date: ")).map(str::to_owned).collect();
    (lines, client.take(length).expect("a body"))
}

#[test]
fn the_fast_path_sends_what_the_slow_path_would() {
    let until = downtime::clock::now() + jiff::SignedDuration::from_hours(400 * 24);
    for config in [
        PERIOD.to_owned(),
        format!("[response]\nmessage = \"<b>é\"\nstatus = 500\nretry_after = \"90s\"\n{PERIOD}"),
        format!("[[period]]\nstart = 2020-01-01T00:00:00Z\nend = {until}\nmessage = \"long\"\n"),
        format!("[response]\nstatus = 599\n{PERIOD}"),
        format!("[response]\nredirect = \"https://status.example.com/\"\n{PERIOD}"),
        format!("[response]\nredirect = \"/sorry\"\n{PERIOD}"),
        format!("[exempt]\npaths = [\"/open/**\"]\nnetworks = [\"192.0.2.0/24\"]\n{PERIOD}"),
        format!("[exempt]\nnetworks = [\"127.0.0.1\"]\n{PERIOD}"),
        format!("{PERIOD}hosts = [\"site.example\"]\nmethods = [\"GET\"]\n"),
        format!("{PERIOD}hosts = [\"other.example\"]\n"),
        format!("{PERIOD}paths = [\"/OPEN/\"]\n"),
        format!("{PERIOD}methods = [\"POST\"]\n"),
        format!("[response]\ncors = [\"https://a.example\"]\nheaders = {{ X-More = \"1\" }}\n{PERIOD}"),
        format!("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n{PERIOD}hosts = [\"shop.example\"]\n"),
        format!(
            "[response]\nredirect = \"https://shop.example/\"\n{PERIOD}\n[server]\ntrusted_proxies = [\"127.0.0.1\"]\n"
        ),
    ] {
        let gateway = GatewayProcess::start(&config);
        let (mut fast, mut slow) = (gateway.connect(), gateway.connect());
        for target in [
            "/",
            "/?_method=post",
            "/open/x",
            "/Open",
            "/open/../x",
            "/sorry/",
            "/a%20b",
            "/.downtime/status",
        ] {
            for (method, fields) in [
                ("GET", &[][..]),
                ("HEAD", &[]),
                ("GET", &["Accept: application/json", "User-Agent: x"]),
                ("GET", &["accept: text/plain", "Cookie: a=b", "Connection: Keep-Alive"]),
                ("GET", &["Accept: text/html", "Sec-Fetch-Dest: image"]),
                ("HEAD", &["Accept: text/plain;q=0.1, application/problem+json"]),
                ("GET", &["Accept: \u{e9}"]),
                ("GET", &["X-Forwarded-For: 192.0.2.1", "If-None-Match: *", "Range: bytes=0-1"]),
                ("GET", &["Origin: https://a.example", "Accept: */*", "Sec-Fetch-Dest: empty"]),
                ("GET", &["X-Requested-With: XMLHttpRequest", "Accept: */*"]),
                ("GET", &["Sec-Fetch-Mode: cors", "Accept: text/html"]),
                ("GET", &["Content-Type: application/grpc"]),
                ("GET", &["X-HTTP-Method-Override: POST"]),
                ("GET", &["x-forwarded-host: other.example, shop.example"]),
            ] {
                let found = exchange(&mut fast, method, target, fields);
                let expected = exchange(&mut slow, method, target, &[fields, &[SLOW_PATH]].concat());
                assert_eq!(found, expected, "{method} {target} {fields:?} of\n{config}");
            }
        }
    }
}

#[test]
fn requests_in_a_row_are_answered_in_their_order() {
    let gateway = GatewayProcess::start(PERIOD);
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
    let gateway = GatewayProcess::start(PERIOD);
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
        "[site]\nupstream = \"{}\"\n[exempt]\nexact = [\"/open\"]\n{PERIOD}",
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
    let gateway = GatewayProcess::start(PERIOD);
    for length in [8000, 8100, 8191, 8192, 8193, 9000, 20_000] {
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
    let gateway = GatewayProcess::start(PERIOD);
    let mut client = gateway.connect();
    assert!(!client.request("GET", "/", &[]).text().contains("edited"));
    gateway.apply(&format!("[response]\nmessage = \"edited\"\n{PERIOD}"));
    assert!(client.request("GET", "/", &[]).text().contains("edited"));
    gateway.apply("");
    assert_eq!(client.request("GET", "/", &[]).status, 200);
    gateway.apply(PERIOD);
    assert_eq!(client.request("GET", "/", &[]).status, 503);
}

#[test]
fn a_malformed_head_gets_400() {
    let gateway = GatewayProcess::start(PERIOD);
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
