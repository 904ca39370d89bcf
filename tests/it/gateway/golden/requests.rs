//! What the upstream gets for each kind of request of a client.

use super::{Groups, assert_recorded, counted, is_own, shown};
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

/// How each request is sent: the label, the method, the version, and what follows its fields.
const WAYS: [(&str, &str, &str, &str); 6] = [
    ("GET", "GET", "HTTP/1.1", "\r\n"),
    ("HEAD", "HEAD", "HTTP/1.1", "\r\n"),
    ("POST", "POST", "HTTP/1.1", "Content-Length: 5\r\n\r\nhello"),
    ("chunked POST", "POST", "HTTP/1.1", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ("Connection: close", "GET", "HTTP/1.1", "Connection: close\r\n\r\n"),
    ("HTTP/1.0", "GET", "HTTP/1.0", "\r\n"),
];

/// Returns the targets and the fields of the requests.
fn requests() -> Vec<(&'static str, String)> {
    let requests = [
        ("/", ""),
        ("/a/../%2e;b?c=d&e=%zz", "User-Agent: x\r\naccept: */*\r\nAccept-Encoding: gzip\r\n"),
        ("/", "Cookie: a\r\nCookie: b\r\nX-Empty:\r\nX-Spaced:  \t a  b\t \r\n"),
        ("/", "X-Text: caf\u{e9}\r\nIf-None-Match: *\r\nRange: bytes=0-1\r\nAuthorization: Basic eA==\r\n"),
        (
            "/",
            "Connection: Keep-Alive\r\nKeep-Alive: 5\r\nProxy-Connection: a\r\nProxy: b\r\nHTTP2-Settings: c\r\n",
        ),
        ("/", "TE: trailers\r\nTrailer: a\r\n"),
        ("/", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2, 192.0.2.3\r\nForwarded: for=a\r\n"),
        (
            "/",
            "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-Port: 5\r\nX_Forwarded_For: c\r\n",
        ),
        ("/", "x-forwarded-proto: https\r\nx-forwarded-proto: ftp\r\nx-forwarded_host: b\r\n"),
        ("/", &format!("X-Long: {}\r\n", "x".repeat(7000))),
        ("/", &"X-Many: y\r\n".repeat(80)),
    ];
    requests.map(|(target, fields)| (target, fields.to_owned())).into()
}

#[test]
fn the_upstream_gets_what_is_recorded() {
    let upstream = StubUpstream::start();
    let gateway = |trusted: &str| {
        let (server, site) = (format!("[server]\ntrusted_proxies = [\"{trusted}\"]\n"), upstream.url());
        GatewayProcess::start(&format!("{server}[site]\nupstream = \"{site}\"\n"))
    };
    let gateways = [("", gateway("192.0.2.0/24")), (", trusted", gateway("127.0.0.0/8"))];
    let mut table = Groups::default();
    for (target, fields) in requests() {
        let mut groups = Groups::default();
        for (trust, gateway) in &gateways {
            for (label, method, version, rest) in WAYS {
                let request = format!("{method} {target} {version}\r\nHost: a:80\r\n{fields}{rest}");
                let mut client = gateway.connect();
                client.send(request);
                assert_eq!(client.response(method).status, 200);
                groups.add(&format!("{label}{trust}"), arrived(&upstream.head(), method));
            }
        }
        table.add(&format!("{target} {}", shown(fields.as_bytes())), groups.block());
    }
    assert_recorded("requests.txt", table.table());
}

/// Describes the head of a request, without the gateway's own Via and X-Request-Id. The method is shown only if it is not the client's.
fn arrived(head: &str, method: &str) -> String {
    let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
    let first = lines.next().unwrap_or_default();
    let first = first.strip_prefix(&format!("{method} ")).unwrap_or(&first).to_owned();
    let mut fields: Vec<String> = lines.filter(|line| !is_own(line)).collect();
    fields.sort();
    std::iter::once(first).chain(counted(&fields)).map(|line| line + "\n").collect()
}
