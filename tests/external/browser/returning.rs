//! The page brings visitors back to the site.

use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;

use super::devtools::{Answer, Tab};
use super::site::Site;
use super::{down, trial};
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::until;

/// In this time, a visible page has asked for the state at least once, and a page that may leave has left.
const ASKED: Duration = Duration::from_secs(65);

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_link_that_works_once_is_used_once", a_link_that_works_once_is_used_once),
        trial("a_url_with_a_fragment_is_opened_again", a_url_with_a_fragment_is_opened_again),
        trial("the_example_templates_return_too", the_example_templates_return_too),
        trial("the_page_asks_about_its_own_path_and_method", the_page_asks_about_its_own_path_and_method),
        trial("only_the_gateway_says_that_the_site_is_back", only_the_gateway_says_that_the_site_is_back),
        trial("a_page_that_comes_back_to_a_down_page_waits_longer_each_time", waits_longer_each_time),
        trial("a_page_asks_at_least_once_a_minute_and_less_often_while_hidden", asks_less_often_while_hidden),
        trial(
            "a_hidden_tab_says_that_the_site_is_back_and_opens_it_once_shown",
            a_hidden_tab_opens_it_once_shown,
        ),
        trial("a_page_that_a_visitor_goes_back_to_opens_the_site", a_visitor_goes_back),
        trial("without_a_status_path_the_page_only_offers_a_link", without_a_status_path),
        trial("without_scripts_the_page_reloads_every_minute", without_scripts),
    ]
}

fn up() -> Answer {
    state(r#"{"state":"up","until":null,"retry_after":1,"message":null,"next":null,"reachable":true}"#)
}

fn state(json: &str) -> Answer {
    Answer::Of(200, "application/json", json.to_owned())
}

fn a_link_that_works_once_is_used_once(tab: &mut Tab<'_>) {
    let site = Site::start();
    let gateway = GatewayProcess::start(&(site.section() + &down("")));
    tab.open(&gateway.url("/confirm?token=secret"));
    tab.advance(5 * ASKED);
    assert_eq!((tab.title().as_str(), site.requests()), ("Down for planned maintenance", vec![]));
    gateway.apply(&site.section());
    tab.advance(ASKED);
    assert_eq!(tab.title(), "The site");
    tab.advance(5 * ASKED);
    assert_eq!(site.requests(), ["GET /confirm?token=secret"]);
}

fn a_url_with_a_fragment_is_opened_again(tab: &mut Tab<'_>) {
    let site = Site::start();
    let gateway = GatewayProcess::start(&(site.section() + &down("")));
    tab.open(&gateway.url("/guide#part"));
    gateway.apply(&site.section());
    tab.advance(ASKED);
    assert_eq!((tab.title(), site.requests()), ("The site".to_owned(), vec!["GET /guide".to_owned()]));
    assert_eq!(tab.evaluate("location.hash"), "#part");
}

fn the_example_templates_return_too(tab: &mut Tab<'_>) {
    let site = Site::start();
    for name in ["minimal", "terminal"] {
        let directory = ConfigDirectory::with(&(site.section() + &down("template = \"page.html\"")));
        let source = format!("{}/templates/{name}.html", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(source, directory.join("page.html")).expect("copied");
        let gateway = GatewayProcess::on(directory);
        tab.open(&gateway.url("/a"));
        assert!(tab.text().contains("Down for planned maintenance"), "{name}");
        gateway.apply(&site.section());
        tab.advance(ASKED);
        assert_eq!(tab.title(), "The site", "{name}");
    }
    assert_eq!(site.requests(), ["GET /a"; 2]);
}

fn the_page_asks_about_its_own_path_and_method(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(&down(""));
    tab.open(&gateway.url("/a%20b/?q=1&_method=put#f"));
    let mut asked = Vec::new();
    tab.advance_with(ASKED, &mut |url| {
        asked.push(url.to_owned());
        Answer::Gateway
    });
    assert!(!asked.is_empty());
    asked.dedup();
    assert_eq!(asked, [gateway.url("/.downtime/status?path=%2Fa%2520b%2F%3F_method%3Dput&method=GET")]);
}

fn only_the_gateway_says_that_the_site_is_back(tab: &mut Tab<'_>) {
    let site = Site::start();
    let gateway = GatewayProcess::start(&(site.section() + &down("")));
    tab.open(&gateway.url("/"));
    assert_eq!(opened(tab), 1);
    let mut asked = 0;
    tab.advance_with(10 * ASKED, &mut |_| {
        asked += 1;
        match asked % 6 {
            0 => Answer::Disconnect,
            1 => Answer::Of(200, "text/html", "<h1>Log in</h1>".into()),
            2 => Answer::Of(200, "application/json", r#"{"state":"fine"}"#.into()),
            3 => state(r#"{"state":"up","until":null,"retry_after":1,"message":null,"next":null,"reachable":false}"#),
            4 => state("null"),
            _ => state(r#"{"state":"down","until":null,"retry_after":1,"message":null,"next":null,"reachable":true}"#),
        }
    });
    assert!(asked >= 6, "{asked}");
    // A browser reports these failures by itself.
    tab.complaints();
    tab.advance_with(ASKED, &mut |_| Answer::Of(502, "application/json", r#"{"state":"up"}"#.into()));
    // The page that it would come back to looks the same.
    assert_eq!(opened(tab), 0);
    tab.complaints();
    gateway.apply(&site.section());
    tab.advance(ASKED);
    assert_eq!((tab.title().as_str(), site.requests()), ("The site", vec!["GET /".to_owned()]));
}

/// Returns the number of times that a page was opened since the last call.
fn opened(tab: &mut Tab<'_>) -> usize {
    let requests = tab.take_events("Network.requestWillBeSent").into_iter();
    requests.filter(|event| event["params"]["type"] == "Document").count()
}

/// The status path says `up`, and the site is down: so it may be for a visitor whose request a period covers by something
/// that the page does not know.
fn waits_longer_each_time(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(&down(""));
    tab.open(&gateway.url("/loop"));
    let mut waits = Vec::new();
    for _ in 0..300 {
        tab.advance_with(Duration::from_secs(1), &mut |_| up());
        let wait = tab.evaluate("JSON.parse(sessionStorage.downtime ?? '{}').wait ?? -1");
        if waits.last() != Some(&wait) {
            waits.push(wait);
        }
    }
    assert_eq!(waits, [-1, 0, 5000, 10000, 20000, 40000, 60000].map(Value::from));
    let opened = opened(tab);
    assert!((7..=9).contains(&opened), "{opened}");
    tab.open(&gateway.url("/other"));
    tab.advance_with(Duration::from_secs(5), &mut |_| up());
    assert_eq!(tab.evaluate("JSON.parse(sessionStorage.downtime).wait"), 0);
}

fn asks_less_often_while_hidden(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(&down(""));
    tab.open(&gateway.url("/"));
    let count = |tab: &mut Tab<'_>, time: Duration| {
        tab.advance(time);
        questions(tab)
    };
    assert_eq!(count(tab, Duration::from_secs(5)), 1);
    let visible = count(tab, Duration::from_mins(20));
    assert!((20..=60).contains(&visible), "{visible} in 20 minutes");
    tab.hide();
    let hidden = count(tab, Duration::from_mins(20));
    assert!((4..=5).contains(&hidden), "{hidden} in 20 minutes");
    tab.show();
    until("question", || (questions(tab) == 1).then_some(()));
    // The page asks again only after the answer, which this waits for.
    tab.advance(Duration::ZERO);
    for event in ["new Event('online')", "new PageTransitionEvent('pageshow', { persisted: true })"] {
        tab.evaluate(&format!("dispatchEvent({event})"));
        until("question", || (questions(tab) == 1).then_some(()));
        tab.advance(Duration::ZERO);
    }
}

/// Returns the number of requests to the status path since the last call.
fn questions(tab: &mut Tab<'_>) -> usize {
    let requests = tab.take_events("Network.requestWillBeSent").into_iter();
    let urls = requests.filter_map(|event| event["params"]["request"]["url"].as_str().map(str::to_owned));
    urls.filter(|url| url.contains("/.downtime/status?")).count()
}

fn a_hidden_tab_opens_it_once_shown(tab: &mut Tab<'_>) {
    let site = Site::start();
    let gateway = GatewayProcess::start(&(site.section() + &down("")));
    tab.open(&gateway.url("/"));
    tab.hide();
    gateway.apply(&site.section());
    tab.advance(Duration::from_mins(6));
    assert_eq!((tab.title().as_str(), site.requests()), ("The site is back", vec![]));
    tab.show();
    tab.wait_until_loaded();
    assert_eq!((tab.title().as_str(), site.requests()), ("The site", vec!["GET /".to_owned()]));
}

fn a_visitor_goes_back(tab: &mut Tab<'_>) {
    let site = Site::start();
    let config = format!("{}[exempt]\nexact = [\"/elsewhere\"]\n", site.section());
    let gateway = GatewayProcess::start(&(config.clone() + &down("")));
    tab.open(&gateway.url("/a"));
    tab.open(&gateway.url("/elsewhere"));
    gateway.apply(&config);
    tab.evaluate("history.back()");
    // The page comes from the back/forward cache and asks at once, or the browser asks for it again.
    let shown = "location.pathname + ' ' + document.title";
    until("site", || tab.evaluate_unless_leaving(shown).filter(|shown| shown == "/a The site"));
    assert_eq!(
        (tab.title().as_str(), site.requests()),
        ("The site", vec!["GET /elsewhere".into(), "GET /a".into()])
    );
}

fn without_a_status_path(tab: &mut Tab<'_>) {
    let site = Site::start();
    let config = format!("{}[server]\nstatus_path = false\n", site.section());
    let gateway = GatewayProcess::start(&(config.clone() + &down("")));
    tab.open(&gateway.url("/a"));
    gateway.apply(&config);
    tab.advance(10 * ASKED);
    assert!(!tab.text().contains("checks"), "{}", tab.text());
    assert_eq!((tab.title().as_str(), site.requests()), ("Down for planned maintenance", vec![]));
    tab.leave_by("document.querySelector('#open').click()");
    assert_eq!((tab.title().as_str(), site.requests()), ("The site", vec!["GET /a".to_owned()]));
}

fn without_scripts(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(&down(""));
    tab.call("Emulation.setScriptExecutionDisabled", &serde_json::json!({ "value": true }));
    tab.open(&gateway.url("/a"));
    let text = tab.text();
    assert!(text.contains("This page reloads") && !text.contains("This page checks"), "{text}");
    assert_eq!(tab.evaluate("document.querySelector('meta[http-equiv=refresh]').content"), "60");
}
