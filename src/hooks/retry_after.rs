//! `Retry-After`: how long a receiver asks senders to wait (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};
use jiff::Timestamp;

/// Returns how long the receiver of this response asks to wait: a number of seconds, or until a date. A date counts from `Date` of
/// the response, so that the clocks need not agree; without it, from `now`. A value that is neither counts as absent.
pub(super) fn retry_after(fields: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = text(fields, RETRY_AFTER)?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only a number that is too large does not parse.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let sent = text(fields, DATE).and_then(second);
    let sent = sent.unwrap_or_else(|| u64::try_from(now.as_second()).unwrap_or_default());
    // A date that has passed is one to wait for no longer.
    Some(Duration::from_secs(second(value)?.saturating_sub(sent)))
}

/// Returns the second since 1970 of a date.
fn second(text: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
}

fn text(fields: &HeaderMap, name: HeaderName) -> Option<&str> {
    Some(fields.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_seconds_or_a_date_and_anything_else_is_ignored() {
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        for (value, date, expected) in [
            ("120", None, Some(120)),
            (" 0 ", None, Some(0)),
            ("99999999999999999999999", None, Some(u64::MAX)),
            ("Fri, 27 Nov 2026 12:02:00 GMT", None, Some(120)),
            ("Friday, 27-Nov-26 12:02:00 GMT", None, Some(120)),
            ("Fri Nov 27 12:02:00 2026", None, Some(120)),
            ("Fri, 27 Nov 2026 11:00:00 GMT", None, Some(0)),
            // The clock of the receiver is an hour late.
            ("Fri, 27 Nov 2026 11:02:00 GMT", Some("Fri, 27 Nov 2026 11:00:00 GMT"), Some(120)),
            ("Fri, 27 Nov 2026 12:02:00 GMT", Some("noon"), Some(120)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None, Some(251_606_519_999)),
            ("", None, None),
            ("-1", None, None),
            ("1.5", None, None),
            ("120, 60", None, None),
            ("soon", None, None),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert(RETRY_AFTER, value.parse().unwrap());
            if let Some(date) = date {
                fields.insert(DATE, date.parse().unwrap());
            }
            assert_eq!(retry_after(&fields, now), expected.map(Duration::from_secs), "{value} {date:?}");
        }
        let mut fields = HeaderMap::new();
        fields.insert(RETRY_AFTER, http::HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!([retry_after(&fields, now), retry_after(&HeaderMap::new(), now)], [None, None]);
    }
}
