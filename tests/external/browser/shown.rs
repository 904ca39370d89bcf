//! What the page shows, and how that follows what the gateway says.

use std::time::Duration;

use downtime::page::language::Language;
use libtest_mimic::Trial;
use serde_json::json;

use super::devtools::{Answer, Tab};
use super::site::Site;
use super::{down, in_browser, trial, trial_in};
use crate::support::closed_port::ClosedPort;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::until;

/// A period whose end is far away, so that the clock of a tab can be put before it.
const UNTIL_2100: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\nend = 2100-01-01T00:00:00Z\n";
/// The end, in seconds since 1970.
const YEAR_2100: i64 = 4_102_444_800;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("the_countdown_has_seconds_in_the_last_two_minutes", the_countdown_has_seconds_at_the_end),
        trial("times_are_in_the_zone_and_manner_of_the_visitor", |tab| {
            shows(tab, "Friday, 1 January 2100 at 01:00 Central European Time");
        }),
        trial("the_zone_of_a_visitor_in_utc_is_called_so", |tab| {
            tab.call("Emulation.setTimezoneOverride", &json!({ "timezoneId": "Etc/UTC" }));
            shows(tab, "Friday, 1 January 2100 at 00:00 UTC");
        }),
        trial_in("de-AT,de", "times_are_in_the_language_of_the_page", |tab| {
            shows(tab, "Freitag, 1. Jänner 2100 um 01:00 Mitteleuropäische Zeit");
        }),
        trial_in("tlh", "times_are_english_where_the_page_is", |tab| {
            shows(tab, "Friday, January 1, 2100 at 1:00 AM Central European Time");
        }),
        trial("the_clock_of_the_visitor_may_be_wrong", the_clock_of_the_visitor_may_be_wrong),
        trial("a_new_message_and_a_new_end_reach_an_open_tab", a_new_message_and_a_new_end_reach_an_open_tab),
        trial("the_heading_of_an_open_tab_follows_the_cause", the_heading_follows_the_cause),
        trial("the_heading_follows_the_cause_in_every_language", the_heading_follows_in_every_language),
        trial_in(
            "fr",
            "a_page_reloads_for_a_message_in_another_language",
            a_page_reloads_for_another_language,
        ),
        trial_in(
            "fr",
            "what_was_sent_is_not_sent_again_for_a_message_in_another_language",
            it_is_not_sent_again,
        ),
        trial("the_page_says_that_it_takes_longer_than_expected", it_takes_longer_than_expected),
        trial("the_page_fits_320_pixels_in_languages_with_long_words", the_page_fits_320_pixels),
        trial("a_browser_knows_every_rule_of_the_styles", a_browser_knows_every_rule),
        trial("letters_with_marks_above_and_below_have_space", letters_with_marks_have_space),
        Trial::ignorable_test("browser::the_policy_blocks_styles_that_are_not_in_the_template", || {
            in_browser("en", the_policy_blocks_styles)
        }),
    ]
}

/// Opens the page of a gateway without a status path, an hour and a half before the end.
fn open_before_2100(tab: &mut Tab<'_>) -> GatewayProcess {
    let gateway = GatewayProcess::start(&format!("[server]\nstatus_path = false\n{UNTIL_2100}"));
    tab.start_clock_at(YEAR_2100 - 90 * 60);
    tab.open(&gateway.url("/"));
    gateway
}

fn shows(tab: &mut Tab<'_>, text: &str) {
    let _gateway = open_before_2100(tab);
    // CLDR uses several kinds of spaces.
    let shown = tab.text().replace(['\u{a0}', '\u{202f}'], " ");
    assert!(shown.contains(text), "{shown}");
}

fn the_countdown_has_seconds_at_the_end(tab: &mut Tab<'_>) {
    let _gateway = open_before_2100(tab);
    let countdown = "document.querySelector('#countdown').innerText";
    for (seconds, expected) in [
        (0, "1 hour, 30 minutes"),
        (29 * 60, "1 hour, 1 minute"),
        (58 * 60 + 30, "3 minutes"),
        (30, "2 minutes"),
        (1, "1 minute, 59 seconds"),
        (114, "5 seconds"),
        (10, "0 seconds"),
    ] {
        tab.advance(Duration::from_secs(seconds));
        assert_eq!(tab.evaluate(countdown), expected);
    }
    assert_eq!(tab.evaluate("document.querySelector('progress').value"), 1);
    tab.advance(Duration::from_secs(12));
    let text = tab.text();
    assert!(text.contains("This is taking longer than expected.") && !text.contains("Time left"), "{text}");
}

fn the_clock_of_the_visitor_may_be_wrong(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(UNTIL_2100);
    tab.start_clock_at(YEAR_2100 - 90 * 60);
    tab.open(&gateway.url("/"));
    assert!(tab.text().contains("1 hour, 30 minutes"), "{}", tab.text());
    tab.advance(Duration::from_secs(5));
    let text = tab.text();
    // Within the first hour of a day, no hours are left beside the days.
    assert!(text.contains(" days"), "{text}");
}

fn a_new_message_and_a_new_end_reach_an_open_tab(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(&down("message = \"Soon.\""));
    tab.open(&gateway.url("/"));
    tab.advance(Duration::from_secs(65));
    assert!(tab.text().contains("Soon.") && tab.text().contains("We do not know yet"), "{}", tab.text());
    assert_eq!(tab.announced(), "");
    gateway.apply(&UNTIL_2100.replace("end", "message = \"Later: see (https://a.example/<b>&c).\"\nend"));
    tab.advance(Duration::from_secs(65));
    let text = tab.text();
    for part in ["Later: see (https://a.example/<b>&c).", "1 January 2100 at 01:00", "Time left"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(!text.contains("We do not know yet") && !text.contains("Soon."), "{text}");
    assert_eq!(tab.evaluate("document.querySelector('#message a').href"), "https://a.example/");
    let announced = tab.announced();
    assert!(announced.contains("Later: see") && announced.contains("1 January 2100 at 01:00"), "{announced}");
    gateway.apply(&down(""));
    tab.advance(Duration::from_secs(65));
    let text = tab.text();
    assert!(
        !text.contains("Later") && !text.contains("2100") && text.contains("We do not know yet"),
        "{text}"
    );
    assert_eq!(tab.announced(), "We do not know yet when it will be back.");
}

/// The period is over, and the site does not respond yet.
fn it_takes_longer_than_expected(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(UNTIL_2100);
    tab.open(&gateway.url("/"));
    tab.advance_with(Duration::from_secs(65), &mut |_| {
        let body =
            r#"{"state":"up","until":null,"retry_after":1,"message":null,"next":null,"reachable":false}"#;
        Answer::Of(200, "application/json", body.into())
    });
    let text = tab.text();
    assert!(
        text.contains("This is taking longer than expected.") && !text.contains("We do not know yet"),
        "{text}"
    );
}

/// From a period to an upstream that does not respond, and back.
fn the_heading_follows_the_cause(tab: &mut Tab<'_>) {
    let port = ClosedPort::bind();
    let config = format!("[site]\nupstream = \"{}\"\n[page]\ntitle = \"Example Shop\"\n", port.url());
    for (template, lines) in [("built-in", ""), ("terminal", "template = \"page.html\"")] {
        let directory = ConfigDirectory::with(&(config.clone() + &down(lines)));
        let source = format!("{}/templates/terminal.html", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(source, directory.join("page.html")).expect("copied");
        let gateway = GatewayProcess::on(directory);
        tab.open(&gateway.url("/"));
        gateway.apply(&config);
        gateway.get("/", &[]);
        for (config, heading) in [
            (config.clone(), "This site is not responding"),
            (config.clone() + &down("unscheduled = true"), "Down for maintenance"),
            (config.clone() + &down(""), "Down for planned maintenance"),
        ] {
            gateway.edit(&config);
            until("heading", || {
                tab.advance(Duration::from_secs(65));
                (tab.evaluate("document.querySelector('#heading').innerText") == heading).then_some(())
            });
            assert_eq!(tab.title(), format!("{heading} – Example Shop"), "{template}");
            assert!(tab.announced().contains(heading), "{template}: {}", tab.announced());
        }
    }
}

fn the_heading_follows_in_every_language(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(&down(""));
    for language in Language::all() {
        tab.prefer(language.tag());
        tab.open(&gateway.url("/"));
        let words = language.words();
        for (cause, heading) in [
            ("unreachable", words.heading_unreachable),
            ("unscheduled", words.heading_unscheduled),
            ("planned", words.heading_planned),
        ] {
            let shown = tab.evaluate(&format!(
                "document.dispatchEvent(new CustomEvent('downtime-status', {{ detail: {{ cause: '{cause}' }} }}));
                [document.querySelector('h1').textContent, document.title]"
            ));
            assert_eq!(shown, serde_json::json!([heading, heading]), "{language:?}");
        }
    }
}

/// The page for an upstream that does not respond has all languages, and a message has its own.
fn a_page_reloads_for_another_language(tab: &mut Tab<'_>) {
    let site = Site::silent();
    let gateway = GatewayProcess::start(&site.section());
    tab.open(&gateway.url("/"));
    assert_eq!(tab.title(), "Ce site ne répond pas");
    gateway.apply(&(site.section() + &down("message = \"We move.\"")));
    tab.advance(Duration::from_secs(65));
    let shown = tab.evaluate("[document.documentElement.lang, document.title]");
    assert_eq!(shown, serde_json::json!(["en", "Down for planned maintenance"]));
    assert!(tab.text().contains("We move."), "{}", tab.text());
    let reloads = "performance.getEntriesByType('navigation')[0].startTime + performance.timeOrigin";
    let loaded = tab.evaluate(reloads);
    tab.advance(Duration::from_mins(5));
    assert_eq!(tab.evaluate(reloads), loaded);
}

fn it_is_not_sent_again(tab: &mut Tab<'_>) {
    let (form, silent) = (Site::start(), Site::silent());
    let gateway = GatewayProcess::start(&form.section());
    tab.open(&gateway.url("/form"));
    gateway.apply(&silent.section());
    tab.leave_by("document.querySelector('button').click()");
    gateway.apply(&(silent.section() + &down("message = \"We move.\"")));
    tab.advance(Duration::from_secs(65));
    let text = tab.text();
    assert!(text.contains("Site en maintenance programmée") && !text.contains("We move."), "{text}");
    assert_eq!(silent.requests(), ["POST /contact"]);
}

fn the_page_fits_320_pixels(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(UNTIL_2100);
    tab.set_width(320);
    // Those with long words, with other scripts, and from right to left.
    for language in ["en", "de", "fi", "hu", "ru", "el", "nl", "ar", "he", "ja", "ko", "bn", "th", "zh-Hans"]
    {
        tab.prefer(language);
        tab.open(&gateway.url("/"));
        let found = tab.evaluate("[document.documentElement.lang, document.documentElement.scrollWidth]");
        assert_eq!(found, serde_json::json!([language, 320]));
    }
    let message = format!("message = \"https://status.example.com/{}\"", "incident".repeat(9));
    gateway.apply(&down(&message));
    tab.open(&gateway.url("/"));
    assert_eq!(tab.evaluate("document.documentElement.scrollWidth"), 320);
}

/// A browser drops a whole rule if it does not know a part of its selector.
fn a_browser_knows_every_rule(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(&down(""));
    tab.open(&gateway.url("/"));
    let unknown = tab.evaluate(
        "(() => {
            const count = rules => [...rules].reduce((sum, rule) => sum + 1 + count(rule.cssRules ?? []), 0);
            const style = document.querySelector('style');
            return style.textContent.split('{').length - 1 - count(style.sheet.cssRules);
        })()",
    );
    assert_eq!(unknown, 1, "only ::-moz-progress-bar is for another browser");
}

fn letters_with_marks_have_space(tab: &mut Tab<'_>) {
    let gateway = GatewayProcess::start(UNTIL_2100);
    for (language, has_space) in
        [("en", false), ("de", false), ("ar", true), ("bn", true), ("ja", true), ("th", true)]
    {
        tab.prefer(language);
        tab.open(&gateway.url("/"));
        let shown = tab.evaluate(
            "(({ lineHeight, fontSize, letterSpacing }) => [
                document.documentElement.lang,
                parseFloat(lineHeight) / parseFloat(fontSize) > 1.25 && !(parseFloat(letterSpacing) < 0)
            ])(getComputedStyle(document.querySelector('h1')))",
        );
        assert_eq!(shown, json!([language, has_space]));
    }
}

fn the_policy_blocks_styles(tab: &mut Tab<'_>) {
    let directory = ConfigDirectory::with(&down("template = \"page.html\""));
    let source = include_str!("../../../templates/downtime.html");
    directory.write("page.html", &source.replace("<main>", "<main style='color: red'>"));
    let gateway = GatewayProcess::on(directory);
    tab.open(&gateway.url("/"));
    let complaints = tab.complaints();
    assert!(
        complaints.iter().any(|complaint| complaint.contains("Content Security Policy")),
        "{complaints:?}"
    );
}
