//! Testers enter the site while it is down, by a link or by their secret.

use downtime::clock;
use jiff::SignedDuration;
use libtest_mimic::Trial;
use serde_json::json;

use super::devtools::Tab;
use super::site::Site;
use super::{down, trial};
use crate::support::process::GatewayProcess;

/// With a character that links encode.
const SECRET: &str = "secret/of the testers";
const HASH: &str = "sha256:f1ae4deca872be80d989d237707b925d5556443dd2aa3239fe3c4d279186abb5";
const IS_SITE: &str = "document.title === 'The site'";
pub(super) const IS_REFUSED: &str = "document.querySelector('[role=alert]') !== null";
const ALERT: &str = "document.querySelector('[role=alert]')?.innerText ?? ''";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_link_lets_a_tester_in_and_its_secret_is_shown_nowhere", a_link_lets_a_tester_in),
        trial("a_wrong_secret_is_refused_and_another_one_asked_for", a_wrong_secret_is_refused),
        trial("without_scripts_a_tester_enters_the_secret", without_scripts_a_tester_enters_the_secret),
    ]
}

/// Starts a gateway in front of a site that is down, with a bypass.
pub(super) fn gateway(site: &Site) -> GatewayProcess {
    let until = clock::now() + SignedDuration::from_hours(1);
    let bypass = format!("[[bypass]]\nname = \"qa\"\nhash = \"{HASH}\"\nuntil = {until}\n");
    GatewayProcess::start(&(site.section() + &down("") + &bypass))
}

/// Enters a secret in the page that asks for it.
fn enter(tab: &mut Tab<'_>, secret: &str) {
    tab.leave_by(&format!(
        "document.querySelector('#secret').value = '{secret}'; document.querySelector('button').click()"
    ));
}

fn a_link_lets_a_tester_in(tab: &mut Tab<'_>) {
    let site = Site::start();
    let gateway = gateway(&site);
    for (target, opened) in [("/.downtime/enter", "/"), ("/.downtime/enter?next=/a", "/a")] {
        tab.call("Network.clearBrowserCookies", &json!({}));
        tab.open(&gateway.url("/"));
        assert_eq!(tab.title(), "Down for planned maintenance");
        tab.follow(&gateway.url(&format!("{target}#secret%2Fof%20the%20testers")), IS_SITE);
        assert_eq!(tab.evaluate("[location.href, document.title]"), json!([gateway.url(opened), "The site"]));
        assert_eq!(tab.evaluate("document.cookie"), "", "scripts of the site cannot read the secret");
        let history = tab.call("Page.getNavigationHistory", &json!({}))["entries"].to_string();
        assert!(history.contains(opened) && !history.contains('#'), "{history}");
        assert_eq!(site.requests(), [format!("GET {opened}")]);
    }
}

fn a_wrong_secret_is_refused(tab: &mut Tab<'_>) {
    let site = Site::start();
    let gateway = gateway(&site);
    tab.follow(&gateway.url("/.downtime/enter#wrong"), IS_REFUSED);
    let refusal = "This secret is not valid. It may be over: ask for a new link.";
    assert_eq!(tab.evaluate(ALERT), refusal);
    assert_eq!(tab.evaluate("document.querySelector('#secret').value"), "");
    enter(tab, "wrong too");
    assert_eq!(tab.evaluate(ALERT), refusal);
    assert_eq!(site.requests(), [""; 0]);
    // A browser reports the status by itself.
    let complaints = tab.complaints();
    assert!(complaints.iter().all(|complaint| complaint.contains("403 (Forbidden)")), "{complaints:?}");
    // A link in the same tab, which loads no page by itself.
    tab.leave_by("location.hash = 'secret%2Fof%20the%20testers'");
    assert_eq!((tab.title().as_str(), site.requests()), ("The site", vec!["GET /".to_owned()]));
    assert_eq!(tab.evaluate("location.href"), gateway.url("/"));
}

fn without_scripts_a_tester_enters_the_secret(tab: &mut Tab<'_>) {
    let site = Site::start();
    let gateway = gateway(&site);
    tab.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    tab.open(&gateway.url("/.downtime/enter#secret"));
    assert_eq!((tab.title().as_str(), tab.evaluate(ALERT)), ("Enter the site", json!("")));
    enter(tab, SECRET);
    assert_eq!((tab.title().as_str(), site.requests()), ("The site", vec!["GET /".to_owned()]));
}
