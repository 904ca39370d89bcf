//! Targets reach the upstream byte for byte, and every other part of the gateway accepts them too.

use super::messages::RecordingUpstream;
use super::{DOWN, FORMS, GET, RequestForm, refusal, response, site};
use crate::support::process::{ConfigDirectory, GatewayProcess};

/// Targets with bytes that RFC 3986 does not allow, but that clients send.
const RAW: [&[u8]; 20] = [
    b"/api?filter={\"a\":1}",
    b"/api?filter=[1,2]",
    b"/<",
    b"/>",
    b"/<script>alert(1)</script>",
    b"/`",
    b"/|",
    b"/^",
    b"/\\",
    b"/a\\b?c\\d",
    b"/{a}",
    b"/[a]",
    b"/\"a\"",
    b"/'a'",
    b"/%zz%",
    b"/b\xc3\xbccher?b\xc3\xbccher",
    b"/\xe6\x97\xa5\xe6\x9c\xac",
    b"/caf\xe9",
    b"/?caf\xe9=\xff\xfe",
    b"/\x80\xc0\xaf",
];

/// Returns the request of this form for a target of any bytes.
fn request(form: &RequestForm, target: &[u8]) -> Vec<u8> {
    let request = form.request("@");
    let (before, after) = request.split_once('@').expect("a target");
    [before.as_bytes(), target, after.as_bytes()].concat()
}

/// Sends a request of this form for a target, and returns the status and the body of the response.
fn sent(gateway: &GatewayProcess, form: &RequestForm, target: &[u8]) -> (u16, Vec<u8>) {
    let mut client = gateway.connect();
    client.send(request(form, target));
    let case = format!("{form:?} {}", target.escape_ascii());
    let response = response(&mut client, form.method, &case);
    (response.status, response.body)
}

#[test]
fn the_upstream_gets_the_bytes_of_the_target() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for target in RAW {
        for form in FORMS {
            let case = format!("{form:?} {}", target.escape_ascii());
            assert_eq!(sent(&gateway, &form, target), (200, b"the site".to_vec()), "{case}");
            let line = [form.method.as_bytes(), b" ", target, b" HTTP/1.1"].concat();
            let received = upstream.request(&case);
            assert_eq!(received.line(), line, "{case}: {}", received.line().escape_ascii());
            let absolute = [b"http://site.example", target].concat();
            assert_eq!(sent(&gateway, &form, &absolute).0, 200, "{case}");
            assert_eq!(upstream.request(&case).line(), line, "absolute, {case}");
        }
    }
}

#[test]
fn raw_bytes_get_the_down_page_and_the_status() {
    let gateway = GatewayProcess::start(DOWN);
    for target in RAW {
        for form in FORMS {
            let case = format!("{form:?} {}", target.escape_ascii());
            assert_eq!(sent(&gateway, &form, target).0, 503, "{case}");
        }
        let status = [b"/.downtime/status?path=", target].concat();
        let (code, body) = sent(&gateway, &GET, &status);
        assert_eq!(code, 200, "{}", status.escape_ascii());
        assert!(body.starts_with(b"{\"state\":\"down\""), "{}", status.escape_ascii());
    }
}

#[test]
fn raw_bytes_are_redirected_like_any_other_target() {
    let gateway =
        GatewayProcess::start(&format!("[response]\nredirect = \"https://status.example/\"\n{DOWN}"));
    for target in RAW {
        assert_eq!(sent(&gateway, &GET, target).0, 302, "{}", target.escape_ascii());
    }
}

#[test]
fn raw_bytes_name_a_static_file_or_none() {
    let directory = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(directory.join("public")).expect("a directory");
    directory.write("public/{a}", "braces");
    directory.write("public/b\u{fc}cher", "books");
    let gateway = GatewayProcess::on(directory);
    for target in RAW {
        for form in FORMS.iter().filter(|form| form.method == "GET") {
            let (status, body) = sent(&gateway, form, target);
            let case = format!("{form:?} {}: {status}", target.escape_ascii());
            let is_file = status == 200 && (body == b"braces" || body == b"books");
            // Without index.html, the directory itself does not exist either.
            assert!(is_file || status == 404 || status == 400 && target == b"/%zz%", "{case}");
        }
    }
}

#[test]
fn a_scope_covers_a_path_with_raw_bytes() {
    let upstream = RecordingUpstream::start(&[]);
    let shop = format!("{DOWN}paths = [\"/shop/**\"]\n");
    let gateway = GatewayProcess::start(&format!("{}{shop}", site(&upstream.url(), "")));
    for (target, status) in [
        (&b"/shop/caf\xe9"[..], 503),
        (b"/shop/\xff/x", 503),
        (b"/shop/{a}", 503),
        (b"/shop/<", 503),
        (b"/shop/b\xc3\xbccher", 503),
        (b"/other/b\xc3\xbccher", 200),
        (b"/other?/shop/\xff", 200),
        // It might be covered: a byte that is not text has no canonical spelling.
        (b"/other/caf\xe9", 503),
    ] {
        for form in FORMS {
            assert_eq!(sent(&gateway, &form, target).0, status, "{form:?} {}", target.escape_ascii());
        }
    }
}

#[test]
fn other_targets_are_refused_up_or_down() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for config in [site(&upstream.url(), "# up"), DOWN.to_owned()] {
        gateway.apply(&config);
        for target in [
            "/a#b",
            "/#",
            "#",
            "http://site.example/#a",
            "*",
            "b:443",
            "b",
            "?a",
            "site.example/",
            "/a\x01",
            "/\x7f",
        ] {
            for form in FORMS {
                let mut client = gateway.connect();
                client.send(form.request(target));
                refusal(&mut client, 400, &format!("{form:?} {target:?} to\n{config}"));
            }
        }
    }
    upstream.assert_no_request("a refused target");
}

#[test]
fn options_may_ask_about_the_whole_server_and_a_target_may_lack_a_path() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for (method, target, passed) in [
        ("OPTIONS", "*", "*"),
        ("OPTIONS", "http://site.example", "*"),
        ("OPTIONS", "http://site.example/", "/"),
        ("OPTIONS", "/", "/"),
        ("GET", "http://site.example", "/"),
        ("GET", "http://site.example?a", "/?a"),
        ("GET", "HTTP://site.example/a", "/a"),
        ("GET", "https://site.example/a", "/a"),
        ("GET", "//site.example/a", "//site.example/a"),
        ("GET", "/http://b/", "/http://b/"),
        ("GET", "/?", "/?"),
    ] {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let case = format!("{method} {target} {version}");
            let mut client = gateway.connect();
            client.send(format!("{case}\r\nHost: site.example\r\n\r\n"));
            assert_eq!(response(&mut client, method, &case).status, 200, "{case}");
            let line = format!("{method} {passed} HTTP/1.1");
            assert_eq!(upstream.request(&case).line(), line.as_bytes(), "{case}");
        }
    }
}
