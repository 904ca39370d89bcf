//! Conditional requests (RFC 9110, section 13).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{
    HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};
use jiff::Timestamp;

use super::etag::{EntityTag, EntityTags};

/// The validators of a version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validators {
    pub(super) etag: EntityTag,
    /// In whole seconds; `None` before 1970 and after now, which a response must not claim (RFC 9110, section 8.8.2.1).
    pub(super) modified: Option<SystemTime>,
}

impl Validators {
    pub(super) fn new(metadata: &Metadata, now: Timestamp) -> Self {
        let seconds = Some(metadata.mtime()).filter(|seconds| *seconds <= now.as_second());
        let since = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        let modified = since.and_then(|since| UNIX_EPOCH.checked_add(since));
        Self { etag: EntityTag::from_metadata(metadata), modified }
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
    pub(super) fn parse(headers: &HeaderMap) -> Self {
        Self {
            matching: EntityTags::parse(headers, IF_MATCH),
            unmodified_since: date(headers, IF_UNMODIFIED_SINCE),
            none_matching: EntityTags::parse(headers, IF_NONE_MATCH),
            modified_since: date(headers, IF_MODIFIED_SINCE),
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
            Some(tags) => tags.any(|tag| tag.matches_strongly(&current.etag)),
            None => !after(current.modified, self.unmodified_since).unwrap_or(false),
        }
    }

    fn modified(&self, current: &Validators) -> bool {
        match &self.none_matching {
            Some(tags) => !tags.any(|tag| tag.matches_weakly(&current.etag)),
            None => after(current.modified, self.modified_since).unwrap_or(true),
        }
    }
}

/// The `If-Range` field (RFC 9110, section 13.1.5): a range may be sent only if it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IfRange {
    Absent,
    Tag(EntityTag),
    /// Holds if it equals the date of the last modification.
    Date(SystemTime),
    Malformed,
}

impl IfRange {
    pub(super) fn parse(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(IF_RANGE) else { return Self::Absent };
        let tag = EntityTag::parse(value.as_bytes()).map(Self::Tag);
        tag.or_else(|| date(headers, IF_RANGE).map(Self::Date)).unwrap_or(Self::Malformed)
    }

    pub(super) fn holds(&self, current: &Validators) -> bool {
        match self {
            Self::Absent => true,
            Self::Tag(tag) => tag.matches_strongly(&current.etag),
            Self::Date(date) => current.modified == Some(*date),
            Self::Malformed => false,
        }
    }
}

fn after(modified: Option<SystemTime>, since: Option<SystemTime>) -> Option<bool> {
    Some(modified? > since?)
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next()?.to_str().ok()?;
    lines.next().is_none().then(|| httpdate::parse_http_date(line).ok())?
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn current() -> Validators {
        let modified = httpdate::parse_http_date(AT).unwrap();
        Validators { etag: EntityTag::parse(br#""now""#).unwrap(), modified: Some(modified) }
    }

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        let value = |value| HeaderValue::from_str(value).unwrap();
        let mut headers = HeaderMap::new();
        for (name, text) in fields {
            headers.append(name, value(text));
        }
        headers
    }

    #[test]
    fn preconditions_are_evaluated_in_the_order_of_section_13_2_2() {
        use PreconditionResult::{Failed, NotModified, Send};
        for (fields, result) in [
            (&[][..], Send),
            (&[(IF_MATCH, r#""now""#)], Send),
            (&[(IF_MATCH, "*")], Send),
            (&[(IF_MATCH, r#"W/"now""#)], Failed),
            (&[(IF_MATCH, r#""old""#)], Failed),
            (&[(IF_MATCH, r#""old", "now""#)], Send),
            (&[(IF_MATCH, "now")], Failed),
            (&[(IF_UNMODIFIED_SINCE, BEFORE)], Failed),
            (&[(IF_UNMODIFIED_SINCE, AT)], Send),
            (&[(IF_UNMODIFIED_SINCE, AFTER)], Send),
            (&[(IF_UNMODIFIED_SINCE, "yesterday")], Send),
            (&[(IF_NONE_MATCH, r#""now""#)], NotModified),
            (&[(IF_NONE_MATCH, r#"W/"now""#)], NotModified),
            (&[(IF_NONE_MATCH, "*")], NotModified),
            (&[(IF_NONE_MATCH, r#""old""#)], Send),
            (&[(IF_NONE_MATCH, "now")], Send),
            (&[(IF_MODIFIED_SINCE, BEFORE)], Send),
            (&[(IF_MODIFIED_SINCE, AT)], NotModified),
            (&[(IF_MODIFIED_SINCE, AFTER)], NotModified),
            (&[(IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT")], NotModified),
            (&[(IF_MODIFIED_SINCE, "Sun Nov  6 08:49:37 1994")], NotModified),
            (&[(IF_MODIFIED_SINCE, "0")], Send),
            (&[(IF_MODIFIED_SINCE, AT), (IF_MODIFIED_SINCE, AT)], Send),
            (&[(IF_MATCH, r#""now""#), (IF_UNMODIFIED_SINCE, BEFORE)], Send),
            (&[(IF_MATCH, r#""old""#), (IF_UNMODIFIED_SINCE, AFTER)], Failed),
            (&[(IF_NONE_MATCH, r#""old""#), (IF_MODIFIED_SINCE, AFTER)], Send),
            (&[(IF_NONE_MATCH, r#""now""#), (IF_MODIFIED_SINCE, BEFORE)], NotModified),
            (&[(IF_MATCH, r#""old""#), (IF_NONE_MATCH, r#""now""#)], Failed),
            (&[(IF_MATCH, r#""now""#), (IF_NONE_MATCH, r#""now""#)], NotModified),
            (&[(IF_UNMODIFIED_SINCE, AT), (IF_MODIFIED_SINCE, AT)], NotModified),
        ] {
            assert_eq!(Preconditions::parse(&headers(fields)).evaluate(&current()), result, "{fields:?}");
        }
    }

    #[test]
    fn a_file_from_the_future_or_before_1970_has_no_date() {
        let file = tempfile::tempfile().unwrap();
        let now = Timestamp::from_second(1_000).unwrap();
        for (modified, dated) in [(999, true), (1_000, true), (1_001, false), (0, true), (-1, false)] {
            let modified: SystemTime = Timestamp::from_second(modified).unwrap().try_into().unwrap();
            file.set_modified(modified).unwrap();
            let expected = dated.then_some(modified);
            assert_eq!(Validators::new(&file.metadata().unwrap(), now).modified, expected, "{modified:?}");
        }
    }

    #[test]
    fn dates_are_ignored_if_the_file_has_none() {
        let current = Validators { modified: None, ..current() };
        for name in [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
            let preconditions = Preconditions::parse(&headers(&[(name, BEFORE)]));
            assert_eq!(preconditions.evaluate(&current), PreconditionResult::Send);
        }
        assert!(!IfRange::parse(&headers(&[(IF_RANGE, AT)])).holds(&current));
    }

    #[test]
    fn if_range_holds_for_exactly_this_version() {
        assert!(IfRange::parse(&headers(&[])).holds(&current()));
        for (value, holds) in [
            (r#""now""#, true),
            (r#"W/"now""#, false),
            (r#""old""#, false),
            (r#""now", "old""#, false),
            (AT, true),
            (BEFORE, false),
            (AFTER, false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(IfRange::parse(&headers(&[(IF_RANGE, value)])).holds(&current()), holds, "{value}");
        }
    }
}
