//! The admin page, as operators use it.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use serde_json::json;

use super::accessibility::{Checker, with_axe};
use super::devtools::Tab;
use super::{in_browser, trial};
use crate::debian;
use crate::support::admin::{RunningAdminPage, SECTIONS, WRITER};
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime};
use crate::support::until;

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
    vec![
        trial("an_operator_leads_a_downtime_from_its_plan_to_its_end", leads_a_downtime),
        trial("what_an_operator_typed_survives_the_save_of_somebody_else", survives_another_save),
        Trial::ignorable_test("browser::a_save_of_vim_while_a_form_is_open_is_noticed", || {
            debian::with(&[("vim", "vim")], || in_browser("en", save_of_vim).map(drop))
        }),
        trial("a_link_for_testers_opens_the_site", link_for_testers),
        trial("the_admin_page_fits_a_narrow_screen", fits_a_narrow_screen),
        Trial::ignorable_test(
            "browser::pages_of_other_sites_can_neither_send_a_form_nor_frame_the_admin_page",
            || in_browser("en", pages_of_other_sites),
        ),
        Trial::ignorable_test("browser::axe_finds_nothing_in_the_admin_page", || with_axe(every_page)),
    ]
}

fn start(tab: &mut Tab<'_>, periods: &str) -> (GatewayProcess, RunningAdminPage) {
    let gateway = GatewayProcess::start(&format!("{SECTIONS}{MANAGEMENT}{periods}"));
    let admin = RunningAdminPage::on(&gateway.directory);
    tab.release_clock();
    let fields = json!({ "headers": { "Authorization": format!("Bearer {WRITER}") } });
    tab.call("Network.setExtraHTTPHeaders", &fields);
    (gateway, admin)
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
    tab.call("Network.setExtraHTTPHeaders", &json!({ "headers": {} }));
    log_in(tab, &gateway, &admin);
    assert!(tab.text().contains("The site is up\n"), "{}", tab.text());
    click(tab, "a[href='/periods/new']");
    fill(tab, &[("start", "2020-01-01T00:00"), ("name", "db"), ("message", "Back soon.")]);
    click(tab, "button[value=check]");
    assert!(tab.text().contains("The file would be valid"), "{}", tab.text());
    click(tab, "button[value=save]");
    assert!(
        tab.text().contains("Planned \"db\"") && tab.text().contains("Applied by the gateway"),
        "{}",
        tab.text()
    );
    assert_eq!(gateway.get("/", &[]).status, 503);
    assert!(tab.text().contains("The site is down\n"), "{}", tab.text());
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

/// Opens the link that `downtime admin link` prints.
fn log_in(tab: &mut Tab<'_>, gateway: &GatewayProcess, admin: &RunningAdminPage) {
    let mut command = downtime(&gateway.directory);
    let site = url(admin.address, "");
    command.args(["admin", "link", "--site", &site]).stdout(Stdio::piped()).stderr(Stdio::null());
    let output = command.output().expect("run").stdout;
    let link = String::from_utf8(output).expect("text");
    tab.call("Page.navigate", &json!({ "url": link.trim() }));
    until("the overview", || tab.title().contains("The site is up").then_some(()));
}

fn survives_another_save(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    tab.open(&url(admin.address, "/periods/upgrade"));
    fill(tab, &[("message", "Typed with care."), ("hosts", "shop.example.com")]);
    let mut command = downtime(&gateway.directory);
    let other = ["start", "--name", "other", "--at", "2999-01-01T00:00:00Z"];
    assert!(command.args(other).status().expect("run").success());
    click(tab, "button[value=save]");
    assert!(tab.text().contains("\"other\" was added"), "{}", tab.text());
    click(tab, "button[value=save]");
    assert!(tab.text().contains("Changed \"upgrade\": hosts, message"), "{}", tab.text());
    let text = std::fs::read_to_string(gateway.directory.join("downtime.toml")).expect("read");
    assert!(
        text.contains("Typed with care.") && text.contains("\"other\"") && text.contains("Bald zurück."),
        "{text}"
    );
}

fn save_of_vim(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    tab.open(&url(admin.address, "/periods/upgrade"));
    fill(tab, &[("message", "Typed with care.")]);
    let edit = [
        "-Nu",
        "NONE",
        "-i",
        "NONE",
        "-es",
        "-c",
        "%s/for = \"2h\"/for = \"3h\"/",
        "-c",
        "wq",
        "downtime.toml",
    ];
    let status = Command::new("vim").args(edit).current_dir(gateway.directory.path()).status();
    assert!(status.expect("vim").success());
    click(tab, "button[value=save]");
    assert!(tab.text().contains("\"patching\": `for` is now \"3h\""), "{}", tab.text());
    click(tab, "button[value=save]");
    assert!(tab.text().contains("Changed \"upgrade\": message"), "{}", tab.text());
    let text = std::fs::read_to_string(gateway.directory.join("downtime.toml")).expect("read");
    assert!(text.contains("Typed with care.") && text.contains("for = \"3h\""), "{text}");
}

fn link_for_testers(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, "[[period]]\nstart = 2020-01-01T00:00:00Z\n");
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
    let (_gateway, admin) = start(tab, BUSY);
    for width in [320, 360, 1280, 3840] {
        tab.set_width(width);
        for path in PATHS {
            tab.open(&url(admin.address, path));
            let scrolls = tab.evaluate("document.documentElement.scrollWidth > innerWidth");
            assert_eq!(scrolls, false, "{path} at {width}");
        }
    }
}

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
    let (_gateway, admin) = start(checker.tab, BUSY);
    for path in PATHS.into_iter().chain(["/nope"]) {
        checker.check(&url(admin.address, path), path);
    }
    // A form with errors.
    for path in ["/periods/new", "/bypasses", "/down"] {
        checker.tab.open(&url(admin.address, path));
        fill(checker.tab, &[("for", "long"), ("name", "upgrade")]);
        click(checker.tab, "button.primary");
        checker.check_opened(&format!("{path} with errors"));
    }
}

fn pages_of_other_sites(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    let before = std::fs::read_to_string(gateway.directory.join("downtime.toml")).expect("read");
    let attacker = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(attacker.join("public")).expect("a directory");
    let target = url(admin.address, "/periods/upgrade/delete");
    attacker.write(
        "public/form.html",
        &format!("<form method=post action='{target}'><button>Win</button></form>"),
    );
    attacker.write("public/frame.html", &format!("<iframe src='{}'></iframe>", url(admin.address, "/")));
    let attacker = GatewayProcess::on(attacker);
    let page = |name: &str| format!("http://localhost:{}/{name}", attacker.address.port());
    tab.open(&page("form.html"));
    click(tab, "button");
    assert!(tab.text().contains("another site"), "{}", tab.text());
    tab.open(&page("frame.html"));
    let complaints = tab.complaints().join("\n");
    assert!(complaints.contains("frame-ancestors"), "{complaints}");
    let after = std::fs::read_to_string(gateway.directory.join("downtime.toml")).expect("read");
    assert_eq!(after, before);
}
