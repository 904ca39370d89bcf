//! The errors of templates, with help.

use std::fmt;
use std::ops::Range;

use minijinja::ErrorKind;
use minijinja::machinery::Span;

use super::help::help;
use super::values::{TOO_DEEP, TOO_LARGE};
use super::{MAX_PAGE, VARIABLES};
use crate::escape::shorten;

/// The most characters of a text of the engine, which can contain values.
const MAX_DETAIL: usize = 300;

/// An error in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The message, without the position.
    pub message: String,
    /// The position: bytes of the source, on character boundaries.
    pub span: Option<Range<usize>>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The help: what to write instead.
    pub help: Option<String>,
}

impl TemplateError {
    pub(super) fn blank() -> Self {
        Self {
            message: "the template is empty".to_owned(),
            span: None,
            line: None,
            help: Some("write a page into it, or restore it from a backup".to_owned()),
        }
    }

    pub(super) fn unknown_variable(name: &str, position: Option<usize>, source: &str) -> Self {
        let nearest = VARIABLES
            .into_iter()
            .map(|variable| (strsim::jaro_winkler(name, variable), variable))
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .filter(|(similarity, _)| *similarity > 0.75);
        let all = format!("the variables are {}", VARIABLES.map(|name| format!("`{name}`")).join(", "));
        Self {
            message: format!("unknown variable `{name}`"),
            span: position.map(|start| start..start + name.len()),
            line: position
                .and_then(|start| source.get(..start))
                .map(|before| before.matches('\n').count() + 1),
            help: Some(match nearest {
                _ if name == "loop" => {
                    "`loop` exists only between `{% for … %}` and `{% endfor %}`".to_owned()
                }
                Some((_, nearest)) => format!("did you mean `{nearest}`? {all}"),
                None => all,
            }),
        }
    }

    pub(super) fn repeated_list(source: &str, operator: Span) -> Self {
        let place = operator.start_offset as usize..operator.end_offset as usize;
        Self {
            message: "a list cannot be multiplied".to_owned(),
            line: Some(operator.start_line.into()),
            span: Some(place).filter(|place| source.get(place.clone()).is_some()),
            help: Some("write the whole list, or a loop over `range(…)`".to_owned()),
        }
    }

    pub(super) fn long_page() -> Self {
        Self {
            message: format!("the page is longer than {} MiB", MAX_PAGE >> 20),
            span: None,
            line: None,
            help: Some("shorten its loops".to_owned()),
        }
    }

    pub(super) fn panic() -> Self {
        Self {
            message: "the template engine failed".to_owned(),
            span: None,
            line: None,
            help: Some(
                "remove what you changed last: `loop.cycle()`, for example, needs an argument".to_owned(),
            ),
        }
    }

    pub(super) fn from_engine(error: &minijinja::Error) -> Self {
        let source = error.template_source().unwrap_or_default();
        let detail = error.detail().unwrap_or_default();
        let message = match error.kind() {
            ErrorKind::OutOfFuel => "the template does too much work and was stopped".to_owned(),
            _ if detail.starts_with(TOO_LARGE) || detail.starts_with(TOO_DEEP) => detail.to_owned(),
            kind if detail.is_empty() => kind.to_string(),
            kind => format!("{kind}: {}", shorten(detail, MAX_DETAIL)),
        };
        Self {
            message,
            span: error.range().filter(|span| source.get(span.clone()).is_some()),
            line: error.line(),
            help: help(error.kind(), detail, source, error.range().map(|range| range.start)),
        }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}
