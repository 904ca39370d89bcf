//! Redirects during downtime.

use super::{DOWN, period};
use crate::support::process::{ConfigDirectory, GatewayProcess};

const STATUS_PAGE: &str = "https://status.example.com/";

fn redirecting(to: &str) -> String {
    format!("[response]\nredirect = \"{to}\"\n{DOWN}")
}

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[test]
fn a_navigation_is_redirected() {
    let gateway = GatewayProcess::start(&redirecting(STATUS_PAGE));
    let mut client = gateway.connect();
    for (method, fields) in [
        ("GET", &[][..]),
        ("GET", &[BROWSER, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"]),
        ("HEAD", &[BROWSER]),
        ("GET", &["Accept: */*"]),
    ] {
        let response = client.request(method, "/any?query", fields);
        let mut fields = response.fields.clone();
        fields.retain(|(name, _)| name != "date");
        fields.sort();
        let expected = [
            ("cache-control", "no-store"),
            ("content-length", "0"),
            ("downtime", "planned"),
            ("location", STATUS_PAGE),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!((response.status, fields), (302, expected.to_vec()), "{method}");
    }
}

#[test]
fn a_request_that_is_not_a_navigation_is_never_redirected() {
    let gateway = GatewayProcess::start(&redirecting(STATUS_PAGE));
    let mut client = gateway.connect();
    for (method, fields, status, media_type) in [
        ("POST", &[BROWSER, "Content-Length: 0"][..], 503, Some("text/html; charset=utf-8")),
        ("PUT", &["Content-Length: 0"], 503, Some("text/html; charset=utf-8")),
        ("DELETE", &[], 503, Some("text/html; charset=utf-8")),
        ("OPTIONS", &[], 503, Some("text/html; charset=utf-8")),
        (
            "POST",
            &["Content-Type: application/json", "Accept: application/json", "Content-Length: 0"],
            503,
            Some("application/problem+json"),
        ),
        ("GET", &["Accept: application/json"], 503, Some("application/problem+json")),
        ("GET", &["Accept: application/vnd.api+json"], 503, Some("application/problem+json")),
        (
            "GET",
            &["Accept: */*", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"],
            503,
            Some("application/problem+json"),
        ),
        ("GET", &["Accept: */*", "Sec-Fetch-Dest: json"], 503, Some("application/problem+json")),
        ("GET", &["Accept: */*", "Origin: https://app.example"], 503, Some("text/html; charset=utf-8")),
        ("GET", &["Accept: */*", "X-Requested-With: XMLHttpRequest"], 503, Some("application/problem+json")),
        (
            "GET",
            &["Accept: image/avif,*/*;q=0.8", "Sec-Fetch-Dest: image", "Sec-Fetch-Mode: no-cors"],
            503,
            None,
        ),
        ("GET", &["Accept: text/plain"], 503, Some("text/plain; charset=utf-8")),
        ("OPTIONS", &["Origin: https://app.example", "Access-Control-Request-Method: PUT"], 204, None),
    ] {
        let response = client.request(method, "/", fields);
        assert_eq!((response.status, response.field("location")), (status, None), "{method} {fields:?}");
        assert_eq!(response.field("content-type"), media_type, "{method} {fields:?}");
        assert_eq!(response.downtime(), Some("planned"), "{method} {fields:?}");
    }
}

#[test]
fn the_target_of_a_redirect_passes() {
    let gateway = GatewayProcess::start(&redirecting("/sorry?why=down"));
    for (target, status) in [
        ("/", 302),
        ("/sorry", 200),
        ("/sorry?any", 200),
        ("/s%6frry", 200),
        ("http://site.example/sorry", 200),
        ("/sorry/", 200),
        ("/sorry/x", 302),
        ("//sorry", 302),
        ("/x/../sorry", 302),
        ("/SORRY", 302),
    ] {
        let response = gateway.get(target, &[]);
        assert_eq!(response.status, status, "{target}");
        assert_eq!(response.field("location"), (status == 302).then_some("/sorry?why=down"), "{target}");
    }
}

#[test]
fn a_redirect_to_a_directory_of_the_site_does_not_loop() {
    let directory = ConfigDirectory::with("");
    std::fs::create_dir_all(directory.join("root/down")).unwrap();
    directory.write("root/down/index.html", "<p>down</p>");
    let gateway = GatewayProcess::on(directory);
    for redirect in ["/down", "/down/"] {
        gateway.apply(&format!("[site]\nroot = \"root\"\n{}", redirecting(redirect)));
        let mut target = "/".to_owned();
        let mut redirects = 0;
        let page = loop {
            let response = gateway.get(&target, &[]);
            match response.field("location") {
                Some(location) if redirects < 5 => target = location.to_owned(),
                _ => break response,
            }
            redirects += 1;
        };
        assert_eq!(
            (page.status, page.text()),
            (200, "<p>down</p>"),
            "{redirect}: {target} after {redirects} redirects"
        );
    }
}

#[test]
fn a_redirect_to_the_forwarded_host_of_a_trusted_proxy_does_not_loop() {
    let trusting = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let site = redirecting("https://site.example/sorry");
    let gateway = GatewayProcess::start(&format!("{trusting}{site}"));
    let host = "Host: 10.0.0.1:8503";
    for (forwarded, status) in [
        (&["X-Forwarded-Host: site.example"][..], 503),
        (&["X-Forwarded-Host: other.example, SITE.example:443"], 503),
        (&["X-Forwarded-Host: other.example", "X-Forwarded-Host: site.example."], 503),
        (&["X-Forwarded-Host: other.example"], 302),
        (&[], 302),
    ] {
        let response = gateway.get("/sorry", &[&[host], forwarded].concat());
        assert_eq!(response.status, status, "{forwarded:?}");
    }
    gateway.apply(&site);
    assert_eq!(
        gateway.get("/sorry", &[host, "X-Forwarded-Host: site.example"]).status,
        302,
        "without trusted proxies"
    );
}

#[test]
fn an_absolute_redirect_to_the_requested_url_gives_the_page_and_never_exempts() {
    let gateway = GatewayProcess::start(&redirecting("https://site.example/sorry"));
    for (target, host, status) in [
        ("/sorry", "Host: site.example", 503),
        ("/sorry?x", "Host: SITE.example.:8503", 503),
        ("http://site.example/sorry", "Host: other.example", 503),
        ("/sorry", "Host: other.example", 302),
        ("http://other.example/sorry", "Host: site.example", 302),
        ("/", "Host: site.example", 302),
    ] {
        let response = gateway.get(target, &[host]);
        assert_eq!((response.status, response.downtime()), (status, Some("planned")), "{target} {host}");
    }
}

#[test]
fn a_period_overrides_the_redirect_and_its_template_wins_over_it() {
    let directory = ConfigDirectory::with("");
    directory.write("own.html", "<p>own</p>");
    let gateway = GatewayProcess::on(directory);
    for (more, status, location) in [
        ("", 302, Some(STATUS_PAGE)),
        ("redirect = \"/sorry\"", 302, Some("/sorry")),
        ("redirect = false", 503, None),
        ("template = \"own.html\"", 503, None),
    ] {
        gateway.apply(&format!("{}{more}", redirecting(STATUS_PAGE)));
        let response = gateway.get("/", &[]);
        assert_eq!((response.status, response.field("location")), (status, location), "{more}");
        assert_eq!(response.text().contains("<p>own</p>"), more.contains("own.html"), "{more}");
    }
}

#[test]
fn only_the_redirect_of_the_deciding_period_applies() {
    let (short, long) =
        (period(-60, 3600, "redirect = \"/short\""), period(-60, 7200, "redirect = \"/long\""));
    let gateway = GatewayProcess::start(&[short, long].concat());
    assert_eq!(gateway.get("/", &[]).field("location"), Some("/long"));
    assert_eq!(gateway.get("/long", &[]).status, 200);
    assert_eq!(gateway.get("/short", &[]).field("location"), Some("/long"));
}
