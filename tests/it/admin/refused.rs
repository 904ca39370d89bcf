//! Requests that other sites make a browser send, and everything else that is refused before a page sees it.

use std::net::Shutdown;

use super::{ADMIN, AdminProcess, FORM, HOST, post_on};
use crate::support::http::Client;

#[test]
fn every_request_needs_a_login() {
    let admin = AdminProcess::with_everybody();
    for path in ["/", "/periods", "/periods/new", "/bypasses", "/preview", "/check", "/nothing"] {
        assert_eq!(admin.get(path, &[]).status, 401, "{path}");
        assert_eq!(admin.client().request("HEAD", path, &[HOST]).status, 401, "{path}");
        assert_eq!(admin.post(path, "a=b", &[]).status, 401, "{path}");
        assert_eq!(admin.get(path, &["Cookie: downtime-admin=guess"]).status, 401, "{path}");
    }
    let lost = admin.post("/periods", "a=b", &["Cookie: downtime-admin=over"]);
    assert!(lost.text().contains("What you sent is not lost"), "{}", lost.text());
}

#[test]
fn a_host_that_a_web_page_could_have_gets_421() {
    let admin = AdminProcess::with_everybody();
    let session = admin.session("ann");
    for (host, expected) in
        [("localhost:9504", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("evil.example", 421)]
    {
        let host = format!("Host: {host}");
        let response = admin.client().request("GET", "/", &[&host, &session]);
        assert_eq!(response.status, expected, "{host}");
        let posted = admin.post("/login", &super::credentials("ann", super::PASSWORD), &[&host]);
        assert_eq!(posted.status == 421, expected == 421, "{host}");
    }
    // The list follows the file.
    let keys = "users = \"users\"\nhosts = [\"evil.example\"]\n";
    admin.edit("downtime.toml", &format!("{ADMIN}{keys}"));
    assert_eq!(admin.client().request("GET", "/", &["Host: evil.example", &session]).status, 200);
}

#[test]
fn what_a_page_of_another_site_sends_is_refused() {
    let admin = AdminProcess::with_everybody();
    for (fields, is_refused) in [
        (&["Sec-Fetch-Site: cross-site"][..], true),
        (&["Sec-Fetch-Site: same-site", "Origin: http://localhost"], true),
        (&["Origin: http://evil.example"], true),
        (&["Origin: null"], true),
        (&["Origin: http://localhost"], false),
        (&["Sec-Fetch-Site: same-origin", "Origin: http://localhost"], false),
        (&["Sec-Fetch-Site: none"], false),
        (&[], false),
    ] {
        for path in ["/periods", "/link", "/logout"] {
            let session = admin.session("ann");
            let fields: Vec<_> = fields.iter().copied().chain([session.as_str()]).collect();
            let response = admin.post(path, "secret=a", &fields);
            let is_of_another = response.status == 403 && response.text().contains("another site");
            assert_eq!(is_of_another, is_refused, "{path} {fields:?} {}", response.status);
            assert_eq!(admin.lets_in(&session), is_refused || path != "/logout", "{path} {fields:?}");
        }
    }
}

#[test]
fn a_body_that_ends_early_or_has_malformed_chunks_gets_400() {
    let admin = AdminProcess::with_everybody();
    let incomplete = "the connection ended within the body of the request";
    for (framing, body, reason) in [
        ("Content-Length: 100", "name=ann", incomplete),
        ("Transfer-Encoding: chunked", "8\r\nname=ann\r\n", incomplete),
        ("Transfer-Encoding: chunked", "x\r\n", "the body of the request is malformed"),
    ] {
        for path in ["/login", "/periods"] {
            let mut client = admin.client();
            client.send(format!(
                "POST {path} HTTP/1.1\r\n{HOST}\r\nAuthorization: Bearer write\r\n{FORM}\r\n{framing}\r\n\r\n{body}"
            ));
            client.stream.shutdown(Shutdown::Write).expect("half-closed");
            let response = client.response("POST");
            assert_eq!(response.status, 400, "{path} {framing}");
            assert!(response.text().contains(reason), "{path} {framing}: {}", response.text());
        }
    }
    admin.process.log.wait_for(&format!("400 Bad Request: {incomplete}"));
}

#[test]
fn only_forms_and_json_are_read() {
    let admin = AdminProcess::with_everybody();
    let token = "Authorization: Bearer write";
    for (media_type, body, expected) in [
        ("text/plain", "{\"a\": 1}", 415),
        ("multipart/form-data; boundary=x", "--x--", 415),
        ("application/x-www-form-urlencoded2", "a=b", 415),
        ("", "a=b", 415),
        ("application/x-www-form-urlencoded", "message=zur%FCck", 400),
        ("application/x-www-form-urlencoded", "message=zur\u{fc}ck&a=%C3", 400),
        ("application/json", "{", 400),
        ("application/json", "[1]", 400),
    ] {
        let media_type = format!("Content-Type: {media_type}");
        let response = admin.post("/periods", body, &[token, &media_type]);
        assert_eq!(response.status, expected, "{media_type} {body}");
    }
    assert_eq!(admin.post("/periods", &"a".repeat(300 << 10), &[token]).status, 413);
    let mut client = admin.client();
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
        let response = client.request(method, "/periods", &[HOST, token]);
        assert_eq!((response.status, response.field("allow")), (405, Some("GET, HEAD, POST")), "{method}");
        assert_eq!(response.field("access-control-allow-origin"), None);
    }
}

#[test]
fn no_response_can_be_kept_framed_or_read_by_others() {
    let admin = AdminProcess::with_everybody();
    let token = "Authorization: Bearer write";
    let origin = "Origin: http://evil.example";
    let mut responses = vec![
        admin.get("/", &[token, origin]),
        admin.get("/", &[origin]),
        admin.get("/login", &[origin]),
        admin.get("/link", &[origin]),
        admin.client().request("GET", "/", &["Host: evil.example"]),
        admin.log_in("ann", super::PASSWORD),
        admin.log_in("ann", "wrong"),
        admin.get("/", &["Accept: application/json"]),
    ];
    let mut client = admin.client();
    responses.push(post_on(&mut client, "/periods", "", &[origin, token]));
    for response in responses {
        let status = &response.status_line;
        for (name, expected) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(response.field(name), Some(expected), "{status} {name}");
        }
        let policy = response.field("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{status} {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{status} {policy}");
        assert!(!response.fields.iter().any(|(name, _)| name.starts_with("access-control")), "{status}");
    }
}

#[test]
fn the_login_page_says_that_a_link_is_of_one_file() {
    let admin = AdminProcess::with_everybody();
    for path in ["/login", "/link"] {
        let response = admin.get(path, &[]);
        let page = response.text();
        assert!(page.contains("<code>-c FILE</code>"), "{page}");
    }
}

#[test]
fn a_socket_in_a_missing_directory_names_the_keys() {
    let directory = AdminProcess::directory("", &[]);
    directory.write("downtime.toml", "[admin]\nlisten = \"unix:none/admin.sock\"\n");
    let output = crate::support::process::downtime(&directory).arg("admin").output().expect("the binary");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("or set `listen` and `link_socket` in [admin]"), "{error}");
}

#[test]
fn a_unix_socket_needs_a_login_too() {
    let directory = AdminProcess::directory("", &[]);
    directory.write("downtime.toml", "[admin]\nlisten = \"unix:admin.sock\"\n");
    let mut command = crate::support::process::downtime(&directory);
    command.arg("admin");
    let process = crate::support::process::Process::spawn(command);
    process.log.wait_for("downtime admin link");
    let mut client = Client::connect_unix(&directory.join("admin.sock"));
    assert_eq!(client.request("GET", "/", &[HOST]).status, 401);
    assert_eq!(client.request("GET", "/login", &[HOST]).status, 200);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(directory.join("admin.sock")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}
