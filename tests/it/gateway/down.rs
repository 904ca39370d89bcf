//! The response to a request that is down: which period decides, the page, its fields and its bodies.

use std::io::Write;
use std::time::Instant;

use super::{DOWN, assert_counted_down, period, periods};
use crate::support::http::Response;
use crate::support::process::GatewayProcess;

const HOUR: i64 = 3600;

fn is_down_with(response: &Response, message: &str) -> bool {
    response.status == 503 && response.text().contains(message)
}

fn fields(response: &Response) -> Vec<String> {
    let all = response.fields.iter().filter(|(name, _)| name != "date");
    let mut lines: Vec<String> = all.map(|(name, value)| format!("{name}: {value}")).collect();
    lines.sort();
    lines
}

/// The fields of every page, and these, sorted.
fn with_common_fields(own: &[String]) -> Vec<String> {
    let common = [
        "cache-control: no-store",
        "downtime: planned",
        "retry-after: 300",
        "vary: Accept, Accept-Encoding, Sec-Fetch-Dest, X-Requested-With, Origin",
        "x-content-type-options: nosniff",
    ];
    let mut lines: Vec<String> = common.map(String::from).into_iter().chain(own.iter().cloned()).collect();
    lines.sort();
    lines
}

#[test]
fn browsers_get_the_page_with_all_promised_fields() {
    let gateway = GatewayProcess::start(&format!("{DOWN}message = \"We move <b>.\""));
    for accept in
        ["Accept: text/html", "Accept: */*", "Accept: text/html,application/xml;q=0.9,*/*;q=0.8", "X: none"]
    {
        let response = gateway.get("/any", &[accept]);
        assert!(is_down_with(&response, "We move &lt;b&gt;."), "{response:?}");
        let policy = response.field("content-security-policy").expect("a policy");
        for directive in [
            "default-src 'none'",
            "connect-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.split(';').any(|own| own.trim() == directive), "{directive}: {policy}");
        }
        assert!(policy.contains("style-src 'sha256-") && policy.contains("script-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"));
        let own = [
            "content-language: en".into(),
            format!("content-length: {}", response.body.len()),
            format!("content-security-policy: {policy}"),
            "content-type: text/html; charset=utf-8".into(),
        ];
        assert_eq!(fields(&response), with_common_fields(&own), "{accept}");
    }
}

#[test]
fn programs_get_problem_json_or_text_and_assets_get_no_body() {
    let gateway = GatewayProcess::start(&format!("{DOWN}message = \"We move.\""));
    for (field, media_type) in [
        ("Accept: application/problem+json", Some("application/problem+json")),
        ("Accept: application/json", Some("application/problem+json")),
        ("Accept: text/plain", Some("text/plain; charset=utf-8")),
        ("Accept: image/avif,image/webp,*/*;q=0.8", None),
        ("Accept: text/css,*/*;q=0.1", None),
        ("Sec-Fetch-Dest: image", None),
        ("Sec-Fetch-Dest: style", None),
        ("Sec-Fetch-Dest: script", None),
        ("Sec-Fetch-Dest: font", None),
    ] {
        let response = gateway.get("/any", &[field]);
        assert_eq!((response.status, response.field("content-type")), (503, media_type), "{field}");
        let length = format!("content-length: {}", response.body.len());
        let media_type = media_type.map(|media_type| format!("content-type: {media_type}"));
        let language = media_type.as_ref().map(|_| "content-language: en".to_owned());
        assert_eq!(
            fields(&response),
            with_common_fields(&media_type.into_iter().chain(language).chain([length]).collect::<Vec<_>>()),
            "{field}"
        );
        assert_eq!(response.body.is_empty(), response.field("content-type").is_none(), "{field}");
        assert!(response.body.is_empty() || response.text().contains("We move."));
    }
    let problem = gateway.get("/", &["Accept: application/json"]).json();
    assert_eq!((&problem["status"], &problem["detail"]), (&503.into(), &"We move.".into()));
}

#[test]
fn head_gets_the_fields_of_get_and_no_body() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = gateway.connect();
    let get = client.request("GET", "/", &[]);
    let head = client.request("HEAD", "/", &[]);
    assert_eq!((head.status, fields(&head), head.body.len()), (503, fields(&get), 0));
    assert_eq!(client.request("GET", "/", &[]).body, get.body);
}

#[test]
fn every_method_gets_the_page_with_the_configured_status_and_template() {
    let config = format!(
        "[response]\nstatus = 520\nretry_after = \"90s\"\ntemplate = \"t.html\"\nmessage = \"a&b\"\n{DOWN}"
    );
    let directory = crate::support::process::ConfigDirectory::with("");
    directory.write("t.html", "<p>{{ message }} {{ status }} {{ retry_after }} {{ start }}</p>");
    let gateway = GatewayProcess::on(directory);
    gateway.apply(&config);
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "MKCOL"] {
        let response = gateway.connect().request(method, "/", &["Content-Length: 0"]);
        assert_eq!((response.status, response.retry_after()), (520, 90), "{method}");
        assert_eq!(response.text(), "<p>a&amp;b 520 90 2020-01-01T00:00:00Z</p>", "{method}");
    }
}

#[test]
fn the_period_that_ends_last_decides_and_the_first_one_breaks_a_tie() {
    let (short, long) =
        (period(-HOUR, HOUR, "message = \"short\""), period(-HOUR, 2 * HOUR, "message = \"long\""));
    let open = |message: &str| format!("{DOWN}message = \"{message}\"\n");
    let (first, second) = (open("first"), open("second"));
    let over = period(-2 * HOUR, -HOUR, "message = \"over\"");
    let to_come = period(HOUR, 9 * HOUR, "message = \"to come\"");
    let disabled = open("disabled") + "enabled = false\n";
    let gateway = GatewayProcess::start(DOWN);
    for (periods, message) in [
        (&[&short, &long][..], "long"),
        (&[&long, &short], "long"),
        (&[&long, &first, &second], "first"),
        (&[&second, &first, &short], "second"),
        (&[&over, &to_come, &disabled, &short], "short"),
    ] {
        gateway.apply(&periods.iter().map(|period| period.as_str()).collect::<String>());
        let response = gateway.get("/", &[]);
        assert!(is_down_with(&response, message), "{message}: {}", response.text());
    }
    gateway.apply(&[over, to_come, disabled].concat());
    assert_eq!(gateway.get("/", &[]).status, 200);
}

#[test]
fn retry_after_is_the_time_until_the_request_would_pass() {
    let gateway = GatewayProcess::start(DOWN);
    let begun = Instant::now();
    let touching = periods([(-HOUR, HOUR, ""), (HOUR, 3 * HOUR, "")]);
    let overlapping = periods([(-HOUR, HOUR, ""), (0, 5 * HOUR, ""), (4 * HOUR, 7 * HOUR, "")]);
    let apart = periods([(-HOUR, HOUR, ""), (HOUR + 60, 3 * HOUR, "")]);
    let disabled = periods([(-HOUR, HOUR, ""), (HOUR, 3 * HOUR, "enabled = false")]);
    let too_long = period(-HOUR, 400 * 24 * HOUR, "");
    let continued_open_ended = period(-HOUR, HOUR, "") + &period(0, HOUR, "").replace("\nend", "\n# end");
    for (config, seconds) in [
        (touching, 3 * HOUR),
        (overlapping, 7 * HOUR),
        (apart, HOUR),
        (disabled, HOUR),
        (too_long, 300),
        (continued_open_ended, 300),
    ] {
        gateway.apply(&config);
        let seconds = u64::try_from(seconds).expect("positive");
        assert_counted_down(gateway.get("/", &[]).retry_after(), seconds, begun, &config);
    }
}

#[test]
fn the_body_of_a_covered_request_does_not_corrupt_the_next_request() {
    let gateway = GatewayProcess::start(DOWN);
    let smuggled = "GET /.downtime/status HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = smuggled.len();
    let chunked = format!("{length:x}\r\n{smuggled}\r\n0\r\n\r\n");
    for (field, body) in [
        (format!("Content-Length: {length}"), smuggled.to_owned()),
        ("Transfer-Encoding: chunked".into(), chunked),
        (format!("Content-Length: {}", 5 << 20), "x".repeat(5 << 20)),
    ] {
        let mut client = gateway.connect();
        client.send(format!("POST /form HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n{body}"));
        assert_eq!(client.response("POST").status, 503, "{field}");
        assert_eq!(client.request("HEAD", "/next", &[]).status, 503, "{field}");
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let last = client.response("GET");
        assert_eq!((last.status, last.downtime()), (503, Some("planned")), "{field}");
        assert!(client.is_closed(), "{field}");
    }
}

#[test]
fn a_body_that_arrives_after_the_page_is_never_read_as_a_request() {
    let gateway = GatewayProcess::start(DOWN);
    let smuggled = "GET /.downtime/status HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = gateway.connect();
    client.send(format!("POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", smuggled.len()));
    assert_eq!(client.response("POST").status, 503);
    client.send(smuggled);
    assert_eq!(client.request("GET", "/", &[]).status, 503);
}

#[test]
fn a_client_that_expects_100_continue_gets_the_page_instead() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.response("POST").status, 503);
    assert!(client.is_closed());
}

#[test]
fn an_endless_body_is_not_read_forever() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(client.response("POST").status, 503);
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    let sent = (0..256).take_while(|_| client.stream.write_all(chunk.as_bytes()).is_ok()).count();
    assert!((16..128).contains(&sent), "{sent} MiB");
}
