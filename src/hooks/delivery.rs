//! Delivers one message: attempts with growing pauses until the receiver takes it, or it is too old.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep_until};

use super::client::SendError;

/// How long after an event its message is sent again.
pub(super) const RETRY_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The first pause between attempts.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(120);

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum AttemptError {
    /// The receiver has another status than 200 to 299. Redirects are not followed.
    Status(StatusCode),
    /// It has none.
    Send(SendError),
}

impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) if status.is_redirection() => {
                write!(f, "status {}: redirects are not followed", status.as_u16())
            }
            Self::Status(status) => write!(f, "status {}", status.as_u16()),
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl AttemptError {
    /// Turns the outcome of an attempt into a result.
    pub(super) fn check(outcome: Result<StatusCode, SendError>) -> Result<(), Self> {
        match outcome {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(Self::Status(status)),
            Err(error) => Err(Self::Send(error)),
        }
    }

    /// Returns true if the receiver wants no more messages (Standard Webhooks, "Operational considerations").
    fn is_final(&self) -> bool {
        matches!(self, Self::Status(StatusCode::GONE))
    }
}

/// A message that was given up.
#[derive(Debug)]
pub(super) struct GivenUp {
    /// At least one.
    pub(super) attempts: usize,
    /// Why the last of them failed.
    pub(super) error: AttemptError,
}

/// Attempts to send a message until the receiver takes it, or the next attempt would be later than [`RETRY_LIMIT`] after the
/// event, which was at `event`. There is always one attempt. Calls `on_first_failure` if that one fails and others will follow.
pub(super) async fn deliver(
    event: Instant,
    attempt: impl AsyncFn() -> Result<(), AttemptError>,
    on_first_failure: impl Fn(&AttemptError),
) -> Result<(), GivenUp> {
    let mut pause = FIRST_PAUSE;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let Err(error) = attempt().await else { return Ok(()) };
        let next = Instant::now() + jittered(pause);
        if error.is_final() || next > event + RETRY_LIMIT {
            return Err(GivenUp { attempts, error });
        }
        if attempts == 1 {
            on_first_failure(&error);
        }
        sleep_until(next).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Returns a random time between half a pause and the whole, so that many gateways do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    pause / 2 + (pause / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

    fn status(status: StatusCode) -> Result<(), AttemptError> {
        AttemptError::check(Ok(status))
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_go_on_for_15_minutes_with_growing_pauses() {
        let event = Instant::now();
        let times = RefCell::new(Vec::new());
        let first_failures = Cell::new(0);
        let attempt = async || {
            times.borrow_mut().push(Instant::now() - event);
            status(FAILED)
        };
        let given_up =
            deliver(event, attempt, |_| first_failures.set(first_failures.get() + 1)).await.unwrap_err();
        let times = times.into_inner();
        assert_eq!((given_up.attempts, first_failures.get()), (times.len(), 1));
        assert_eq!(given_up.error.to_string(), "status 500");
        let mut expected = FIRST_PAUSE;
        for pair in times.windows(2) {
            let pause = pair[1].abs_diff(pair[0]);
            // Timers have a resolution of a millisecond.
            let slack = Duration::from_millis(2);
            assert!(pause + slack >= expected / 2 && pause <= expected + slack, "{pause:?} of {expected:?}");
            expected = (expected * 2).min(MAX_PAUSE);
        }
        let last = *times.last().unwrap();
        assert!(last <= RETRY_LIMIT && last + MAX_PAUSE > RETRY_LIMIT, "{last:?}");
        assert!((13..=22).contains(&times.len()), "{}", times.len());
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_first_success_and_when_the_receiver_is_gone() {
        for (last, is_taken) in [(StatusCode::NO_CONTENT, true), (StatusCode::GONE, false)] {
            let attempts = Cell::new(0);
            let attempt = async || {
                attempts.set(attempts.get() + 1);
                status(if attempts.get() < 3 { StatusCode::FOUND } else { last })
            };
            let result = deliver(Instant::now(), attempt, |error| {
                assert_eq!(error.to_string(), "status 302: redirects are not followed");
            });
            assert_eq!((result.await.is_ok(), attempts.get()), (is_taken, 3));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_message_has_one_attempt() {
        let event = Instant::now();
        tokio::time::advance(RETRY_LIMIT + Duration::from_secs(1)).await;
        let given_up =
            deliver(event, async || status(FAILED), |_| panic!("others will follow")).await.unwrap_err();
        assert_eq!(given_up.attempts, 1);
        assert!(deliver(event, async || Ok(()), |_| ()).await.is_ok());
    }

    #[test]
    fn pauses_differ() {
        let pauses: std::collections::BTreeSet<_> = (0..50).map(|_| jittered(MAX_PAUSE)).collect();
        assert!(pauses.len() > 10);
        assert!(pauses.iter().all(|pause| (MAX_PAUSE / 2..=MAX_PAUSE).contains(pause)));
    }
}
