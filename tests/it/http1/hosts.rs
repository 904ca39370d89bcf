//! The host of a request: which ones are valid, and which one counts.

use super::messages::RecordingUpstream;
use super::{DOWN, FORMS, refusal, response, site};
use crate::support::process::GatewayProcess;

const INVALID: [&str; 25] = [
    "",
    ".",
    "..",
    ":80",
    ":",
    "a:b",
    "a:-1",
    "a:+1",
    "a:99999",
    "a:65536",
    "a:80:80",
    "a@b",
    "u:p@b",
    "@b",
    "extra[::1]:98",
    "[::1].",
    "[::1]x",
    "[::1",
    "[]",
    "[g::]",
    "a%zz",
    "a%20b",
    "%73ite.example",
    "site%2eexample",
    "a\\b",
];
/// Invalid in the Host field. In a target they end the host, or the target.
const INVALID_IN_FIELD: [&str; 8] = ["a b", "a/b", "a?b", "a#b", "a, b", "\"a\"", "<a>", "b\u{fc}cher"];
const VALID: [&str; 12] = [
    "a",
    "a:80",
    "a.",
    "a.example.:80",
    "A.Example",
    "a_b",
    "a-b",
    "xn--a",
    "127.0.0.1:8080",
    "[::1]",
    "[::1]:80",
    "a:65535",
];

fn send(gateway: &GatewayProcess, sent: &str, status: u16) {
    let mut client = gateway.connect();
    client.send(sent);
    if status == 400 {
        refusal(&mut client, status, &format!("{sent:?}"));
    } else {
        assert_eq!(response(&mut client, "GET", sent).status, status, "{sent:?}");
    }
}

#[test]
fn an_invalid_host_is_refused_in_every_form_up_or_down() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for config in [site(&upstream.url(), "# up"), DOWN.to_owned()] {
        gateway.apply(&config);
        for host in INVALID.iter().chain(&INVALID_IN_FIELD) {
            for form in FORMS {
                send(&gateway, &form.request("/").replace("site.example", host), 400);
            }
        }
    }
    upstream.assert_no_request("an invalid host");
}

#[test]
fn an_invalid_host_in_an_absolute_target_is_refused_up_or_down() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for config in [site(&upstream.url(), "# up"), DOWN.to_owned()] {
        gateway.apply(&config);
        for host in INVALID {
            for form in FORMS {
                for target in [format!("http://{host}/"), format!("https://{host}/a?b")] {
                    send(&gateway, &form.request(&target), 400);
                }
            }
        }
        for sent in [
            "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://?a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://me@site.example/ HTTP/1.1\r\nHost: site.example\r\n\r\n",
            "GET http://me:pw@site.example/ HTTP/1.1\r\nHost: site.example\r\n\r\n",
            // The field is checked although the authority of the target counts.
            "GET http://a/ HTTP/1.1\r\nHost: a:b\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: me@a\r\n\r\n",
        ] {
            send(&gateway, sent, 400);
        }
    }
    upstream.assert_no_request("an invalid host");
}

#[test]
fn a_valid_host_is_forwarded_as_received() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for host in VALID {
        for form in FORMS {
            send(&gateway, &form.request("/").replace("site.example", host), 200);
            assert_eq!(upstream.request(host).values("host"), [host], "{form:?}");
            send(&gateway, &form.request(&format!("http://{host}/x?y")), 200);
            let request = upstream.request(host);
            assert_eq!(request.values("host"), [host], "{form:?}");
            assert_eq!(request.line(), format!("{} /x?y HTTP/1.1", form.method).as_bytes(), "{form:?}");
        }
    }
}

#[test]
fn http_1_1_needs_exactly_one_host_field_even_beside_an_absolute_target() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for config in [site(&upstream.url(), "# up"), DOWN.to_owned()] {
        gateway.apply(&config);
        for target in ["/", "http://a/"] {
            for hosts in [
                "",
                "Host: a\r\nHost: a\r\n",
                "Host: a\r\nHost: b\r\n",
                "Host: a\r\nX: y\r\nhOST: a\r\n",
                "Host: a\r\nHost:\r\n",
            ] {
                for connection in ["", "Connection: close\r\n", "Connection: keep-alive, host\r\n"] {
                    send(&gateway, &format!("GET {target} HTTP/1.1\r\n{hosts}{connection}\r\n"), 400);
                }
            }
        }
        send(&gateway, "OPTIONS * HTTP/1.1\r\n\r\n", 400);
        send(&gateway, "GET / HTTP/1.2\r\n\r\n", 400);
    }
    upstream.assert_no_request("without exactly one Host");
}

#[test]
fn the_authority_of_the_target_wins_over_the_field() {
    let upstream = RecordingUpstream::start(&[]);
    let shop = format!("{DOWN}hosts = [\"shop.example\"]\n");
    let gateway = GatewayProcess::start(&format!("{}{shop}", site(&upstream.url(), "")));
    for (target, field, status) in [
        ("http://other.example/", "shop.example", 200),
        ("http://OTHER.example:81/", "shop.example", 200),
        ("http://shop.example/", "other.example", 503),
        ("http://SHOP.example.:81/", "other.example", 503),
        ("https://shop.example?a", "other.example", 503),
    ] {
        for form in FORMS {
            let sent = form.request(target).replacen("site.example", field, 1);
            let mut client = gateway.connect();
            client.send(&sent);
            assert_eq!(response(&mut client, form.method, &sent).status, status, "{sent}");
            if status == 200 {
                let hosts = upstream.request(&sent).values("host");
                assert!(hosts.len() == 1 && target.contains(&hosts[0]), "{hosts:?} of {sent}");
            }
        }
    }
}

#[test]
fn http_1_0_needs_no_host_and_no_host_is_covered_by_every_scope() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let authority = upstream.url().replace("http://", "");
    for field in ["", "Connection: keep-alive\r\n"] {
        let request = format!("GET / HTTP/1.0\r\n{field}\r\n");
        send(&gateway, &request, 200);
        assert_eq!(upstream.request(&request).values("host"), [authority.as_str()], "{request:?}");
        gateway.apply(&format!("{}{DOWN}hosts = [\"shop.example\"]\n", site(&upstream.url(), "")));
        send(&gateway, &request, 503);
        send(&gateway, &format!("GET / HTTP/1.0\r\nHost: other.example\r\n{field}\r\n"), 200);
        upstream.request("of another host");
        gateway.apply(&site(&upstream.url(), ""));
    }
    for host in ["", ".", ":80", "a:b", "[::1]."] {
        send(&gateway, &format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n"), 400);
    }
    send(&gateway, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400);
}
