//! Validates each `[[period]]`: its name, its rules and its down response.

use std::collections::HashMap;
use std::ops::Range;

use jiff::tz::TimeZone;
use toml::Spanned;

use super::message::message;
use super::scope::scope;
use super::timing::timing;
use super::values::{means_off, redirect};
use crate::config::ResponseConfig;
use crate::config::document::{Document, OrFalse, PeriodTable};
use crate::config::report::Report;
use crate::config::templates::Templates;
use crate::decision::down_response::{DownResponse, Redirect};
use crate::page::language::Language;
use crate::schedule::period::Period;
use crate::schedule::state::Schedule;

/// Returns the schedule, and the down response of each of its periods.
pub(super) fn validate(
    document: &Document,
    (zone, lang): (&TimeZone, Language),
    response: &ResponseConfig,
    report: &Report,
    templates: &mut Templates<'_>,
) -> (Schedule, Vec<DownResponse>) {
    let mut names = HashMap::new();
    let mut periods = Vec::new();
    let mut responses = Vec::new();
    for table in &document.periods {
        let line = report.line(&table.span);
        let name = table.name.as_ref().map(|name| {
            check_name(name, &mut names, report);
            name.get_ref().clone()
        });
        let response = down_response(table, lang, response, report, templates);
        let scope = scope(table, report);
        if let Some(timing) = timing(table, zone, report) {
            let enabled = table.enabled.as_ref().is_none_or(|enabled| *enabled.get_ref());
            let unscheduled = table.unscheduled.as_ref().is_some_and(|unscheduled| *unscheduled.get_ref());
            let file = report.second_file_name(&table.span);
            periods.push(Period { name, line, file, enabled, unscheduled, timing, scope });
            responses.push(response);
        }
    }
    (Schedule::new(periods), responses)
}

/// Checks a name, and that it is not one of `names`, to which it is added.
pub(super) fn check_name<'d>(
    name: &'d Spanned<String>,
    names: &mut HashMap<&'d str, Range<usize>>,
    report: &Report,
) {
    let text = name.get_ref().as_str();
    if text.trim().is_empty() {
        report.error(name.span(), "the name is empty", "for example `db-upgrade`");
    } else if text.chars().any(char::is_control) {
        let message = "invalid name: it has more than one line, or a control character";
        report.error(name.span(), message, "for example `db-upgrade`");
    } else if let Some(first) = names.insert(text, name.span()) {
        let help = "choose another name, or leave it out";
        let place = report.line_seen_from(&first, &name.span());
        report.error(name.span(), format!("the name `{text}` is already used at {place}"), help);
        if report.second_file_name(&first) != report.second_file_name(&name.span()) {
            let place = report.line_seen_from(&name.span(), &first);
            report.error(first, format!("the name `{text}` is also used at {place}"), help);
        }
    }
}

fn down_response(
    table: &PeriodTable,
    lang: Language,
    response: &ResponseConfig,
    report: &Report,
    templates: &mut Templates<'_>,
) -> DownResponse {
    if let (Some(redirect), Some(_)) = (&table.redirect, &table.template)
        && matches!(redirect.get_ref(), OrFalse::Text(_))
    {
        let message = "a period has a `redirect` or a `template`, not both";
        report.error(redirect.span(), message, "remove one of the two");
    }
    // An empty message of a period takes that of `[response]` away.
    let message = if table.message.is_some() {
        message(&table.message, lang, report)
    } else {
        response.message.clone()
    };
    DownResponse {
        message,
        own_template: table.template.as_ref().map(|name| name.get_ref().as_str().into()),
        template: templates.get(&table.template, report).unwrap_or_else(|| response.template.clone()),
        redirect: own_redirect(table, response, report),
    }
}

fn own_redirect(table: &PeriodTable, response: &ResponseConfig, report: &Report) -> Option<Redirect> {
    let Some(field) = &table.redirect else {
        return response.redirect.clone().filter(|_| table.template.is_none());
    };
    match field.get_ref() {
        OrFalse::False => None,
        OrFalse::Text(text) if means_off(text) => {
            let message = format!("invalid redirect `{text}`: it is neither a URL nor a path");
            let help = "write `redirect = false` to show the page; without this line, the redirect of [response] applies";
            report.error(field.span(), message, help);
            None
        }
        OrFalse::Text(text) => redirect(text, field.span(), report),
    }
}
