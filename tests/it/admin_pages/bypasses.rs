//! Links for testers.

use downtime::matching::bypass::SecretHash;

use super::{admin, file, gateway};
use crate::support::admin::{RunningAdminPage, SECTIONS};
use crate::support::process::ConfigDirectory;
use crate::support::until;

#[test]
fn the_link_is_shown_once_and_lets_testers_in_until_the_bypass_ends() {
    let (gateway, admin) = gateway("[[period]]\nstart = 2020-01-01T00:00:00Z\n");
    let fields =
        [("for", "2h"), ("name", "qa"), ("site", "https://shop.example.com"), ("hosts", ""), ("paths", "")];
    let (status, page) = admin.submit("/bypasses", "/bypasses", &fields);
    assert_eq!(status, 200, "{page}");
    let link = page
        .split("https://shop.example.com/.downtime/enter#")
        .nth(1)
        .or_else(|| page.split("enter#").nth(1));
    let secret = link.and_then(|rest| rest.split('<').next()).expect("a link").to_owned();
    assert_eq!(secret.len(), 43, "{page}");
    assert!(!file(&gateway.directory).contains(&secret) && !admin.open("/bypasses").1.contains(&secret));
    let field = format!("Downtime-Bypass: {secret}");
    assert_eq!(gateway.get("/", &[&field]).status, 200);
    assert_eq!(gateway.get("/", &[]).status, 503);
    let logged = admin.process.log.wait_for("lets testers in until");
    assert!(!logged.contains(&secret), "{logged}");
    let (status, page) = admin.submit("/bypasses/qa/end", "/bypasses/qa/end", &[]);
    assert!(status == 303 && page.contains("&quot;qa&quot; lets nobody in any more"), "{page}");
    until("way out", || (gateway.get("/", &[&field]).status == 503).then_some(()));
}

#[test]
fn what_a_bypass_cannot_be_is_said_at_its_field() {
    let (directory, admin) = admin("");
    let before = file(&directory);
    for (fields, field) in [
        (vec![("for", "31days")], "for"),
        (vec![("for", "long")], "for"),
        (vec![("for", "1h"), ("site", "shop.example.com")], "site"),
    ] {
        let (status, page) = admin.submit("/bypasses", "/bypasses", &fields);
        assert_eq!(status, 422);
        assert!(page.contains(&format!("<a href=\"#{field}\">")), "{page}");
    }
    assert_eq!(file(&directory), before);
}

#[test]
fn a_bypass_without_a_name_is_listed_with_its_line_and_file() {
    let directory = ConfigDirectory::with(&format!("periods_file = \"periods.toml\"\n{SECTIONS}"));
    let hash = SecretHash::of(b"test");
    directory
        .write("periods.toml", &format!("[[bypass]]\nhash = \"{hash}\"\nuntil = 2020-01-01T00:00:00Z\n"));
    let admin = RunningAdminPage::on(&directory);
    let (_, page) = admin.open("/bypasses");
    assert!(page.contains("Without a name (line 1 of ") && page.contains("periods.toml)"), "{page}");
}
