//! Machines, which send a secret in each request.

use super::AdminProcess;

#[test]
fn a_machine_sends_its_secret_and_gets_json() {
    let admin = AdminProcess::with_everybody();
    for (field, expected) in [
        ("Authorization: Bearer read", 200),
        ("Authorization: bearer  write", 200),
        ("Authorization: Bearer wrong", 401),
        ("Authorization: Bearer ", 401),
        ("Authorization: Basic cmVhZA==", 401),
        ("X: read", 401),
    ] {
        let response = admin.get("/", &[field]);
        assert_eq!(response.status, expected, "{field}");
        assert_eq!(response.field("www-authenticate"), (expected == 401).then_some("Bearer"), "{field}");
    }
    let session = admin.session("ann");
    let wrong = admin.get("/", &["Authorization: Bearer wrong", &session]);
    assert_eq!(wrong.status, 401, "a session does not help a wrong secret");
    let problem = admin.get("/", &["Accept: application/json"]);
    assert_eq!(problem.field("content-type"), Some("application/problem+json"));
    assert_eq!(problem.json()["detail"], "a login is required");
}

#[test]
fn a_machine_gets_refusals_as_json_unless_it_asks_for_a_page() {
    let admin = AdminProcess::with_everybody();
    let token = "Authorization: Bearer write";
    let long = "a".repeat(300 << 10);
    for (status, fields, body) in [
        (401, &["Authorization: Bearer wrong"][..], ""),
        (403, &["Authorization: Bearer read"], "a=b"),
        (403, &[token, "Origin: http://evil.example"], "a=b"),
        (415, &[token, "Content-Type: text/plain"], "a"),
        (400, &[token, "Content-Type: application/json"], "{"),
        (413, &[token], &long),
        (421, &[token, "Host: evil.example"], "a=b"),
    ] {
        let refused = admin.post("/periods", body, &[fields, &["Accept: */*"]].concat());
        assert_eq!(refused.status, status, "{fields:?}");
        assert_eq!(refused.field("content-type"), Some("application/problem+json"), "{fields:?}");
        let problem = refused.json();
        assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &status.into()));
    }
    let page = admin.get("/", &["Authorization: Bearer wrong", "Accept: text/html"]);
    assert_eq!((page.status, page.field("content-type")), (401, Some("text/plain; charset=utf-8")));
}

#[test]
fn a_machine_that_may_only_read_changes_nothing() {
    let admin = AdminProcess::with_everybody();
    let refused = admin.post("/periods", "a=b", &["Authorization: Bearer read"]);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("may only read"), "{}", refused.text());
    assert_ne!(admin.post("/periods", "a=b", &["Authorization: Bearer write"]).status, 403);
}
