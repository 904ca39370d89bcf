//! Proxies in front of the page: single sign-on, https, and the hosts that they report.

use super::AdminProcess;

const TRUSTED: &str = "trusted_proxies = [\"127.0.0.1\"]\nuser_header = \"Remote-User\"\n";

#[test]
fn a_trusted_proxy_names_the_operator_and_nobody_else_does() {
    let trusted = AdminProcess::start(TRUSTED, &[]);
    for (fields, expected) in [
        (&["Remote-User: ann"][..], 200),
        (&["remote-user: Ann Example"], 200),
        (&["Remote-User: "], 401),
        (&["Remote-User: ann", "Remote-User: bob"], 400),
        (&["Remote-User: a\u{202e}b"], 400),
        (&["Remote_User: ann"], 401),
        (&[], 401),
    ] {
        assert_eq!(trusted.get("/", fields).status, expected, "{fields:?}");
    }
    for keys in [
        "user_header = \"Remote-User\"\n",
        "user_header = \"Remote-User\"\ntrusted_proxies = [\"192.0.2.1\", \"unix:\"]\n",
    ] {
        let untrusted = AdminProcess::start(keys, &[]);
        for path in ["/", "/login", "/link"] {
            assert_eq!(untrusted.get(path, &["Remote-User: ann"]).status, 400, "{path}");
        }
        assert_eq!(untrusted.get("/login", &[]).status, 200);
    }
}

#[test]
fn the_cookie_is_secure_over_https() {
    let admin = AdminProcess::start(TRUSTED, &[]);
    let enter = |admin: &AdminProcess, fields: &[&str]| {
        let secret = format!("secret={}", admin.link_secret());
        admin.post("/link", &secret, fields).field("set-cookie").unwrap().to_owned()
    };
    let secure = enter(&admin, &["X-Forwarded-Proto: https"]);
    assert!(secure.starts_with("__Host-downtime-admin="), "{secure}");
    assert!(secure.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{secure}");
    let field = format!("Cookie: {}", secure.split(';').next().unwrap());
    assert_eq!(admin.get("/", &[&field, "X-Forwarded-Proto: https"]).status, 200);
    assert_eq!(admin.get("/", &[&field]).status, 401, "over http it is another cookie");

    let plain = enter(&AdminProcess::start("", &[]), &["X-Forwarded-Proto: https"]);
    assert!(plain.starts_with("downtime-admin=") && plain.ends_with("SameSite=Strict"), "{plain}");
}

#[test]
fn each_host_that_a_proxy_reports_must_be_accepted() {
    let admin = AdminProcess::start(&format!("{TRUSTED}hosts = [\"ops.example.com\"]\n"), &[]);
    for (host, expected) in [("ops.example.com", 200), ("ops.example.com:8443", 200), ("evil.example", 421)] {
        let forwarded = format!("X-Forwarded-Host: {host}");
        assert_eq!(admin.get("/login", &[&forwarded]).status, expected, "{host}");
    }
}
