//! Templates that leave out the message.

use std::collections::HashSet;

use super::LintInput;
use crate::config::document::Field;
use crate::decision::down_response::Answer;
use crate::page::template::Template;

pub(super) fn lint(subject: &LintInput<'_>) {
    let mut warned = HashSet::new();
    let response = &subject.config.response;
    let (section, common) = (&subject.document.response, &subject.document.response.template);
    if response.redirect.is_none() && is_silent(&response.template) {
        warn(common, &section.message, &mut warned, subject);
    }
    let answers = subject.periods().zip(&subject.config.rules.answers).zip(&subject.live);
    for (((table, _), answer), live) in answers {
        if *live && shows_page(answer) && is_silent(&answer.template) {
            let template = if table.template.is_some() { &table.template } else { common };
            let message = if table.message.is_some() { &table.message } else { &section.message };
            warn(template, message, &mut warned, subject);
        }
    }
}

fn shows_page(answer: &Answer) -> bool {
    answer.redirect.is_none()
}

fn is_silent(template: &Template) -> bool {
    !template.mentions("message")
}

/// Warns once of a template, where there is a message that it would leave out.
fn warn<'a>(
    template: &'a Field<String>,
    message: &Field<String>,
    warned: &mut HashSet<&'a str>,
    subject: &LintInput<'_>,
) {
    let (Some(template), Some(message)) = (template, message) else { return };
    if warned.insert(template.get_ref()) {
        let line = subject.report.line(&message.span());
        let text = format!("visitors do not see the message of line {line}: this template never mentions it");
        subject.warn(template.span(), text, "write `{{ message }}` into the template");
    }
}
