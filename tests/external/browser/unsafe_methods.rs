//! The answer to a request that sends something is never left without the visitor, and nothing is sent twice.

use std::time::Duration;

use libtest_mimic::Trial;

use super::devtools::Tab;
use super::site::Site;
use super::{down, trial};
use crate::support::process::GatewayProcess;
use crate::support::until;

const ASKED: Duration = Duration::from_secs(65);

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("what_was_sent_while_down_was_not_saved", what_was_sent_while_down_was_not_saved),
        trial("it_is_not_known_if_a_site_that_failed_saved_what_was_sent", not_known),
        trial("a_visitor_can_go_back_to_the_form", a_visitor_can_go_back_to_the_form),
    ]
}

/// Opens a form, and sends it by pressing its button.
fn send(tab: &mut Tab<'_>, gateway: &GatewayProcess) {
    tab.open(&gateway.url("/form"));
    tab.leave_by("document.querySelector('button').click()");
    assert_eq!(tab.evaluate("location.pathname + location.hash"), "/contact#form");
}

fn what_was_sent_while_down_was_not_saved(tab: &mut Tab<'_>) {
    let site = Site::start();
    let gateway = GatewayProcess::start(&(site.section() + &down("methods = [\"POST\"]")));
    send(tab, &gateway);
    let text = tab.text();
    assert!(text.contains("What you sent was not saved."), "{text}");
    assert!(text.contains("tells you when the site is back"), "{text}");
    tab.advance(2 * ASKED);
    gateway.apply(&site.section());
    tab.advance(5 * ASKED);
    assert_eq!(tab.title(), "The site is back");
    assert_eq!(tab.announced(), "The site is back");
    assert!(tab.text().contains("What you sent was not saved."), "{}", tab.text());
    assert_eq!(site.requests(), ["GET /form"]);
    tab.leave_by("[...document.links].find(link => link.textContent === 'Open the site').click()");
    assert_eq!((tab.title().as_str(), site.requests()), ("The site", vec!["GET /contact".to_owned()]));
}

fn not_known(tab: &mut Tab<'_>) {
    let (form, silent) = (Site::start(), Site::silent());
    let gateway = GatewayProcess::start(&form.section());
    tab.open(&gateway.url("/form"));
    gateway.apply(&silent.section());
    tab.leave_by("document.querySelector('button').click()");
    let text = tab.text();
    assert!(text.contains("We do not know if what you sent was saved."), "{text}");
    assert!(text.contains("This site is not responding") && !text.contains("maintenance"), "{text}");
    assert_eq!(silent.requests(), ["POST /contact"]);
}

fn a_visitor_can_go_back_to_the_form(tab: &mut Tab<'_>) {
    let site = Site::start();
    let gateway = GatewayProcess::start(&(site.section() + &down("methods = [\"POST\"]")));
    send(tab, &gateway);
    tab.evaluate("[...document.querySelectorAll('button')].find(button => button.innerText === 'Back to the form').click()");
    // The form may come from the back/forward cache, which loads nothing.
    until("form", || (tab.title() == "Form").then_some(()));
}
