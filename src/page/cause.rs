//! Why a visitor gets a down page, and what became of the request.

use http::{HeaderValue, Method};

use super::language::Words;

/// The reason why the site is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A period is active that was planned.
    Planned,
    /// A period is active that was not: `unscheduled = true`.
    Unscheduled,
    /// The upstream does not respond.
    Unreachable,
}

impl Cause {
    /// Returns the value of the `Downtime` field.
    pub(super) fn field_value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Planned | Self::Unscheduled => "planned",
            Self::Unreachable => "unreachable",
        })
    }

    /// Returns the name of the cause in templates and at the status path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Unscheduled => "unscheduled",
            Self::Unreachable => "unreachable",
        }
    }

    /// Returns the kinds of requests that a page answers, the most frequent one first.
    pub(super) fn answers(self) -> &'static [Answers] {
        match self {
            Self::Planned | Self::Unscheduled => &[Answers::Safe, Answers::NotSaved],
            Self::Unreachable => &[Answers::Safe, Answers::Unknown, Answers::NotSaved],
        }
    }

    /// Returns the heading of the page.
    pub(super) fn heading(self, words: &Words) -> &'static str {
        match self {
            Self::Planned => words.heading_planned,
            Self::Unscheduled => words.heading_unscheduled,
            Self::Unreachable => words.heading_unreachable,
        }
    }

    /// Returns the sentence that replaces a missing message.
    pub(super) fn sentence(self, words: &Words) -> &'static str {
        match self {
            Self::Planned => words.sentence_planned,
            Self::Unscheduled => words.sentence_unscheduled,
            Self::Unreachable => words.sentence_unreachable,
        }
    }
}

/// The kind of request that a page answers, by what became of the data in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// A request with a safe method (RFC 9110, section 9.2.1): it may be repeated.
    Safe,
    /// A request with another method that the site did not get.
    NotSaved,
    /// A request with another method that the site may have got.
    Unknown,
}

impl Answers {
    /// The number of kinds.
    pub(super) const COUNT: usize = 3;

    /// Returns the kind of a request. `is_unsent` is true if the site did not get it.
    pub(super) fn new(method: &Method, is_unsent: bool) -> Self {
        match (method.is_safe(), is_unsent) {
            (true, _) => Self::Safe,
            (false, true) => Self::NotSaved,
            (false, false) => Self::Unknown,
        }
    }

    /// Returns the name of the kind in templates.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::NotSaved => "not-saved",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the number of the kind, less than [`Answers::COUNT`].
    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// Returns what the page says about the data in the request.
    pub(super) fn sentence(self, words: &Words) -> Option<&'static str> {
        match self {
            Self::Safe => None,
            Self::NotSaved => Some(words.not_saved),
            Self::Unknown => Some(words.not_known),
        }
    }
}
