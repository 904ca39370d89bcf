//! The only place that reads the clock. Everything else gets `now` as an argument.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

/// Returns the current time. A clock beyond the year 9999 shows its last moment.
#[allow(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> Timestamp {
    timestamp(SystemTime::now())
}

fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MAX)
}

/// Formats a time for HTTP fields such as `Date` (RFC 9110, section 5.6.7). Times before 1970 become its first second. Each thread keeps
/// the last text, because many responses have the same second.
pub fn http_date(time: Timestamp) -> Rc<str> {
    thread_local! {
        static LAST: RefCell<Option<(u64, Rc<str>)>> = const { RefCell::new(None) };
    }
    let second = u64::try_from(time.as_second()).unwrap_or_default();
    let kept = LAST.take().filter(|(last, _)| *last == second);
    let (_, date) = kept.unwrap_or_else(|| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        (second, httpdate::fmt_http_date(time).into())
    });
    LAST.set(Some((second, Rc::clone(&date))));
    date
}

/// Returns the number of the current tick of 4 ms. It never goes back.
#[allow(clippy::disallowed_methods, reason = "this is the edge")]
pub fn tick() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis() / 4).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_formatted_once_a_second() {
        let at = |second: i64, nanosecond| http_date(Timestamp::new(second, nanosecond).unwrap());
        let first = at(784_111_777, 0);
        assert_eq!(&*first, "Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(Rc::ptr_eq(&first, &at(784_111_777, 999_999_999)));
        // The clock may be set back.
        for (second, expected) in [
            (784_111_778, "Sun, 06 Nov 1994 08:49:38 GMT"),
            (784_111_776, "Sun, 06 Nov 1994 08:49:36 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(&*at(second, 0), expected);
        }
    }

    #[test]
    fn a_clock_beyond_the_last_moment_shows_it() {
        for (seconds, expected) in
            [(253_402_207_199, false), (253_402_207_201, true), (u64::from(u32::MAX) << 7, true)]
        {
            let time = timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(time == Timestamp::MAX, expected, "{seconds}");
        }
    }
}
