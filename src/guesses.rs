//! Counts of wrong secrets.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The time within which wrong secrets are counted.
pub const INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// The wrong secrets that were sent within [`INTERVAL`], by a key such as the address of the client.
#[derive(Debug)]
pub struct Guesses<K> {
    /// How many may be sent for one key.
    max: u32,
    /// How many keys are counted. While there are more, each wrong secret of another one is too many.
    max_keys: usize,
    counts: Mutex<GuessCounts<K>>,
}

#[derive(Debug)]
struct GuessCounts<K> {
    /// For each key, the first of the wrong secrets within the interval, and their number.
    keys: HashMap<K, (Timestamp, u32)>,
    /// When one was last logged.
    logged_at: Option<Timestamp>,
}

/// A wrong secret that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedGuess {
    /// True if there were too many.
    pub is_limited: bool,
    /// True if that is to be logged: nothing like it was within the interval.
    pub is_news: bool,
}

impl<K: Eq + Hash> Guesses<K> {
    /// Counts up to `max` wrong secrets for each of up to `max_keys` keys.
    pub fn new(max: u32, max_keys: usize) -> Self {
        Self { max, max_keys, counts: Mutex::new(GuessCounts { keys: HashMap::new(), logged_at: None }) }
    }

    /// Counts a wrong secret.
    pub fn record(&self, key: K, now: Timestamp) -> CountedGuess {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_limited = counts.count(key, self.max_keys, now) > self.max;
        let is_news = is_limited && counts.logged_at.is_none_or(|at| !is_recent(at, now));
        if is_news {
            counts.logged_at = Some(now);
        }
        CountedGuess { is_limited, is_news }
    }

    /// Returns true if one more wrong secret would be too many for a key that is counted.
    pub fn is_exhausted(&self, key: &K, now: Timestamp) -> bool {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.keys.get(key).is_some_and(|(since, count)| is_recent(*since, now) && *count >= self.max)
    }
}

impl<K: Eq + Hash> GuessCounts<K> {
    fn count(&mut self, key: K, max_keys: usize, now: Timestamp) -> u32 {
        if self.keys.len() >= max_keys && !self.keys.contains_key(&key) {
            self.keys.retain(|_, (since, _)| is_recent(*since, now));
            if self.keys.len() >= max_keys {
                return u32::MAX;
            }
        }
        let (since, count) = self.keys.entry(key).or_insert((now, 0));
        if !is_recent(*since, now) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count
    }
}

/// Returns true if a time is within the interval before `now`. The clock may have been set back.
fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    (SignedDuration::ZERO..INTERVAL).contains(&now.duration_since(at))
}

/// Returns the address that stands for a client: with IPv6, one client has a whole network of 64 bits.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key(text: &str) -> IpAddr {
        client_network(text.parse().unwrap())
    }

    #[test]
    fn a_client_may_send_ten_wrong_secrets_a_minute() {
        let guesses = Guesses::new(10, 1024);
        for second in 0..10 {
            assert!(!guesses.is_exhausted(&key("2001:db8::1"), at(second)), "{second}");
            assert!(!guesses.record(key("2001:db8::1"), at(second)).is_limited, "{second}");
        }
        let same = key("2001:db8::ffff:2");
        assert!(guesses.is_exhausted(&same, at(10)) && !guesses.is_exhausted(&same, at(60)));
        assert_eq!(guesses.record(same, at(10)), CountedGuess { is_limited: true, is_news: true });
        assert_eq!(guesses.record(same, at(59)), CountedGuess { is_limited: true, is_news: false });
        assert!(!guesses.record(key("2001:db8:0:1::1"), at(59)).is_limited);
        assert!(!guesses.record(same, at(60)).is_limited);
        assert!(!guesses.record(same, at(0)).is_limited);
    }

    #[test]
    fn no_more_keys_are_counted_than_fit() {
        let guesses = Guesses::new(10, 1024);
        for number in 0..1024 {
            assert!(!guesses.record(number, at(0)).is_limited);
        }
        assert!(guesses.record(1024, at(59)).is_limited);
        assert!(!guesses.is_exhausted(&1024, at(59)));
        assert!(!guesses.record(1023, at(59)).is_limited);
        assert!(!guesses.record(1024, at(60)).is_limited);
        assert_eq!(guesses.counts.lock().unwrap().keys.len(), 1);
    }
}
