//! Delivers one message: attempts with growing pauses until the receiver takes it, or it is too old.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep_until};

use super::client::{Response, SendError};

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
    Status(Response),
    /// It has none.
    Send(SendError),
}

impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(Response { status, retry_after }) => {
                write!(f, "status {}", status.as_u16())?;
                if status.is_redirection() {
                    f.write_str(": redirects are not followed")?;
                }
                match retry_after {
                    // Whole seconds: a date has no others.
                    Some(wait) if !wait.is_zero() => write!(f, " (Retry-After: {} s)", wait.as_secs()),
                    _ => Ok(()),
                }
            }
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl AttemptError {
    /// Turns the outcome of an attempt into a result.
    pub(super) fn check(outcome: Result<Response, SendError>) -> Result<(), Self> {
        match outcome {
            Ok(response) if response.status.is_success() => Ok(()),
            Ok(response) => Err(Self::Status(response)),
            Err(error) => Err(Self::Send(error)),
        }
    }

    /// Returns true if the receiver wants no more messages (Standard Webhooks, "Operational considerations").
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Status(Response { status: StatusCode::GONE, .. }))
    }

    /// Returns the time before which the receiver wants no other message, if it failed now. It is never later than [`RETRY_LIMIT`]
    /// from now.
    fn earliest(&self, now: Instant) -> Instant {
        let wait = match self {
            Self::Status(Response { retry_after, .. }) => retry_after.unwrap_or_default(),
            Self::Send(_) => Duration::ZERO,
        };
        now + wait.min(RETRY_LIMIT)
    }
}

/// A message that was given up.
#[derive(Debug)]
pub(super) struct GivenUp {
    /// At least one.
    pub(super) attempts: usize,
    /// Why the last of them failed.
    pub(super) error: AttemptError,
    /// When the receiver may get the next message.
    pub(super) earliest: Instant,
}

/// Attempts to send a message until the receiver takes it, or the next attempt would be later than [`RETRY_LIMIT`] after the
/// event, which was at `event`. There is always one attempt, not before `earliest`. A receiver that asks to wait for longer than the
/// limit gets the message a last time at the limit. Calls `on_first_failure` if the first attempt fails and others will follow.
pub(super) async fn deliver(
    event: Instant,
    earliest: Instant,
    attempt: impl AsyncFn() -> Result<(), AttemptError>,
    on_first_failure: impl Fn(&AttemptError),
) -> Result<(), GivenUp> {
    let limit = event + RETRY_LIMIT;
    let mut pause = FIRST_PAUSE;
    let mut attempts = 0;
    sleep_until(earliest.min(limit)).await;
    loop {
        attempts += 1;
        let Err(error) = attempt().await else { return Ok(()) };
        let now = Instant::now();
        let earliest = error.earliest(now);
        let next = (now + jittered(pause)).max(earliest.min(limit));
        if error.is_gone() || next > limit {
            return Err(GivenUp { attempts, error, earliest });
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
        AttemptError::check(Ok(Response { status, retry_after: None }))
    }

    fn retry_after(seconds: u64) -> Result<(), AttemptError> {
        let retry_after = Some(Duration::from_secs(seconds));
        AttemptError::check(Ok(Response { status: StatusCode::TOO_MANY_REQUESTS, retry_after }))
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
        let given_up = deliver(event, event, attempt, |_| first_failures.set(first_failures.get() + 1))
            .await
            .unwrap_err();
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
            let now = Instant::now();
            let result = deliver(now, now, attempt, |error| {
                assert_eq!(error.to_string(), "status 302: redirects are not followed");
            });
            assert_eq!((result.await.is_ok(), attempts.get()), (is_taken, 3));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_message_has_one_attempt() {
        let event = Instant::now();
        tokio::time::advance(RETRY_LIMIT + Duration::from_secs(1)).await;
        let given_up = deliver(event, event, async || status(FAILED), |_| panic!("others will follow"))
            .await
            .unwrap_err();
        assert_eq!(given_up.attempts, 1);
        assert!(deliver(event, event, async || Ok(()), |_| ()).await.is_ok());
    }

    /// Returns the seconds after the event at which a message is sent to a receiver that answers so, and what becomes of it.
    async fn seconds(earliest: u64, answers: &[Result<(), u64>]) -> (Vec<u64>, Result<(), GivenUp>) {
        let event = Instant::now();
        let times = RefCell::new(Vec::new());
        let attempt = async || {
            let mut times = times.borrow_mut();
            times.push((Instant::now() - event).as_secs());
            answers[times.len() - 1].or_else(retry_after)
        };
        let result = deliver(event, event + Duration::from_secs(earliest), attempt, |_| ()).await;
        (times.into_inner(), result)
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_asks_to_wait_gets_no_message_before_that() {
        for (earliest, answers, expected) in [
            (0, &[Err(300), Err(120), Ok(())][..], &[0, 300, 420][..]),
            // Never sooner than without it.
            (0, &[Err(300), Err(0), Ok(())], &[0, 300, 301]),
            (60, &[Ok(())], &[60]),
        ] {
            let (times, result) = seconds(earliest, answers).await;
            let are_near = times.iter().zip(expected).all(|(time, expected)| time.abs_diff(*expected) <= 1);
            assert!(times.len() == expected.len() && are_near, "{answers:?}: {times:?}");
            assert!(result.is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_asks_to_wait_for_too_long_gets_a_last_attempt_at_the_limit() {
        let limit = RETRY_LIMIT.as_secs();
        for wait in [limit + 1, u64::MAX] {
            let (times, result) = seconds(0, &[Err(wait), Err(wait)]).await;
            let GivenUp { attempts, error, earliest } = result.unwrap_err();
            assert_eq!((times, attempts), (vec![0, limit], 2));
            assert_eq!(error.to_string(), format!("status 429 (Retry-After: {wait} s)"));
            let wait = earliest - Instant::now();
            assert_eq!(wait, RETRY_LIMIT, "the next message waits no longer than its own limit");
        }
        assert_eq!(seconds(u64::from(u32::MAX), &[Ok(())]).await.0, [limit]);
    }

    #[test]
    fn pauses_differ() {
        let pauses: std::collections::BTreeSet<_> = (0..50).map(|_| jittered(MAX_PAUSE)).collect();
        assert!(pauses.len() > 10);
        assert!(pauses.iter().all(|pause| (MAX_PAUSE / 2..=MAX_PAUSE).contains(pause)));
    }
}
