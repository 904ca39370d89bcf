//! A bypass lets testers through during downtime, and its secret goes no further than the gateway.

use std::io::Write as _;
use std::net::Shutdown;
use std::time::Instant;

use downtime::clock;
use jiff::SignedDuration;

use super::{DOWN, assert_counted_down};
use crate::support::DEADLINE;
use crate::support::http::Response;
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

const SECRET: &str = "c2VjcmV0LW9mLXRoZS10ZXN0ZXJz";
const HASH: &str = "sha256:02454bffd23106ac46bf9537c449fba32575da1dac09a7ef330c13a42dc35b88";
const ENTER: &str = "/.downtime/enter";
const INCOMPLETE: &str = "the connection ended within the body of the request";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// A bypass that ends in this many seconds.
fn bypass(seconds: i64, more: &str) -> String {
    let until = clock::now() + SignedDuration::from_secs(seconds);
    format!("[[bypass]]\nname = \"qa\"\nhash = \"{HASH}\"\nuntil = {until}\n{more}\n")
}

fn config(origin: &StubUpstream, more: &str) -> String {
    format!("[site]\nupstream = \"{}\"\n{DOWN}{more}", origin.url())
}

/// Posts a secret on a new connection.
fn post(gateway: &GatewayProcess, target: &str, secret: &str, fields: &[&str]) -> Response {
    let body = format!("secret={secret}");
    let length = format!("Content-Length: {}", body.len());
    let mut client = gateway.connect();
    let mut head = format!("POST {target} HTTP/1.1\r\nHost: site.example\r\n");
    for field in [FORM, &length].iter().chain(fields) {
        head.extend([*field, "\r\n"]);
    }
    client.send(head + "\r\n" + &body);
    client.response("POST")
}

#[test]
fn the_field_and_the_cookies_let_a_tester_through() {
    let origin = StubUpstream::start();
    let gateway = GatewayProcess::start(&config(&origin, &bypass(3600, "")));
    for (field, expected) in [
        (format!("Downtime-Bypass: {SECRET}"), 200),
        (format!("Cookie: a=b; downtime-bypass={SECRET}"), 200),
        (format!("Cookie: __Host-downtime-bypass={SECRET}"), 200),
        (format!("Downtime-Bypass: {SECRET}x"), 503),
        (format!("Downtime_Bypass: {SECRET}"), 503),
        (format!("Cookie: a=downtime-bypass={SECRET}"), 503),
        (format!("Cookie: downtime-bypass={HASH}"), 503),
        ("X: y".to_owned(), 503),
    ] {
        assert_eq!(gateway.get("/a/../b", &[&field]).status, expected, "{field}");
    }
}

#[test]
fn a_bypass_ends_with_its_time_and_with_its_table() {
    let origin = StubUpstream::start();
    let field = format!("Downtime-Bypass: {SECRET}");
    let month = 30 * 24 * 60 * 60;
    for (seconds, expected) in [(-1, 503), (month - 60, 200), (month + 60, 503)] {
        let gateway = GatewayProcess::start(&config(&origin, &bypass(seconds, "")));
        assert_eq!(gateway.get("/", &[&field]).status, expected, "{seconds}");
        let exists = gateway.get(ENTER, &[]).status == 200;
        assert_eq!(exists, expected == 200, "{seconds}");
    }
    let gateway = GatewayProcess::start(&config(&origin, &bypass(3600, "")));
    assert_eq!(gateway.get("/", &[&field]).status, 200);
    gateway.apply(&config(&origin, ""));
    assert_eq!(gateway.get("/", &[&field]).status, 503, "as soon as the edit is applied");
}

#[test]
fn a_scope_lets_through_only_what_is_beyond_doubt() {
    let origin = StubUpstream::start();
    let scope = "hosts = [\"site.example\"]\npaths = [\"/shop/**\"]";
    let server = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let gateway = GatewayProcess::start(&format!("{server}{}", config(&origin, &bypass(3600, scope))));
    let secret = format!("Downtime-Bypass: {SECRET}");
    for (target, fields, expected) in [
        ("/shop", &[][..], 200),
        ("/shop/a%20b?c", &["X-Forwarded-Host: site.example"], 200),
        ("/shop/a", &["X-Forwarded-Host: site.example, other.example"], 503),
        ("/shop/a", &["X-Forwarded-Host: other.example"], 503),
        ("/shop/a", &["Host: other.example", "X-Forwarded-Host: site.example"], 503),
        ("/SHOP/a", &[], 503),
        ("/shop//a", &[], 503),
        ("/shop/../admin", &[], 503),
        ("/shop/%2e%2e/admin", &[], 503),
        ("/shop/..;/admin", &[], 503),
        ("/", &[], 503),
    ] {
        let fields: Vec<_> = fields.iter().copied().chain([secret.as_str()]).collect();
        assert_eq!(gateway.get(target, &fields).status, expected, "{target} {fields:?}");
    }
}

#[test]
fn the_site_never_sees_a_secret() {
    let origin = StubUpstream::start();
    let fields = [
        "Downtime-Bypass: c2VjcmV0",
        "DOWNTIME_BYPASS: c2VjcmV0",
        "Cookie: a=1; downtime-bypass=c2VjcmV0;  b=\"2\" ;c",
        "Cookie: __Host-downtime-bypass=c2VjcmV0",
        "X: y",
    ];
    for down in ["", "[exempt]\nexact = [\"/x\"]\n"] {
        let bypass = bypass(3600, "");
        let all = if down.is_empty() { config(&origin, "").replace(DOWN, "") } else { config(&origin, down) };
        let gateway = GatewayProcess::start(&(all + &bypass));
        for secret in ["c2VjcmV0", SECRET] {
            let fields = fields.map(|field| field.replace("c2VjcmV0", secret));
            let fields: Vec<_> = fields.iter().map(String::as_str).collect();
            assert_eq!(gateway.get("/x", &fields).status, 200);
            let head = origin.head();
            let lower = head.to_lowercase();
            assert!(!lower.contains("bypass") && !head.contains(secret), "{head}");
            assert!(
                head.contains("\r\nX: y\r\n") && head.contains("\r\nCookie: a=1;  b=\"2\" ;c\r\n"),
                "{head}"
            );
            assert_eq!(lower.matches("\r\ncookie:").count(), 1, "{head}");
            let trailer = format!(
                "POST /x HTTP/1.1\r\nHost: site.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nDowntime-Bypass: {secret}\r\n\r\n"
            );
            let mut client = gateway.connect();
            client.send(trailer);
            assert_eq!(client.response("POST").status, 200);
            assert!(!origin.head().contains(secret));
        }
    }
}

#[tokio::test]
async fn the_site_never_sees_a_secret_over_http2() {
    let origin = StubUpstream::start();
    for down in [DOWN, ""] {
        let site = format!("[site]\nupstream = \"{}\"\n{down}{}", origin.url(), bypass(3600, ""));
        let gateway = GatewayProcess::start(&site);
        let mut sender = super::http2::connect(&gateway).await;
        let request = http::Request::get("http://site.example/x")
            .header("downtime-bypass", SECRET)
            .header("cookie", "a=1")
            .header("cookie", format!("downtime-bypass={SECRET}"))
            .header("cookie", format!("__Host-downtime-bypass={SECRET}"))
            .header("x", "y");
        let request = request.body(http_body_util::Empty::new()).unwrap();
        let response = tokio::time::timeout(DEADLINE, sender.send_request(request)).await;
        assert_eq!(response.expect("in time").unwrap().status(), 200);
        let head = origin.head().to_lowercase();
        assert!(!head.contains("bypass") && !head.contains(&SECRET.to_lowercase()), "{head}");
        assert!(head.contains("cookie: a=1\r\n") && head.contains("x: y\r\n"), "{head}");
    }
}

#[test]
fn no_cache_keeps_the_answer_to_a_tester() {
    let response = "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nCDN-Cache-Control: max-age=60\r\nExpires: Thu, 01 Jan \
                    2099 00:00:00 GMT\r\nSurrogate-Control: max-age=60\r\nX-Accel-Expires: 60\r\nX: y\r\nContent-Length: 2\r\n\r\nhi";
    let upstream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", upstream.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in upstream.incoming().map_while(Result::ok) {
            let mut client = crate::support::http::Client::on(stream);
            while client.head().is_ok() {
                client.stream.write_all(response.as_bytes()).unwrap();
            }
        }
    });
    let down =
        format!("[site]\nupstream = \"{url}\"\n[exempt]\nexact = [\"/open\"]\n{DOWN}{}", bypass(3600, ""));
    let gateway = GatewayProcess::start(&down);
    let secret = format!("Downtime-Bypass: {SECRET}");
    let bypassed = gateway.get("/", &[&secret]);
    assert_eq!((bypassed.text(), bypassed.field("cache-control")), ("hi", Some("private, no-store")));
    assert_eq!(bypassed.field("x"), Some("y"));
    for name in ["cdn-cache-control", "expires", "surrogate-control", "x-accel-expires"] {
        assert_eq!(bypassed.field(name), None, "{name}");
    }
    // What passes for everybody stays as the site sent it.
    let open = gateway.get("/open", &[&secret]);
    assert_eq!(open.field("cache-control"), Some("public, max-age=60"));
    assert_eq!(open.field("expires"), Some("Thu, 01 Jan 2099 00:00:00 GMT"));

    let root = gateway.directory.join("public");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("a.txt"), "file").unwrap();
    let fields = "response.headers = { Surrogate-Control = \"max-age=60\", Expires = \"0\", X-A = \"b\" }\n";
    gateway.apply(&format!("{fields}[site]\nroot = \"public\"\n{DOWN}{}", bypass(3600, "")));
    for (path, status) in [("/a.txt", 200), ("/none", 404)] {
        let response = gateway.get(path, &[&secret]);
        assert_eq!(
            (response.status, response.field("cache-control")),
            (status, Some("private, no-store")),
            "{path}"
        );
        assert_eq!((response.field("surrogate-control"), response.field("expires")), (None, None), "{path}");
    }
}

#[test]
fn a_tester_enters_by_a_form() {
    let origin = StubUpstream::start();
    let begun = Instant::now();
    let gateway = GatewayProcess::start(&config(&origin, &bypass(3600, "")));
    let page = gateway.get("/.downtime/enter?next=/shop", &[]);
    assert_eq!((page.status, page.field("cache-control")), (200, Some("no-store")));
    let policy = page.field("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.field("referrer-policy"), Some("same-origin"));

    let entered = post(&gateway, "/.downtime/enter?next=/shop", SECRET, &["Sec-Fetch-Site: same-origin"]);
    assert_eq!((entered.status, entered.field("location")), (303, Some("/shop")));
    assert_eq!(entered.field("cache-control"), Some("private, no-store"));
    let cookie = entered.field("set-cookie").unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(pair, format!("downtime-bypass={SECRET}"));
    let attributes: Vec<_> = attributes.split("; ").collect();
    let [path, max_age, http_only, same_site] = attributes[..] else { panic!("{cookie}") };
    assert_eq!((path, http_only, same_site), ("Path=/", "HttpOnly", "SameSite=Lax"));
    let seconds = max_age.strip_prefix("Max-Age=").unwrap().parse().unwrap();
    assert_counted_down(seconds, 3600, begun, cookie);
    assert_eq!(gateway.get("/shop", &[&format!("Cookie: {pair}")]).status, 200);

    for next in ["https://b.example/", "//b.example", "/a/../b", "/%5Cb.example"] {
        let entered = post(&gateway, &format!("{ENTER}?next={next}"), SECRET, &[]);
        assert_eq!((entered.status, entered.field("location")), (303, Some("/")), "{next}");
    }
    assert_eq!(gateway.connect().request("PUT", ENTER, &[]).status, 405);
    assert_eq!(origin.heads().len(), 1);
}

#[test]
fn a_form_that_ends_early_or_has_malformed_chunks_gets_400() {
    let origin = StubUpstream::start();
    let log = "[log]\naccess = \"combined\"\n";
    let gateway = GatewayProcess::start(&config(&origin, &format!("{}{log}", bypass(3600, ""))));
    for (number, (framing, body, reason, status)) in [
        ("Content-Length: 100", "secret=a", INCOMPLETE, 499),
        ("Content-Length: 100", "", INCOMPLETE, 499),
        ("Transfer-Encoding: chunked", "8\r\nsecret=a\r\n", INCOMPLETE, 499),
        ("Transfer-Encoding: chunked", "x\r\n", "the body of the request is malformed", 400),
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = gateway.connect();
        client.send(format!(
            "POST {ENTER} HTTP/1.1\r\nHost: a\r\nX-Request-Id: r-{number}\r\n{FORM}\r\n{framing}\r\n\r\n{body}"
        ));
        client.stream.shutdown(Shutdown::Write).expect("half-closed");
        let response = client.response("POST");
        assert_eq!((response.status, response.text()), (400, &*format!("{reason}\n")), "{framing} {body}");
        let line = gateway.log().wait_for(&format!("\"r-{number}\""));
        assert!(line.contains(&format!("\" {status} ")), "{line}");
    }
    assert_eq!(gateway.log().count(&format!("400 Bad Request: {INCOMPLETE}")), 1, "{}", gateway.log().text());
}

#[test]
fn the_cookie_is_secure_over_https() {
    let origin = StubUpstream::start();
    let server = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let gateway = GatewayProcess::start(&format!("{server}{}", config(&origin, &bypass(3600, ""))));
    let entered = post(&gateway, ENTER, SECRET, &["X-Forwarded-Proto: https"]);
    let cookie = entered.field("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-downtime-bypass=") && cookie.ends_with("; Secure"), "{cookie}");
}

#[test]
fn a_wrong_secret_an_expired_one_and_one_of_another_site_get_the_same() {
    let origin = StubUpstream::start();
    let over = bypass(-10, "").replace("\"qa\"", "\"over\"");
    let valid =
        "[[bypass]]\nhash = \"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\n";
    let until = clock::now() + SignedDuration::from_secs(3600);
    let gateway = GatewayProcess::start(&config(&origin, &format!("{over}{valid}until = {until}\n")));
    let wrong = post(&gateway, ENTER, "wrong", &[]);
    assert_eq!((wrong.status, wrong.field("set-cookie")), (403, None));
    for (secret, fields) in [
        (SECRET, &[][..]),
        ("", &[]),
        ("test", &["Sec-Fetch-Site: cross-site"]),
        ("test", &["Sec-Fetch-Site: same-site", "Origin: http://site.example"]),
        ("test", &["Origin: http://other.example"]),
        ("test", &["Origin: null"]),
    ] {
        let refused = post(&gateway, ENTER, secret, fields);
        assert_eq!((refused.status, refused.text()), (403, wrong.text()), "{secret} {fields:?}");
        assert_eq!(refused.field("set-cookie"), None);
    }
    assert_eq!(post(&gateway, ENTER, "test", &["Origin: http://site.example"]).status, 303);
    assert_eq!(post(&gateway, ENTER, &"x".repeat(4096), &[]).status, 413);
}

#[test]
fn guessing_is_limited_and_a_right_secret_always_works() {
    let origin = StubUpstream::start();
    let gateway = GatewayProcess::start(&config(&origin, &bypass(3600, "")));
    let statuses: Vec<_> = (0..20).map(|_| post(&gateway, ENTER, "wrong", &[])).collect();
    assert!(statuses[..10].iter().all(|response| response.status == 403));
    for response in &statuses[10..] {
        assert_eq!((response.status, response.field("retry-after")), (429, Some("60")));
        assert_eq!(response.field("connection"), Some("close"));
    }
    assert_eq!(post(&gateway, ENTER, SECRET, &[]).status, 303);
    assert_eq!(gateway.get("/", &[&format!("Downtime-Bypass: {SECRET}")]).status, 200);
    gateway.log().wait_for("127.0.0.1 sent many wrong secrets");
    assert_eq!(gateway.log().count("wrong secrets"), 1);
}

#[test]
fn a_secret_is_never_logged() {
    let origin = StubUpstream::start();
    let log = "[log]\nlevel = \"trace\"\naccess = true\n";
    let gateway = GatewayProcess::start(&format!("{log}{}", config(&origin, &bypass(3600, ""))));
    let wrong = "d3Jvbmc-wrong";
    for secret in [SECRET, wrong] {
        gateway
            .get("/", &[&format!("Downtime-Bypass: {secret}"), &format!("Cookie: downtime-bypass={secret}")]);
        post(&gateway, ENTER, secret, &[]);
    }
    gateway.connect().send(format!("GET / HTTP/1.1\r\nDowntime-Bypass: {SECRET}\r\n\r\n"));
    gateway.get("/last", &[]);
    gateway.log().wait_for("/last");
    let log = gateway.log().text();
    assert!(log.contains("POST") && !log.contains(SECRET) && !log.contains(wrong), "{log}");
}
