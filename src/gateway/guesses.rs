//! Counts the wrong secrets that each client sends.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{LazyLock, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The wrong secrets that a client may send within [`INTERVAL`]. A tester who mistypes a secret needs a few.
const MAX_GUESSES: u32 = 10;
/// The time within which they are counted.
pub(super) const INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// The number of clients that are counted. While there are more, each wrong secret of another one is too many.
const MAX_CLIENTS: usize = 1024;

/// The wrong secrets of all clients of this process.
pub(super) static GUESSES: LazyLock<Guesses> = LazyLock::new(Guesses::default);

/// Counts of wrong secrets.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<GuessCounts>);

#[derive(Debug, Default)]
struct GuessCounts {
    /// For each client, the first of its wrong secrets within the interval, and their number.
    clients: HashMap<Option<IpAddr>, (Timestamp, u32)>,
    /// When one was last logged.
    logged_at: Option<Timestamp>,
}

/// A wrong secret that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CountedGuess {
    /// True if the client has sent too many.
    pub(super) is_limited: bool,
    /// True if that is to be logged: nothing like it was within the interval.
    pub(super) is_news: bool,
}

impl Guesses {
    /// Counts a wrong secret of a client.
    pub(super) fn record(&self, client: Option<IpAddr>, now: Timestamp) -> CountedGuess {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_limited = counts.count(client.map(network), now) > MAX_GUESSES;
        let is_news = is_limited && counts.logged_at.is_none_or(|at| !is_recent(at, now));
        if is_news {
            counts.logged_at = Some(now);
        }
        CountedGuess { is_limited, is_news }
    }
}

impl GuessCounts {
    fn count(&mut self, client: Option<IpAddr>, now: Timestamp) -> u32 {
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(&client) {
            self.clients.retain(|_, (since, _)| is_recent(*since, now));
            if self.clients.len() >= MAX_CLIENTS {
                return u32::MAX;
            }
        }
        let (since, count) = self.clients.entry(client).or_insert((now, 0));
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
fn network(address: IpAddr) -> IpAddr {
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

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_may_send_ten_wrong_secrets_a_minute() {
        let guesses = Guesses::default();
        for second in 0..10 {
            assert!(!guesses.record(Some(address("2001:db8::1")), at(second)).is_limited, "{second}");
        }
        let same = Some(address("2001:db8::ffff:2"));
        assert_eq!(guesses.record(same, at(10)), CountedGuess { is_limited: true, is_news: true });
        assert_eq!(guesses.record(same, at(59)), CountedGuess { is_limited: true, is_news: false });
        assert!(!guesses.record(Some(address("2001:db8:0:1::1")), at(59)).is_limited);
        assert!(!guesses.record(None, at(59)).is_limited);
        assert!(!guesses.record(same, at(60)).is_limited);
        assert!(!guesses.record(same, at(0)).is_limited);
    }

    #[test]
    fn no_more_clients_are_counted_than_fit() {
        let guesses = Guesses::default();
        let client = |number: u32| Some(std::net::Ipv4Addr::from_bits(number).into());
        for number in 0..1024 {
            assert!(!guesses.record(client(number), at(0)).is_limited);
        }
        assert!(guesses.record(client(1024), at(59)).is_limited);
        assert!(!guesses.record(client(1023), at(59)).is_limited);
        assert!(!guesses.record(client(1024), at(60)).is_limited);
        assert_eq!(guesses.0.lock().unwrap().clients.len(), 1);
    }
}
