//! The sessions of operators who have logged in. They are in memory only: a restart ends all of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Operator;
use crate::config::users::User;
use crate::editing::random_secret;
use crate::matching::bypass::SecretHash;

/// A session ends if no request uses it for this long.
const IDLE_LIMIT: SignedDuration = SignedDuration::from_mins(30);
/// A session ends after this time in any case.
const LIMIT: SignedDuration = SignedDuration::from_hours(12);
/// A clock that is set back by up to this much ends no session.
const SET_BACK: SignedDuration = SignedDuration::from_mins(1);
/// The number of sessions. Beyond that, the one that was not used for the longest time ends.
const MAX_SESSIONS: usize = 1000;

/// The sessions, by the hashes of their secrets.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<SecretHash, Session>>);

/// The session of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// The operator.
    pub(super) operator: Operator,
    /// The entry of the file with operators, if a password has begun it: the session lasts no longer than the entry.
    pub(super) user: Option<User>,
    begun: Timestamp,
    used: Timestamp,
}

impl Sessions {
    /// Begins a session, and returns its secret.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(super) fn begin(
        &self,
        operator: Operator,
        user: Option<User>,
        now: Timestamp,
    ) -> Result<String, getrandom::Error> {
        let secret = random_secret()?;
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| session.is_valid(now));
        }
        if sessions.len() >= MAX_SESSIONS
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.used)
        {
            let oldest = *oldest.0;
            sessions.remove(&oldest);
        }
        let session = Session { operator, user, begun: now, used: now };
        sessions.insert(SecretHash::of(secret.as_bytes()), session);
        Ok(secret)
    }

    /// Returns the session with this secret, which a request uses at `now`.
    pub(super) fn find(&self, secret: &[u8], now: Timestamp) -> Option<Session> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = SecretHash::of(secret);
        let session = sessions.get_mut(&hash)?;
        if !session.is_valid(now) {
            sessions.remove(&hash);
            return None;
        }
        session.used = now;
        Some(session.clone())
    }

    /// Ends the session with this secret.
    pub(super) fn end(&self, secret: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&SecretHash::of(secret));
    }
}

impl Session {
    fn is_valid(&self, now: Timestamp) -> bool {
        let lasts = |since: Timestamp, limit| (-SET_BACK..limit).contains(&now.duration_since(since));
        lasts(self.used, IDLE_LIMIT) && lasts(self.begun, LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Means;
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn operator(name: &str) -> Operator {
        Operator { name: name.into(), means: Means::Link, may_write: true }
    }

    fn is_valid(sessions: &Sessions, secret: &str, minute: i64) -> bool {
        sessions.find(secret.as_bytes(), at(minute)).is_some()
    }

    #[test]
    fn a_session_ends_after_30_idle_minutes() {
        let sessions = Sessions::default();
        let secret = sessions.begin(operator("ann"), None, at(0)).unwrap();
        for minute in [0, 29, 58, 87] {
            assert!(is_valid(&sessions, &secret, minute), "{minute}");
        }
        assert!(!is_valid(&sessions, &secret, 117));
        assert!(!is_valid(&sessions, &secret, 88), "it is over for good");
        assert!(!is_valid(&sessions, "another", 88));
    }

    #[test]
    fn a_session_ends_after_12_hours_however_much_it_is_used() {
        let sessions = Sessions::default();
        let secret = sessions.begin(operator("ann"), None, at(0)).unwrap();
        assert!((0..12 * 60).step_by(20).all(|minute| is_valid(&sessions, &secret, minute)));
        assert!(is_valid(&sessions, &secret, 12 * 60 - 1));
        assert!(!is_valid(&sessions, &secret, 12 * 60));
    }

    #[test]
    fn a_session_ends_if_the_clock_is_set_back_by_more_than_a_minute() {
        for (minute, expected) in [(-1, true), (-2, false)] {
            let sessions = Sessions::default();
            let secret = sessions.begin(operator("ann"), None, at(0)).unwrap();
            assert_eq!(is_valid(&sessions, &secret, minute), expected, "{minute}");
        }
    }

    #[test]
    fn a_logout_ends_one_session() {
        let sessions = Sessions::default();
        let [one, other] = ["ann", "bob"].map(|name| sessions.begin(operator(name), None, at(0)).unwrap());
        sessions.end(one.as_bytes());
        assert!(!is_valid(&sessions, &one, 0) && is_valid(&sessions, &other, 0));
    }

    #[test]
    fn the_number_of_sessions_is_limited() {
        let sessions = Sessions::default();
        let first = sessions.begin(operator("ann"), None, at(0)).unwrap();
        let second = sessions.begin(operator("ann"), None, at(1)).unwrap();
        assert!(is_valid(&sessions, &first, 2));
        for _ in 2..=MAX_SESSIONS {
            sessions.begin(operator("bob"), None, at(3)).unwrap();
        }
        assert!(!is_valid(&sessions, &second, 4) && is_valid(&sessions, &first, 4));
        assert_eq!(sessions.0.lock().unwrap().len(), MAX_SESSIONS);
    }
}
