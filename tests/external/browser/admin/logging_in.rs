//! The pages at which operators log in.

use libtest_mimic::Trial;
use serde_json::json;

use super::{BUSY, IS_OVERVIEW, click, fill, link, start, url};
use crate::browser::accessibility::{Checker, with_axe};
use crate::browser::devtools::Tab;
use crate::browser::trial;
use crate::support::admin::PASSWORD;

const ALERT: &str = "document.querySelector('[role=alert]')?.innerText ?? ''";
const IS_REFUSED: &str = "document.querySelector('[role=alert]') !== null";
const LINK_IS_OVER: &str = "The link is not valid: it may be over, or used already";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_password_opens_the_page_that_was_asked_for", password),
        trial("a_wrong_password_and_an_unknown_name_look_alike", wrong_password),
        trial("a_link_logs_an_operator_in_once_and_its_secret_stays_in_no_history", link_once),
        trial("without_scripts_an_operator_pastes_the_link", pasted_link),
        trial("a_form_that_was_sent_after_the_session_can_be_sent_again", lost_session),
        Trial::ignorable_test("browser::axe_finds_nothing_in_the_pages_at_which_operators_log_in", || {
            with_axe(every_page)
        }),
    ]
}

/// Sends the form of the login page.
fn enter(tab: &mut Tab<'_>, name: &str, password: &str) {
    fill(tab, &[("name", name), ("password", password)]);
    click(tab, "button");
}

fn password(tab: &mut Tab<'_>) {
    let (_gateway, admin) = start(tab, BUSY);
    tab.open(&url(admin.address, "/periods/upgrade"));
    assert_eq!(tab.title(), "Log in · downtime");
    enter(tab, "ann", PASSWORD);
    assert_eq!(tab.evaluate("location.pathname"), "/periods/upgrade");
    assert_eq!(tab.evaluate("document.cookie"), "", "no script can read the session");
    click(tab, ".bar form button");
    assert_eq!(tab.title(), "Log in · downtime");
    tab.open(&url(admin.address, "/periods/upgrade"));
    assert_eq!(tab.title(), "Log in · downtime", "the session is over");
}

fn wrong_password(tab: &mut Tab<'_>) {
    let (_gateway, admin) = start(tab, BUSY);
    let refusals = [("ann", "wrong"), ("eve", PASSWORD), ("eve", "wrong")].map(|(name, password)| {
        tab.open(&url(admin.address, "/periods"));
        enter(tab, name, password);
        tab.evaluate("document.documentElement.outerHTML")
    });
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(refusals[0], refusals[2]);
    assert_eq!(tab.evaluate(ALERT), "The name or the password is wrong");
    assert_eq!(tab.evaluate("document.getElementById('password').value"), "");
    enter(tab, "ann", PASSWORD);
    assert_eq!(tab.evaluate("location.pathname"), "/periods", "the page that was asked for at first");
}

fn link_once(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    let link = link(&gateway, &admin);
    let secret = link.rsplit_once('#').expect("a secret").1;
    tab.follow(&link, IS_OVERVIEW);
    assert_eq!(tab.evaluate("[location.href, document.cookie]"), json!([url(admin.address, "/"), ""]));
    let history = tab.call("Page.getNavigationHistory", &json!({}))["entries"].to_string();
    assert!(history.contains(&url(admin.address, "/")) && !history.contains(secret), "{history}");
    tab.call("Network.clearBrowserCookies", &json!({}));
    tab.follow(&link, IS_REFUSED);
    assert_eq!(tab.evaluate(ALERT), LINK_IS_OVER);
    let page = tab.evaluate("location.href + document.documentElement.outerHTML");
    assert!(!page.as_str().expect("text").contains(secret), "{page}");
}

fn pasted_link(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    tab.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    tab.open(&url(admin.address, "/link"));
    fill(tab, &[("secret", "wrong")]);
    click(tab, "button");
    assert_eq!(tab.evaluate(ALERT), LINK_IS_OVER);
    fill(tab, &[("secret", &link(&gateway, &admin))]);
    click(tab, "button");
    assert_eq!(tab.evaluate(IS_OVERVIEW), true);
}

/// The operator logs in in another tab meanwhile.
fn lost_session(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    super::log_in(tab, &gateway, &admin);
    tab.open(&url(admin.address, "/periods/upgrade"));
    fill(tab, &[("message", "Typed with care.")]);
    tab.call("Network.clearBrowserCookies", &json!({}));
    click(tab, "button[value=save]");
    assert!(tab.text().contains("What you sent is not lost"), "{}", tab.text());
    {
        let mut second = tab.open_beside(&url(admin.address, "/login"));
        enter(&mut second, "ann", PASSWORD);
    }
    tab.leave_by("location.reload()");
    assert!(tab.text().contains("Changed \"upgrade\": message"), "{}", tab.text());
}

/// Also what they show after a mistake, and to the sender of a form whose session is over.
fn every_page(checker: &mut Checker<'_, '_>) {
    let (_gateway, admin) = start(checker.tab, BUSY);
    for path in ["/login", "/link", "/periods"] {
        checker.check(&url(admin.address, path), path);
    }
    checker.check_schemes("/login, refusing", |tab| {
        tab.open(&url(admin.address, "/login"));
        enter(tab, "eve", "wrong");
    });
    checker
        .check_schemes("/link, refusing", |tab| tab.follow(&url(admin.address, "/link#wrong"), IS_REFUSED));
    checker.check_schemes("a form without a session", |tab| {
        tab.open(&url(admin.address, "/login"));
        tab.leave_by("document.forms[0].action = '/periods'; document.forms[0].noValidate = true; document.forms[0].submit()");
    });
}
