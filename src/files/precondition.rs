//! Conditional requests (RFC 9110, section 13).

use std::time::SystemTime;

use super::etag::{EntityTag, EntityTags};
use crate::http1::request::RequestHead;

/// The validators of a version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validators {
    /// `None` if a second change of the file may not show in its version. Then clients get no date either.
    pub(super) etag: Option<EntityTag>,
    /// In whole seconds.
    pub(super) modified: Option<SystemTime>,
}

impl Validators {
    fn matches(&self, matches: impl Fn(&EntityTag) -> bool) -> bool {
        self.etag.as_ref().is_some_and(matches)
    }
}

/// The response that the preconditions of a GET or HEAD lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PreconditionResult {
    /// The file.
    Send,
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

/// The conditional fields of a request. A date that is malformed or sent twice is ignored.
#[derive(Clone, Debug, Default)]
pub(super) struct Preconditions {
    matching: Option<EntityTags>,
    unmodified_since: Option<SystemTime>,
    none_matching: Option<EntityTags>,
    modified_since: Option<SystemTime>,
}

impl Preconditions {
    pub(super) fn parse(head: &RequestHead<'_>) -> Self {
        Self {
            matching: EntityTags::parse(head.values("if-match")),
            unmodified_since: date(head, "if-unmodified-since"),
            none_matching: EntityTags::parse(head.values("if-none-match")),
            modified_since: date(head, "if-modified-since"),
        }
    }

    /// Evaluates them in the order of RFC 9110, section 13.2.2.
    pub(super) fn evaluate(&self, current: &Validators) -> PreconditionResult {
        if !self.matches(current) {
            PreconditionResult::Failed
        } else if self.modified(current) {
            PreconditionResult::Send
        } else {
            PreconditionResult::NotModified
        }
    }

    fn matches(&self, current: &Validators) -> bool {
        match &self.matching {
            Some(tags) => tags.any(|tag| current.matches(|etag| tag.matches_strongly(etag))),
            None => !after(current.modified, self.unmodified_since).unwrap_or(false),
        }
    }

    fn modified(&self, current: &Validators) -> bool {
        match &self.none_matching {
            Some(tags) => !tags.any(|tag| current.matches(|etag| tag.matches_weakly(etag))),
            None if current.etag.is_none() => true,
            None => after(current.modified, self.modified_since).unwrap_or(true),
        }
    }
}

/// The `If-Range` field (RFC 9110, section 13.1.5): a range may be sent only if it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IfRange {
    Absent,
    Tag(EntityTag),
    /// Malformed, or a date, which never holds: two versions of a file may have the same (`cp -p`). A client has no need for
    /// one, since each response with a date has a strong entity tag.
    Unusable,
}

impl IfRange {
    pub(super) fn parse(head: &RequestHead<'_>) -> Self {
        let mut lines = head.values("if-range");
        let Some(value) = lines.next() else { return Self::Absent };
        if lines.next().is_some() {
            return Self::Unusable;
        }
        EntityTag::parse(value).map_or(Self::Unusable, Self::Tag)
    }

    pub(super) fn holds(&self, current: &Validators) -> bool {
        match self {
            Self::Absent => true,
            Self::Tag(tag) => current.matches(|etag| tag.matches_strongly(etag)),
            Self::Unusable => false,
        }
    }
}

fn after(modified: Option<SystemTime>, since: Option<SystemTime>) -> Option<bool> {
    Some(modified? > since?)
}

fn date(head: &RequestHead<'_>, name: &str) -> Option<SystemTime> {
    let mut lines = head.values(name);
    let line = std::str::from_utf8(lines.next()?).ok()?;
    lines.next().is_none().then(|| httpdate::parse_http_date(line).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn current() -> Validators {
        let modified = httpdate::parse_http_date(AT).unwrap();
        Validators { etag: EntityTag::parse(br#""now""#), modified: Some(modified) }
    }

    /// Parses a request with these fields.
    fn with_fields<T>(fields: &[(&str, &str)], parse: impl Fn(&RequestHead<'_>) -> T) -> T {
        let lines: String = fields.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        parse(&RequestHead::parse(head.as_bytes()).unwrap())
    }

    #[test]
    fn preconditions_are_evaluated_in_the_order_of_section_13_2_2() {
        use PreconditionResult::{Failed, NotModified, Send};
        for (fields, result) in [
            (&[][..], Send),
            (&[("if-match", r#""now""#)], Send),
            (&[("if-match", "*")], Send),
            (&[("if-match", r#"W/"now""#)], Failed),
            (&[("if-match", r#""old""#)], Failed),
            (&[("if-match", r#""old", "now""#)], Send),
            (&[("if-match", "now")], Failed),
            (&[("if-unmodified-since", BEFORE)], Failed),
            (&[("if-unmodified-since", AT)], Send),
            (&[("if-unmodified-since", AFTER)], Send),
            (&[("if-unmodified-since", "yesterday")], Send),
            (&[("if-none-match", r#""now""#)], NotModified),
            (&[("if-none-match", r#"W/"now""#)], NotModified),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", r#""old""#)], Send),
            (&[("if-none-match", "now")], Send),
            (&[("if-modified-since", BEFORE)], Send),
            (&[("if-modified-since", AT)], NotModified),
            (&[("if-modified-since", AFTER)], NotModified),
            (&[("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT")], NotModified),
            (&[("if-modified-since", "Sun Nov  6 08:49:37 1994")], NotModified),
            (&[("if-modified-since", "0")], Send),
            (&[("if-modified-since", AT), ("if-modified-since", AT)], Send),
            (&[("if-match", r#""now""#), ("if-unmodified-since", BEFORE)], Send),
            (&[("if-match", r#""old""#), ("if-unmodified-since", AFTER)], Failed),
            (&[("if-none-match", r#""old""#), ("if-modified-since", AFTER)], Send),
            (&[("if-none-match", r#""now""#), ("if-modified-since", BEFORE)], NotModified),
            (&[("if-match", r#""old""#), ("if-none-match", r#""now""#)], Failed),
            (&[("if-match", r#""now""#), ("if-none-match", r#""now""#)], NotModified),
            (&[("if-unmodified-since", AT), ("if-modified-since", AT)], NotModified),
        ] {
            assert_eq!(with_fields(fields, Preconditions::parse).evaluate(&current()), result, "{fields:?}");
        }
    }

    #[test]
    fn dates_are_ignored_if_the_file_has_none() {
        let current = Validators { modified: None, ..current() };
        for name in ["if-modified-since", "if-unmodified-since"] {
            let preconditions = with_fields(&[(name, BEFORE)], Preconditions::parse);
            assert_eq!(preconditions.evaluate(&current), PreconditionResult::Send);
        }
        assert!(!with_fields(&[("if-range", AT)], IfRange::parse).holds(&current));
    }

    #[test]
    fn if_range_holds_for_exactly_this_version() {
        assert!(with_fields(&[], IfRange::parse).holds(&current()));
        for (value, holds) in [
            (r#""now""#, true),
            (r#"W/"now""#, false),
            (r#""old""#, false),
            (r#""now", "old""#, false),
            (AT, false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(
                with_fields(&[("if-range", value)], IfRange::parse).holds(&current()),
                holds,
                "{value}"
            );
        }
        let twice = [("if-range", r#""now""#), ("if-range", r#""old""#)];
        assert!(!with_fields(&twice, IfRange::parse).holds(&current()));
    }

    #[test]
    fn without_a_tag_nothing_holds_that_a_second_version_could_meet() {
        use PreconditionResult::{Failed, Send};
        let current = Validators { etag: None, ..current() };
        for (fields, result) in [
            (&[("if-match", r#""now""#)][..], Failed),
            (&[("if-match", "*")], Send),
            (&[("if-unmodified-since", BEFORE)], Failed),
            (&[("if-none-match", r#""now""#)], Send),
            (&[("if-none-match", "*")], PreconditionResult::NotModified),
            (&[("if-modified-since", AFTER)], Send),
        ] {
            assert_eq!(with_fields(fields, Preconditions::parse).evaluate(&current), result, "{fields:?}");
        }
        assert!(!with_fields(&[("if-range", r#""now""#)], IfRange::parse).holds(&current));
    }
}
