//! Links that log an operator in, once.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::editing::random_secret;
use crate::matching::bypass::SecretHash;

/// How long a link works.
pub const LINK_LIMIT: SignedDuration = SignedDuration::from_secs(60);
/// The number of links that work at the same time. Beyond that, the oldest one stops.
const MAX_LINKS: usize = 16;

/// The links that were not used yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Links(Mutex<Vec<Link>>);

#[derive(Debug)]
struct Link {
    hash: SecretHash,
    name: String,
    made: Timestamp,
}

impl Links {
    /// Makes a link for an operator, and returns its secret.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(super) fn make(&self, name: String, now: Timestamp) -> Result<String, getrandom::Error> {
        let secret = random_secret()?;
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.is_valid(now));
        if links.len() >= MAX_LINKS {
            links.remove(0);
        }
        links.push(Link { hash: SecretHash::of(secret.as_bytes()), name, made: now });
        Ok(secret)
    }

    /// Returns the name for which a link with this secret was made. The link does not work again.
    pub(super) fn redeem(&self, secret: &[u8], now: Timestamp) -> Option<String> {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.is_valid(now));
        let position = links.iter().position(|link| link.hash.is_of(secret))?;
        Some(links.remove(position).name)
    }
}

impl Link {
    fn is_valid(&self, now: Timestamp) -> bool {
        (SignedDuration::ZERO..LINK_LIMIT).contains(&now.duration_since(self.made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_link_works_once_within_a_minute() {
        for (second, expected) in [(0, true), (59, true), (60, false), (-1, false)] {
            let links = Links::default();
            let secret = links.make("ann".into(), at(0)).unwrap();
            let name = links.redeem(secret.as_bytes(), at(second));
            assert_eq!(name.as_deref(), expected.then_some("ann"), "{second}");
            assert_eq!(links.redeem(secret.as_bytes(), at(second)), None, "again");
        }
    }

    #[test]
    fn a_wrong_secret_uses_up_no_link() {
        let links = Links::default();
        let secret = links.make("ann".into(), at(0)).unwrap();
        assert_eq!(links.redeem(b"wrong", at(1)), None);
        assert_eq!(links.redeem(secret.as_bytes(), at(1)).as_deref(), Some("ann"));
    }

    #[test]
    fn the_oldest_link_stops_working_if_there_are_too_many() {
        let links = Links::default();
        let secrets: Vec<_> = (0..=MAX_LINKS).map(|_| links.make("ann".into(), at(0)).unwrap()).collect();
        let works = secrets.iter().map(|secret| links.redeem(secret.as_bytes(), at(1)).is_some());
        assert_eq!(works.filter(|works| !works).count(), 1);
    }
}
