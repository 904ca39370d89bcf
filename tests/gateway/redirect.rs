//! Visitors that are sent elsewhere.

use crate::support::process::{Folder, Gateway};
use crate::{DOWN, period};

const ELSEWHERE: &str = "https://status.example.com/";

fn redirecting(to: &str) -> String {
    format!("[response]\nredirect = \"{to}\"\n{DOWN}")
}

#[test]
fn a_redirect_is_a_302_whatever_the_method() {
    let gateway = Gateway::start(&redirecting(ELSEWHERE));
    let mut client = gateway.connect();
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let response = client.request(method, "/any?query", &["Content-Length: 0"]);
        let mut fields = response.fields.clone();
        fields.retain(|(name, _)| name != "date");
        fields.sort();
        let expected = [
            ("cache-control", "no-store"),
            ("content-length", "0"),
            ("downtime", "planned"),
            ("location", ELSEWHERE),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!((response.status, fields), (302, expected.to_vec()), "{method}");
    }
}

#[test]
fn the_path_that_a_redirect_leads_to_passes() {
    let gateway = Gateway::start(&redirecting("/sorry?why=down"));
    for (target, status) in [
        ("/", 302),
        ("/sorry", 200),
        ("/sorry?any", 200),
        ("/s%6frry", 200),
        ("http://site.example/sorry", 200),
        ("/sorry/", 302),
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
fn an_absolute_redirect_to_the_request_itself_is_the_page_and_never_exempts() {
    let gateway = Gateway::start(&redirecting("https://site.example/sorry"));
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
fn a_period_redirects_elsewhere_or_not_at_all_and_its_template_beats_a_redirect() {
    let folder = Folder::with("");
    folder.write("own.html", "<p>own</p>");
    let gateway = Gateway::on(folder);
    for (more, status, location) in [
        ("", 302, Some(ELSEWHERE)),
        ("redirect = \"/sorry\"", 302, Some("/sorry")),
        ("redirect = false", 503, None),
        ("template = \"own.html\"", 503, None),
    ] {
        gateway.apply(&format!("{}{more}", redirecting(ELSEWHERE)));
        let response = gateway.get("/", &[]);
        assert_eq!((response.status, response.field("location")), (status, location), "{more}");
        assert_eq!(response.text().contains("<p>own</p>"), more.contains("own.html"), "{more}");
    }
}

#[test]
fn the_deciding_period_alone_says_where_to() {
    let (short, long) =
        (period(-60, 3600, "redirect = \"/short\""), period(-60, 7200, "redirect = \"/long\""));
    let gateway = Gateway::start(&[short, long].concat());
    assert_eq!(gateway.get("/", &[]).field("location"), Some("/long"));
    assert_eq!(gateway.get("/long", &[]).status, 200);
    assert_eq!(gateway.get("/short", &[]).field("location"), Some("/long"));
}
