//! Exempt requests pass during downtime, and only those.

use super::DOWN;
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

fn gateway(origin: &StubUpstream) -> GatewayProcess {
    let exempt = r#"exact = ["/exact"]
paths = ["/open/**", "/assets/*.css", "/admin/**"]"#;
    GatewayProcess::start(&format!("[site]\nupstream = \"{}\"\n[exempt]\n{exempt}\n{DOWN}", origin.url()))
}

#[test]
fn an_exempt_path_is_forwarded_byte_for_byte() {
    let origin = StubUpstream::start();
    let gateway = gateway(&origin);
    let mut client = gateway.connect();
    for target in [
        "/exact",
        "/exact?a=/../b&c=%2e%00;",
        "/ex%61ct",
        "/open",
        "/open/",
        "/open/a/b",
        "/open/%7Eme/%20%C3%A9",
        "/assets/a.css",
        "/admin",
        "/admin/",
        "/admin/users",
    ] {
        let response = client.request("GET", target, &[]);
        assert_eq!((response.status, response.text()), (200, "the site"), "{target}");
        assert_eq!(origin.head().lines().next(), Some(format!("GET {target} HTTP/1.1").as_str()));
    }
    let response = client.request("POST", "http://site.example/open/x", &["Content-Length: 0"]);
    assert_eq!((response.status, origin.head().lines().next()), (200, Some("POST /open/x HTTP/1.1")));
}

#[test]
fn no_spelling_of_a_covered_path_is_exempt() {
    let origin = StubUpstream::start();
    let gateway = gateway(&origin);
    for target in [
        "/",
        "/secret",
        "/exact/",
        "/exact/x",
        "/exact.",
        "/EXACT",
        "/exact%20",
        "/exact%00",
        "/exact;a",
        "/open/../secret",
        "/open/..",
        "/open/%2e%2e/secret",
        "/open/%2E./secret",
        "/open/.%2e/secret",
        "/open/%252e%252e/secret",
        "/open/%25%32%65%25%32%65/secret",
        "/open/./secret",
        "/open/%2e/secret",
        "/open//secret",
        "//open/secret",
        "/open/..;/secret",
        "/open/..;a=b/secret",
        "/open;a/secret",
        "/open/x;a",
        "/open/%2fsecret",
        "/open%2Fsecret",
        "/open/%2e%2e%2fsecret",
        "/open/%5csecret",
        "/open%5C..%5Csecret",
        "/open\\..\\secret",
        "/open/\\secret",
        "/open/%00",
        "/open/x%00.css",
        "/open/%zz",
        "/open/%",
        "/open/%f",
        "/open/%ff",
        "/open/%c0%ae%c0%ae/secret",
        "/Open/x",
        "/OPEN",
        "/open./x",
        "/openx",
        "/open-x/y",
        "/assets/x.css/",
        "/assets/a/x.css",
        "/assets/x.css.",
        "/assets/x.CSS",
        "/assets/x.css;.js",
        "/assets/..%2fx.css",
        "/assets/x%2f.css",
        "/secret?/open/x",
        "/secret#/open/x",
        "http://site.example/open/../secret",
        "http://site.example//open/x",
        "http://site.example/secret",
        "http://site.example",
        "http://open/secret",
        "/administrator",
        "/admin.php",
        "/admin%2f",
        "/Admin",
    ] {
        let mut client = gateway.connect();
        let response = client.request("GET", target, &["X-Original-URL: /open/x", "X-Rewrite-URL: /open/x"]);
        let down = response.status == 503 && response.downtime() == Some("planned");
        assert!(down || response.status == 400, "{target}: {}", response.status);
    }
    for target in ["OPTIONS *", "CONNECT open:80", "GET open/x", "GET ../open/x"] {
        let mut client = gateway.connect();
        client.send(format!("{target} HTTP/1.1\r\nHost: site.example\r\n\r\n"));
        let status = client.response("GET").status;
        assert!(matches!(status, 400 | 503), "{target}: {status}");
    }
    assert_eq!(origin.heads(), [""; 0]);
}

#[test]
fn the_status_path_wins_over_exemptions_and_exemptions_win_over_periods() {
    let exempt = "[exempt]\nexact = [\"/state\", \"/exempt\"]\n";
    let config = format!("[server]\nstatus_path = \"/state\"\n{exempt}");
    let gateway = GatewayProcess::start(&format!("{config}{DOWN}redirect = \"/exempt\"\n"));
    assert_eq!(gateway.get("/state", &[]).json()["state"], "down");
    assert_eq!(gateway.get("/exempt", &[]).status, 200);
    assert_eq!(gateway.get("/", &[]).status, 302);
    gateway.apply(&config);
    assert_eq!(gateway.get("/state", &[]).json()["state"], "up");
    assert_eq!(gateway.get("/", &[]).status, 200);
}
