//! Warns of templates that do not show the message.

use std::collections::HashSet;

use super::LintInput;
use crate::config::document::{Field, TextByLanguage};
use crate::decision::down_response::DownResponse;
use crate::page::template::Template;

pub(super) fn lint(input: &LintInput<'_>) {
    let mut warned = HashSet::new();
    let response = &input.config.response;
    let (section, common) = (&input.document.response, &input.document.response.template);
    if response.redirect.is_none() && omits_message(&response.template) {
        warn(common, &section.message, &mut warned, input);
    }
    let responses = input.periods().zip(&input.config.rules.responses).zip(&input.live);
    for (((table, _), response), live) in responses {
        if *live && shows_page(response) && omits_message(&response.template) {
            let template = if table.template.is_some() { &table.template } else { common };
            let message = if table.message.is_some() { &table.message } else { &section.message };
            warn(template, message, &mut warned, input);
        }
    }
}

fn shows_page(response: &DownResponse) -> bool {
    response.redirect.is_none()
}

fn omits_message(template: &Template) -> bool {
    !template.mentions("message")
}

/// Warns of a template that does not show a message that is set, once per template.
fn warn<'a>(
    template: &'a Field<String>,
    message: &Field<TextByLanguage>,
    warned: &mut HashSet<&'a str>,
    input: &LintInput<'_>,
) {
    let (Some(template), Some(message)) = (template, message) else { return };
    if warned.insert(template.get_ref()) {
        let line = input.report.line(&message.span());
        let text = format!("visitors do not see the message at line {line}: this template does not use it");
        input.warn(template.span(), text, "add `{{ message }}` to the template");
    }
}
