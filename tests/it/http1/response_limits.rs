//! How long and how unusual a response may be, and what the log says about one that is not forwarded.

use super::messages::RecordingUpstream;
use super::{FORMS, GET, response, site};
use crate::support::process::GatewayProcess;

fn ok(fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 5\r\n\r\nhello")
}

/// Returns a response whose head has this number of fields and this length in bytes.
fn head_with(fields: usize, bytes: usize) -> String {
    let begun = format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{}", "X: y\r\n".repeat(fields - 2));
    let rest = bytes.saturating_sub(begun.len() + "Y: \r\n\r\n".len());
    format!("{begun}Y: {}\r\n\r\nhello", "y".repeat(rest))
}

#[test]
fn many_cookies_pass_in_their_order() {
    let lines =
        |count| (0..count).map(|number| format!("Set-Cookie: c{number}=v\r\n")).collect::<Vec<_>>().concat();
    let upstream = RecordingUpstream::start(&[&ok(&lines(2)), &ok(&lines(150)), &ok(&lines(255))]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for (target, count) in [("/0", 2), ("/1", 150), ("/2", 255)] {
        for form in FORMS {
            let case = format!("{count} cookies to {form:?}");
            let mut client = gateway.connect();
            client.send(form.request(target));
            let found = response(&mut client, form.method, &case);
            let cookies = found.fields.iter().filter(|(name, _)| name == "set-cookie");
            let cookies: Vec<&str> = cookies.map(|(_, value)| value.as_str()).collect();
            let expected: Vec<String> = (0..count).map(|number| format!("c{number}=v")).collect();
            assert_eq!(
                (found.status, cookies),
                (200, expected.iter().map(String::as_str).collect()),
                "{case}"
            );
        }
    }
}

#[test]
fn a_head_at_the_limits_passes() {
    const LIMIT: usize = 400 << 10;
    let heads = [head_with(256, 0), head_with(3, LIMIT), head_with(256, LIMIT)];
    let upstream = RecordingUpstream::start(&heads.each_ref().map(String::as_str));
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for number in 0..heads.len() {
        for form in FORMS {
            let case = format!("head {number} to {form:?}");
            let mut client = gateway.connect();
            client.send(form.request(&format!("/{number}")));
            let found = response(&mut client, form.method, &case);
            assert_eq!((found.status, found.text()), (200, "hello"), "{case}");
        }
    }
}

#[test]
fn a_response_that_is_not_forwarded_gives_the_page_or_502_and_the_log_says_why() {
    let refused = [
        (head_with(257, 0), "256"),
        (head_with(1000, 0), "256"),
        (head_with(3, (400 << 10) + 1), "400 KiB"),
        (head_with(3, 2_000_000), "400 KiB"),
        (ok("Caf\u{e9} : 1\r\n"), "field name"),
        (ok("\u{fc}: 1\r\n folded\r\n"), "field name"),
        (ok("\u{fc}: a\0b\r\n"), "field name"),
        (ok("\u{fc}: a\rSet-Cookie: b\r\n"), "field name"),
        (ok("X : 1\r\n"), "field name"),
        (ok("X\t: 1\r\n"), "field name"),
        (ok("X Y: 1\r\n"), "field name"),
        (ok(": 1\r\n"), "field name"),
    ];
    let upstream = RecordingUpstream::start(&refused.each_ref().map(|(said, _)| said.as_str()));
    for (policy, status, downtime) in
        [("", 503, Some("unreachable")), ("when_unreachable = \"error\"", 502, None)]
    {
        // Only the first failure is logged at a higher level.
        let config = format!("{}\n[log]\nlevel = \"debug\"\n", site(&upstream.url(), policy));
        let gateway = GatewayProcess::start(&config);
        for (number, (said, reason)) in refused.iter().enumerate() {
            let case = format!("{reason} for {:?}", &said[..said.len().min(60)]);
            let mut client = gateway.connect();
            client.send(GET.request(&format!("/{number}")));
            let found = response(&mut client, "GET", &case);
            assert_eq!((found.status, found.downtime()), (status, downtime), "{case}");
            let line = gateway.log().wait_for("unreachable: ");
            assert!(line.contains(reason) && line.contains(&format!("(GET /{number})")), "{case}: {line}");
        }
    }
}

#[test]
fn a_field_with_a_name_beyond_ascii_is_left_out_with_a_warning() {
    let upstream = RecordingUpstream::start(&[&ok("X: 1\r\nCaf\u{e9}: 2\r\n\u{fc}: 3\r\nY: 4\r\n")]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for form in FORMS {
        let case = format!("{form:?}");
        let mut client = gateway.connect();
        client.send(form.request("/0"));
        let found = response(&mut client, form.method, &case);
        assert_eq!((found.status, found.text()), (200, "hello"), "{case}");
        assert_eq!((found.field("x"), found.field("y")), (Some("1"), Some("4")), "{case}");
        assert!(found.fields.iter().all(|(name, _)| name.is_ascii()), "{case}: {:?}", found.fields);
    }
    let line = gateway.log().wait_for("its name is not ASCII");
    assert!(line.contains("WARN") && line.contains("GET /0"), "{line}");
    gateway.apply(&site(&upstream.url(), "# again"));
    assert_eq!(gateway.log().count("is not ASCII"), 1, "{}", gateway.log().text());
}

#[test]
fn a_field_that_is_left_out_is_logged_for_each_response_that_is_forwarded_and_for_no_other() {
    let foreign = "Caf\u{e9}: 1\r\n";
    let interim = format!("HTTP/1.1 103 Early Hints\r\n{foreign}\r\n");
    let switching = format!("HTTP/1.1 101 Switching Protocols\r\n{foreign}Upgrade: a\r\n\r\n");
    let upstream = RecordingUpstream::start(&[
        &ok(&format!("{foreign}Content-Length: 6\r\n")),
        &switching,
        &format!("HTTP/1.1 200 OK\r\n{foreign}Transfer-Encoding: chunked\r\n\r\nx\r\n"),
        &format!("{interim}{}", ok("")),
        &format!("{interim}{}", ok("")),
        &format!("{interim}{}", ok(foreign)),
        &switching,
    ]);
    let config = |end: &str| format!("{}\n[log]\nlevel = \"debug\"\n{end}", site(&upstream.url(), ""));
    let gateway = GatewayProcess::start(&config(""));
    let upgrade = "Connection: upgrade\r\nUpgrade: a\r\n";
    for (line, more, status, lines) in [
        ("GET /0 HTTP/1.1", "", 503, 0),
        ("GET /1 HTTP/1.1", "", 503, 0),
        ("GET /2 HTTP/1.1", "", 503, 0),
        ("GET /3 HTTP/1.0", "", 200, 0),
        ("GET /4 HTTP/1.1", "", 200, 1),
        ("GET /5 HTTP/1.1", "", 200, 2),
        ("GET /6 HTTP/1.1", upgrade, 101, 1),
    ] {
        let mut client = gateway.connect();
        client.send(format!("{line}\r\nHost: a\r\n{more}\r\n"));
        let head = std::iter::repeat_with(|| client.head().expect(line))
            .find(|head| !head.contains(" 103 "))
            .unwrap_or_default();
        assert!(head.contains(&format!(" {status} ")), "{line}: {head}");
        let target = line.rsplit_once(' ').expect("a version").0;
        let mark = format!("response to {target}: its name is not ASCII");
        for _ in 0..lines {
            gateway.log().wait_for(&mark);
        }
        assert_eq!(gateway.log().count(&mark), lines, "{line}: {}", gateway.log().text());
    }
    gateway.apply(&config("# again\n"));
    assert_eq!(gateway.log().count("is not ASCII"), 4, "{}", gateway.log().text());
}

#[test]
fn a_log_line_has_only_the_beginning_of_a_text_of_a_peer() {
    let name = "\u{fc}".repeat(100_000);
    let upstream = RecordingUpstream::start(&[&ok(&format!("{name}: 1\r\n")), &ok("X : 1\r\n")]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let long = format!("/{}1", "0".repeat(9000));
    for (target, status, mark) in [("/0", 200, "not ASCII"), (&long, 503, "is unreachable")] {
        let mut client = gateway.connect();
        client.send(GET.request(target));
        assert_eq!(response(&mut client, "GET", mark).status, status, "{mark}");
        let line = gateway.log().wait_for(mark);
        assert!(line.contains('…') && line.len() < 3000, "{} bytes: {line}", line.len());
    }
}

#[test]
fn at_most_32_interim_responses_are_taken() {
    let said = |count| format!("{}{}", "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n".repeat(count), ok(""));
    let upstream = RecordingUpstream::start(&[&said(32), &said(33), &said(100_000)]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), "when_unreachable = \"error\""));
    for (target, status) in [("/0", 200), ("/1", 502), ("/2", 502)] {
        let mut client = gateway.connect();
        client.send(GET.request(target));
        let found = response(&mut client, "GET", target);
        assert_eq!((found.interim.len(), found.status), (32, status), "{target}");
    }
    let line = gateway.log().wait_for("is unreachable: ");
    assert!(line.contains("it sent more than 32 interim responses"), "{line}");
}

#[test]
fn lengths_at_the_end_of_64_bits_are_forwarded() {
    let lengths =
        ["9223372036854775807", "9223372036854775808", "18446744073709551614", "18446744073709551615"];
    let said = lengths.map(|length| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nhello"));
    let upstream = RecordingUpstream::start(&said.each_ref().map(String::as_str));
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for (number, length) in lengths.iter().enumerate() {
        for form in FORMS {
            let case = format!("{length} to {form:?}");
            let mut client = gateway.connect();
            client.send(form.request(&format!("/{number}")));
            let head = client.head().unwrap_or_else(|error| panic!("{case}: {error}")).to_lowercase();
            assert!(head.contains(&format!("\r\ncontent-length: {length}\r\n")), "{case}: {head}");
            assert_eq!(client.take(5).expect(&case), b"hello", "{case}");
        }
    }
}

#[test]
fn bytes_above_ascii_in_values_and_reason_phrases_pass() {
    let upstream = RecordingUpstream::start(&[
        &ok("X: caf\u{e9}\r\n"),
        "HTTP/1.1 200 D'accord \u{e9}\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 799 Odd\r\nContent-Length: 5\r\n\r\nhello",
    ]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for (target, status) in [("/0", 200), ("/1", 200), ("/2", 200), ("/3", 799)] {
        for form in FORMS {
            let mut client = gateway.connect();
            client.send(form.request(target));
            let found = response(&mut client, form.method, target);
            assert_eq!((found.status, found.text()), (status, "hello"), "{target} {form:?}");
            if target == "/0" {
                assert_eq!(found.field("x"), Some("caf\u{e9}"), "{form:?}");
            }
        }
    }
}
