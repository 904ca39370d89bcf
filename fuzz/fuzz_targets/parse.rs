//! Reads any bytes as a configuration file, followed after the first NUL by the files that it names. Nothing that reads or
//! reports them may panic, and each diagnostic must point into its text.

#![no_main]

use std::path::Path;

use downtime::config::diagnostic::{Diagnostic, Severity, without_passwords};
use downtime::config::{Config, LintContext, ParsedConfig};
use downtime::decision::{Decision, changes_at, decide};
use downtime::filters::context::OwnedDecision;
use downtime::filters::gate::respond;
use downtime::matching::path::RequestPath;
use downtime::matching::request::Request;
use downtime::page::VisitorRequest;
use downtime::snapshot::Snapshot;
use downtime::summary::{ChartStyle, DecisionSummary, Summary, plan, status_lines, timeline};
use http::{HeaderMap, Method};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const NAME: &str = "downtime.toml";
/// The template, if the input has none.
const TEMPLATE: &str = "<p>{{ message }}{% if until %} {{ until }}{% endif %}";
/// Files are reported as of these times, and as of the starts and ends of their first periods.
const TIMES: [&str; 3] = ["2026-12-01T22:00:00Z", "0000-01-01T00:00:00Z", "9999-12-30T22:00:00Z"];
const PERIODS: usize = 2;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|&byte| byte == 0);
    let (file, template) = end.map_or((input, None), |end| (&input[..end], Some(&input[end + 1..])));
    let template = template.unwrap_or(TEMPLATE.as_bytes());
    match str::from_utf8(file) {
        Ok(text) => read(text, template),
        Err(error) => {
            let text = String::from_utf8_lossy(file);
            check(&Diagnostic::not_utf8(NAME, file, error.valid_up_to()), &text, "");
        }
    }
});

fn read(text: &str, template: &[u8]) {
    let read_config = || Config::parse(NAME, text, Path::new(""), &|_| Ok(template.to_owned()));
    let found = read_config();
    check_all(&found, text, str::from_utf8(template).unwrap_or_default());
    let Some(config) = &found.config else {
        Summary::new(None, &found.diagnostics, Timestamp::UNIX_EPOCH).to_json();
        return;
    };
    for now in times(config) {
        let mut linted = read_config();
        linted.lint(&LintContext::new(now));
        check_all(&linted, text, str::from_utf8(template).unwrap_or_default());
        // Only the first hundred warnings are reported.
        if linted.diagnostics.iter().any(|diagnostic| diagnostic.place.is_none()) {
            continue;
        }
        let kept = |diagnostic: &&Diagnostic| linted.diagnostics.contains(diagnostic);
        assert_eq!(
            found.diagnostics.iter().filter(kept).count(),
            found.diagnostics.len(),
            "warnings must only be added"
        );
        report(config, &linted.diagnostics, now);
    }
}

fn times(config: &Config) -> Vec<Timestamp> {
    let periods = config.rules.schedule.periods();
    let edges = periods.iter().take(PERIODS).flat_map(|period| match period.once() {
        Some(once) => [Some(once.start), once.end],
        None => period.next(Timestamp::UNIX_EPOCH).map_or([None; 2], |next| [Some(next.start), next.end]),
    });
    TIMES.iter().map(|text| text.parse().expect("a time")).chain(edges.flatten()).collect()
}

/// Does what `--check` and `status` do with a configuration.
fn report(config: &Config, diagnostics: &[Diagnostic], now: Timestamp) {
    let snapshot = Snapshot::new(config.clone(), 1, String::new(), now);
    let phase = snapshot.phase(now);
    let request = Request::new(&Method::GET, RequestPath::new("/"));
    let decision = decide(&config.rules, &request, &phase.state, now);
    let owned = OwnedDecision::from(decision.clone());
    let visitor = VisitorRequest {
        method: request.method,
        headers: &HeaderMap::new(),
        is_favicon: false,
        is_unsent: true,
    };
    let response = respond(&snapshot, &phase, &owned, &visitor);
    let is_passed = matches!(decision, Decision::Pass(_));
    assert_eq!(response.is_none(), is_passed);
    changes_at(&config.rules, &request, &decision, &phase.state, now);
    let headers = response.map(|response| response.into_parts().0.headers);
    let about = (&phase.state, now);
    let summary = DecisionSummary::new("/".to_owned(), &request, &decision, config, about, headers);
    DecisionSummary::lines(std::slice::from_ref(&summary), config, now);
    Summary { decisions: Some(vec![summary]), ..Summary::new(Some(config), diagnostics, now) }.to_json();
    plan(config, now);
    for style in [ChartStyle { blocks: false, colour: false }, ChartStyle { blocks: true, colour: true }] {
        timeline(config, now, style);
    }
    for reachable in [None, Some(false)] {
        status_lines(config, &phase.state, reachable, now);
    }
}

fn check_all(reading: &ParsedConfig, file: &str, template: &str) {
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    let errors = reading.diagnostics.iter().any(is_error);
    assert_eq!(reading.config.is_none(), errors, "either valid, or with errors");
    let text = file.strip_prefix('\u{feff}').unwrap_or(file);
    reading.diagnostics.iter().for_each(|diagnostic| check(diagnostic, text, template));
}

fn check(diagnostic: &Diagnostic, text: &str, template: &str) {
    let Some(place) = &diagnostic.place else {
        return assert_eq!(
            diagnostic.severity,
            Severity::Note,
            "only a note about hidden warnings has no place"
        );
    };
    let source = &place.source;
    let expected = if source.name == NAME { text } else { template };
    assert_eq!(source.text, expected, "the place must be in the text that was read");
    assert!(source.text.get(place.span.clone()).is_some(), "{:?} is outside of the text", place.span);
    let place = line_column(source.text.as_bytes(), place.span.start);
    assert_eq!(diagnostic.line_column(), Some(place));
    let place = format!("{}:{}:{}", source.name, place.0, place.1);
    assert!(
        diagnostic.summary().starts_with(&format!("{place}: {}", without_passwords(&diagnostic.message)))
    );
    let plain = diagnostic.render(false);
    assert!(diagnostic.render(true).len() > plain.len());
    if source.name == NAME {
        assert!(plain.contains(&format!("--> {place}\n")), "{place} in {plain}");
    }
    let unprintable = plain.chars().find(|&c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(unprintable, None, "a terminal would act on it: {plain:?}");
}

/// Computes line and column, both from 1. CRLF is one position.
fn line_column(text: &[u8], at: usize) -> (usize, usize) {
    let at = at - usize::from(text[..at].ends_with(b"\r") && text[at..].starts_with(b"\n"));
    let starts_character = |byte: &u8| byte & 0b1100_0000 != 0b1000_0000;
    text[..at].iter().filter(|byte| starts_character(byte)).fold((1, 1), |(line, column), &byte| match byte {
        b'\n' => (line + 1, 1),
        _ => (line, column + 1),
    })
}
