//! The admin page, as operators use it.

mod logging_in;
mod other_sites;
mod saving;

use std::net::SocketAddr;
use std::process::Stdio;

use libtest_mimic::Trial;
use serde_json::json;

use super::accessibility::{Checker, with_axe};
use super::devtools::Tab;
use super::trial;
use crate::support::admin::{RunningAdminPage, SECTIONS, WRITER};
use crate::support::process::{GatewayProcess, downtime};
use crate::support::until;

const IS_OVERVIEW: &str = "location.pathname === '/' && document.querySelector('#timeline') !== null";
const MANAGEMENT: &str = "[management]\nlisten = \"unix:management.sock\"\n";

/// A file with something in each group of the overview, and with warnings.
const BUSY: &str = "\
[[period]]
name = \"upgrade\"
start = 2020-01-01T00:00:00Z
message = { en = \"Back soon.\", de = \"Bald zurück.\", ar = \"نعود قريبا\" }
paths = [\"/shop/**\"]

[[period]]
name = \"patching\"
cron = \"30 23 * * *\"
for = \"2h\"
except = [2026-12-26]

[[period]]
start = 2099-01-01T00:00:00Z
redirect = \"https://status.example.com/\"

[[period]]
name = \"old\"
start = 2020-01-01T00:00:00Z
end = 2020-01-02T00:00:00Z

[[period]]
name = \"off\"
start = 2020-01-01T00:00:00Z
enabled = false

[[bypass]]
name = \"qa\"
hash = \"sha256:7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a\"
until = 2099-01-01T00:00:00Z
";

pub(super) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("an_operator_leads_a_downtime_from_its_plan_to_its_end", leads_a_downtime),
        trial("a_link_for_testers_opens_the_site", link_for_testers),
        trial("the_admin_page_fits_a_narrow_screen", fits_a_narrow_screen),
        Trial::ignorable_test("browser::axe_finds_nothing_in_the_admin_page", || with_axe(every_page)),
    ];
    trials.extend(logging_in::trials());
    trials.extend(other_sites::trials());
    trials.extend(saving::trials());
    trials
}

/// Starts a gateway with its admin page. Nobody is logged in.
fn start(tab: &mut Tab<'_>, periods: &str) -> (GatewayProcess, RunningAdminPage) {
    let gateway = GatewayProcess::start(&format!("{SECTIONS}{MANAGEMENT}{periods}"));
    let admin = RunningAdminPage::on(&gateway.directory);
    tab.release_clock();
    (gateway, admin)
}

/// As [`start`]; each request of the tab brings a token.
fn start_with_token(tab: &mut Tab<'_>, periods: &str) -> (GatewayProcess, RunningAdminPage) {
    let started = start(tab, periods);
    let fields = json!({ "headers": { "Authorization": format!("Bearer {WRITER}") } });
    tab.call("Network.setExtraHTTPHeaders", &fields);
    started
}

/// Returns a new link that logs an operator in.
fn link(gateway: &GatewayProcess, admin: &RunningAdminPage) -> String {
    let mut command = downtime(&gateway.directory);
    let site = url(admin.address, "");
    command.args(["admin", "link", "--site", &site]).stdout(Stdio::piped()).stderr(Stdio::null());
    let link = String::from_utf8(command.output().expect("run").stdout).expect("text");
    link.trim_end().to_owned()
}

/// Logs in by a link, which opens the overview.
fn log_in(tab: &mut Tab<'_>, gateway: &GatewayProcess, admin: &RunningAdminPage) {
    tab.follow(&link(gateway, admin), IS_OVERVIEW);
}

/// Returns the text of the file.
fn file(gateway: &GatewayProcess) -> String {
    std::fs::read_to_string(gateway.directory.join("downtime.toml")).expect("read")
}

fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

/// Types into fields of the form.
fn fill(tab: &mut Tab<'_>, values: &[(&str, &str)]) {
    for (id, value) in values {
        tab.evaluate(&format!("document.getElementById({}).value = {}", json!(id), json!(value)));
    }
}

fn click(tab: &mut Tab<'_>, selector: &str) {
    tab.leave_by(&format!("document.querySelector({}).click()", json!(selector)));
}

fn leads_a_downtime(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, "");
    log_in(tab, &gateway, &admin);
    assert!(tab.text().contains("The site is up\n"), "{}", tab.text());
    click(tab, "a[href='/periods/new']");
    let times = [("start", "2020-01-01T00:00"), ("end", "2998-01-01T00:00")];
    fill(tab, &[&times[..], &[("name", "db"), ("message", "Back soon.")]].concat());
    click(tab, "button[value=check]");
    assert!(tab.text().contains("The file would be valid"), "{}", tab.text());
    click(tab, "button[value=save]");
    assert!(
        tab.text().contains("Planned \"db\"") && tab.text().contains("Applied by the gateway"),
        "{}",
        tab.text()
    );
    assert_eq!(gateway.get("/", &[]).status, 503);
    assert!(tab.text().contains("The site is down until"), "{}", tab.text());
    click(tab, "a[href='/periods/db/extend']");
    fill(tab, &[("until", "2999-01-01T00:00")]);
    click(tab, "button.primary");
    assert!(tab.text().contains("\"db\" now ends at 2999-01-01 00:00:00"), "{}", tab.text());
    click(tab, "h3 a[href='/periods/db']");
    fill(tab, &[("message", "Still at it.")]);
    click(tab, "button[value=save]");
    assert!(String::from_utf8_lossy(&gateway.get("/", &["Accept: text/html"]).body).contains("Still at it."));
    click(tab, ".ways a[href='/periods/db/end']");
    click(tab, "button.primary");
    assert!(tab.text().contains("The site is up\n"), "{}", tab.text());
    assert_eq!(gateway.get("/", &[]).status, 200);
    tab.open(&url(admin.address, "/periods/db/delete"));
    click(tab, "button.primary");
    assert!(tab.text().contains("Deleted \"db\""), "{}", tab.text());
    admin.process.log.wait_for(r#"deleted \"db\""#);
}

fn link_for_testers(tab: &mut Tab<'_>) {
    let (gateway, admin) = start_with_token(tab, "[[period]]\nstart = 2020-01-01T00:00:00Z\n");
    tab.open(&url(admin.address, "/bypasses"));
    fill(tab, &[("site", &gateway.url(""))]);
    click(tab, "button.primary");
    let link = tab.evaluate("document.querySelector('pre').textContent.trim()");
    let link = link.as_str().expect("a link").to_owned();
    tab.open(&gateway.url("/"));
    assert!(tab.title().contains("Down for"), "{}", tab.title());
    tab.call("Page.navigate", &json!({ "url": link }));
    until("the site", || {
        tab.title()
            .contains("Welcome")
            .then_some(())
            .or_else(|| (!tab.title().contains("Down for") && !tab.title().contains("Enter")).then_some(()))
    });
    assert!(!tab.title().contains("Down for"), "{}", tab.title());
}

fn fits_a_narrow_screen(tab: &mut Tab<'_>) {
    let whole = "[[period]]\nstart = 2020-01-01T00:00:00Z\nend = 2999-12-30T23:59:59Z\n";
    let name = format!("[[period]]\nname = \"{}\"\nstart = 2999-12-31T00:00:00Z\n", "long".repeat(25));
    let (_gateway, admin) = start_with_token(tab, &format!("{BUSY}{whole}{name}"));
    for width in [320, 360, 1280, 3840] {
        tab.set_width(width);
        for path in PATHS {
            tab.open(&url(admin.address, path));
            let scrolls = tab.evaluate("document.documentElement.scrollWidth > innerWidth");
            assert_eq!(scrolls, false, "{path} at {width}");
            assert_eq!(tab.evaluate(LABELS_FIT), true, "{path} at {width}");
        }
    }
}

/// True if no label of the timeline is wider than its column.
const LABELS_FIT: &str = "[...document.querySelectorAll('.days .head svg')].every(day => [...day.querySelectorAll('text')].every(
    text => text.getClientRects().length === 0 || text.getBBox().x + text.getBBox().width <= day.width.baseVal.value))";

/// The pages that differ in what they are made of.
const PATHS: [&str; 10] = [
    "/",
    "/periods",
    "/periods/new",
    "/periods/upgrade",
    "/periods/patching",
    "/periods/upgrade/extend",
    "/periods/upgrade/delete",
    "/down",
    "/bypasses",
    "/check",
];

fn every_page(checker: &mut Checker<'_, '_>) {
    let (_gateway, admin) = start_with_token(checker.tab, BUSY);
    for path in PATHS.into_iter().chain(["/nope"]) {
        checker.check(&url(admin.address, path), path);
    }
    for path in ["/periods/new", "/bypasses", "/down"] {
        checker.check_schemes(&format!("{path} with errors"), |tab| {
            tab.open(&url(admin.address, path));
            fill(tab, &[("for", "long"), ("name", "upgrade")]);
            click(tab, "button.primary");
        });
    }
}
