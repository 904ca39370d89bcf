//! What the client gets for each kind of response of the upstream.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};

use super::{Groups, assert_recorded, described, shown};
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess};

/// The requests that get each response: the label, the method, the version, and what follows the Host.
const REQUESTS: [(&str, &str, &str, &str); 8] = [
    ("GET", "GET", "HTTP/1.1", "\r\n"),
    ("HEAD", "HEAD", "HTTP/1.1", "\r\n"),
    ("POST", "POST", "HTTP/1.1", "Content-Length: 5\r\n\r\nhello"),
    ("TE: trailers", "GET", "HTTP/1.1", "Connection: TE\r\nTE: trailers\r\n\r\n"),
    ("Connection: close", "GET", "HTTP/1.1", "Connection: close\r\n\r\n"),
    ("HTTP/1.0", "GET", "HTTP/1.0", "\r\n"),
    ("HTTP/1.0 keep-alive", "GET", "HTTP/1.0", "Connection: keep-alive\r\n\r\n"),
    ("HTTP/1.0 HEAD", "HEAD", "HTTP/1.0", "\r\n"),
];

#[test]
fn the_client_gets_what_is_recorded() {
    let responses = responses();
    let upstream = answering(responses.clone());
    let [plain, trusting, without_page] = [
        "when_unreachable = \"downtime\"\n",
        "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n",
        "when_unreachable = \"error\"\n",
    ]
    .map(|more| gateway(upstream, more));
    let mut table = Groups::default();
    for (number, response) in responses.iter().enumerate() {
        let request = |method: &str, version: &str, rest: &str| {
            format!("{method} /{number} {version}\r\nHost: site.example\r\n{rest}")
        };
        let mut groups = Groups::default();
        for (label, method, version, rest) in REQUESTS {
            groups.add(label, seen(&plain, method, &request(method, version, rest)));
        }
        let proxied = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n\r\n";
        groups.add("a trusted proxy", seen(&trusting, "GET", &request("GET", "HTTP/1.1", proxied)));
        groups
            .add("when_unreachable = error", seen(&without_page, "GET", &request("GET", "HTTP/1.1", "\r\n")));
        table.add(&shown(response), groups.block());
    }
    assert_recorded("responses.txt", table.table());
}

/// Starts a gateway whose down page is short.
fn gateway(upstream: SocketAddr, more: &str) -> GatewayProcess {
    let directory = ConfigDirectory::with(&format!(
        "[response]\ntemplate = \"page.html\"\n[site]\nupstream = \"http://{upstream}\"\n{more}"
    ));
    directory.write("page.html", "<p>{{ message }}</p>");
    GatewayProcess::on(directory)
}

/// Describes the response, and the connection if it does not continue.
fn seen(gateway: &GatewayProcess, method: &str, request: &str) -> String {
    let mut client = gateway.connect();
    client.send(request);
    // An incomplete response ends when its connection does, and how much of it arrives depends on the moment.
    let Ok(response) = client.try_response(method) else {
        return "the connection ends before the response does\n".to_owned();
    };
    // The gateway may close the connection before or after this is sent.
    let asked = client.stream.write_all(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    let continues = asked.is_ok() && client.try_response("GET").is_ok_and(|next| next.text() == "the site");
    let end = if continues { "" } else { "the connection is closed\n" };
    described(&response) + end
}

/// Starts an upstream that responds to `/3` with the response at index 3 and then closes, and to anything else with
/// `the site`.
fn answering(answers: Vec<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answers = answers.clone();
            std::thread::spawn(move || answer(Client::on(stream), &answers));
        }
    });
    address
}

fn answer(mut client: Client, answers: &[Vec<u8>]) {
    while let Ok(head) = client.head() {
        let length = if head.starts_with("POST ") { 5 } else { 0 };
        if client.take(length).is_err() {
            return;
        }
        let number = head.split(' ').nth(1).and_then(|target| target.trim_start_matches('/').parse().ok());
        match number.and_then(|number: usize| answers.get(number)) {
            // The gateway may have closed the connection.
            Some(answer) => return drop(client.stream.write_all(answer)),
            None => client.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nthe site"),
        }
    }
}

/// Complete, truncated and malformed responses.
fn responses() -> Vec<Vec<u8>> {
    let long = "x".repeat(3_000_000);
    let chunk = |size| format!("{size:x}\r\n{}\r\n", "y".repeat(size));
    let chunks = (1..2000).map(chunk).collect::<Vec<_>>().concat();
    let fields = |count| "X-Many: y\r\n".repeat(count);
    let mut responses: Vec<Vec<u8>> = [
        "200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "200 OK\r\nContent-Length: 0\r\n\r\n",
        "200 \r\nContent-Length: 0\r\n\r\n",
        "200\r\nContent-Length: 0\r\n\r\n",
        "299 Quite Well\r\nContent-Length: 1\r\nDate: then\r\n\r\nx",
        "599 Very Wrong\r\ncontent-length:1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nx",
        "999 Odd\r\nContent-Length: 1\r\n\r\nx",
        "099 Odd\r\nContent-Length: 1\r\n\r\nx",
        "204 No Content\r\nETag: e\r\n\r\n",
        "204 No Content\r\nContent-Length: 0\r\n\r\n",
        "304 Not Modified\r\nContent-Length: 5\r\nETag: e\r\n\r\n",
        "200 OK\r\n\r\nuntil it closes",
        "200 OK\r\n\r\n",
        "200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        "200 OK\r\nConnection: X-Hop , close\r\nX-Hop: 1\r\nx-hop: 2\r\nKeep-Alive: 5\r\nContent-Length: 1\r\n\r\nx",
        "200 OK\r\nConnection: host, x-forwarded-for\r\nHost: a\r\nX-Forwarded-For: b\r\nContent-Length: 1\r\n\r\nx",
        "200 OK\r\nUpgrade: h2\r\nProxy-Authenticate: a\r\nProxy: b\r\nTE: c\r\nTrailer: d\r\nContent-Length: 1\r\n\r\nx",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n\r\n3;a=\"b\"\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: identity\r\n\r\nx",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        "200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "200 OK\r\nContent-Length: +5\r\n\r\nhello",
        "200 OK\r\nContent-Length: -1\r\n\r\nhello",
        "200 OK\r\nContent-Length:\r\n\r\nhello",
        "200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nhello",
        "200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "200 OK\r\nX-Text: caf\u{e9} \t x\r\nContent-Length: 0\r\n\r\n",
        "200 caf\u{e9}\r\nContent-Length: 0\r\n\r\n",
        "200 OK\nX-Line: feeds\nContent-Length: 0\n\n",
        "200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
        "200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n",
        "200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n",
        "103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "103 Early Hints\r\nLink: a\r\n\r\n",
        "101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "200 OK\r\nContent-Len",
    ]
    .iter()
    .map(|response| format!("HTTP/1.1 {response}").into_bytes())
    .collect();
    responses.extend([
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}", long.len()).into_bytes(),
        format!("HTTP/1.1 200 OK\r\n\r\n{long}").into_bytes(),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n").into_bytes(),
        format!("HTTP/1.1 200 OK\r\n{}Content-Length: 1\r\n\r\nx", fields(99)).into_bytes(),
        format!("HTTP/1.1 200 OK\r\n{}Content-Length: 1\r\n\r\nx", fields(100)).into_bytes(),
        format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 1\r\n\r\nx", &long[..100_000]).into_bytes(),
        format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 1\r\n\r\nx", &long[..400_000]).into_bytes(),
        format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 1\r\n\r\nx", &long[..1_000_000])
            .into_bytes(),
        b"HTTP/1.0 200 OK\r\n\r\nuntil it closes".to_vec(),
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx".to_vec(),
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
        b"HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec(),
        b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec(),
        Vec::new(),
    ]);
    responses
}
