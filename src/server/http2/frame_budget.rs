//! How many frames a client of HTTP/2 may send besides its requests and their bodies.
//!
//! Frames that carry no request and no body cost work, and HTTP/2 itself sets them no limit (RFC 9113, section 10.5). Each
//! takes from a budget, which grows with what needs such frames: requests, bytes of bodies in both directions, and time.

use tokio::time::Instant;

use super::frames::FrameKind;

/// The budget at the start, and at most.
const MAX: usize = 1000;
/// How much the budget grows per second.
const PER_SECOND: f64 = 100.0;
/// How much it grows with each request: a client may send PRIORITY with it, and WINDOW_UPDATE for the response.
const PER_REQUEST: usize = 4;
/// How many bytes of bodies make it grow by one.
const BYTES: usize = 1024;
/// What most frames cost.
const COST: usize = 1;
/// What a PING costs, which the gateway must answer: what a request brings, since some clients send one with each. One that follows
/// a DATA frame to the client costs no more than most frames, since some clients measure the bandwidth with it.
const PING_COST: usize = PER_REQUEST;
/// How many PINGs may be left to cost less.
const MAX_PINGS: usize = MAX / PING_COST;
/// What a frame costs that makes the gateway do more: RST_STREAM, which discards the work for its request, and SETTINGS, which concern all
/// streams. It is more than a request brings, so that requests that are reset have a limit (CVE-2023-44487).
const HIGH_COST: usize = 2 * PER_REQUEST;

/// The budget of a connection.
#[derive(Debug)]
pub(super) struct FrameBudget {
    left: usize,
    /// How many PINGs may cost less.
    pings: usize,
    /// The time up to which it has grown.
    since: Instant,
}

impl FrameBudget {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: MAX, pings: 0, since: now }
    }

    /// Counts bytes that were sent to the client.
    pub(super) fn add_sent(&mut self, bytes: usize) {
        self.add(bytes / BYTES);
    }

    /// Counts DATA frames that are sent to the client.
    pub(super) fn add_sent_parts(&mut self, parts: usize) {
        self.add(parts * COST);
        self.pings = self.pings.saturating_add(parts).min(MAX_PINGS);
    }

    /// Counts a frame from the client. Returns false if the budget does not suffice.
    pub(super) fn count(&mut self, kind: FrameKind, payload: usize, now: Instant) -> bool {
        match kind {
            FrameKind::Headers => self.add(PER_REQUEST),
            FrameKind::Data if payload > 0 => self.add(payload / BYTES),
            FrameKind::Ping => {
                let cost = if self.pings > 0 { COST } else { PING_COST };
                self.pings = self.pings.saturating_sub(1);
                return self.take(cost, now);
            }
            FrameKind::ResetStream | FrameKind::Settings => return self.take(HIGH_COST, now),
            _ => return self.take(COST, now),
        }
        true
    }

    fn take(&mut self, cost: usize, now: Instant) -> bool {
        if self.left < cost {
            self.add_time(now);
        }
        let left = self.left.checked_sub(cost);
        self.left = left.unwrap_or(0);
        left.is_some()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive, and limited"
    )]
    fn add_time(&mut self, now: Instant) {
        let seconds = now.duration_since(self.since).as_secs_f64();
        self.since = now;
        self.add((seconds * PER_SECOND) as usize);
    }

    fn add(&mut self, more: usize) {
        self.left = self.left.saturating_add(more).min(MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Counts these frames until the budget does not suffice, and returns how often it did; `limit` if always.
    fn rounds(budget: &mut FrameBudget, frames: &[(FrameKind, usize)], limit: usize) -> usize {
        let now = Instant::now();
        let mut count = |&(kind, payload): &(FrameKind, usize)| budget.count(kind, payload, now);
        (0..limit).take_while(|_| frames.iter().all(&mut count)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn what_requests_and_bodies_need_has_no_limit_and_all_else_has() {
        use FrameKind::*;
        const LIMIT: usize = 100_000;
        for (frames, expected) in [
            (&[(Ping, 8)][..], MAX / 4),
            (&[(WindowUpdate, 4)], MAX),
            (&[(Priority, 5)], MAX),
            (&[(Continuation, 0)], MAX),
            (&[(Other, 9000)], MAX),
            (&[(Data, 0)], MAX),
            (&[(Settings, 0)], MAX / 8),
            // Each request brings 4, and its reset costs 8.
            (&[(Headers, 30), (ResetStream, 4)], MAX / 4 - 1),
            (&[(Headers, 30)], LIMIT),
            (&[(Headers, 30), (Ping, 8)], LIMIT),
            (&[(Headers, 30), (Priority, 5), (WindowUpdate, 4), (WindowUpdate, 4)], LIMIT),
            (&[(Data, 1)], LIMIT),
            (&[(Data, 16_384), (Ping, 8), (WindowUpdate, 4)], LIMIT),
        ] {
            let mut budget = FrameBudget::new(Instant::now());
            assert_eq!(rounds(&mut budget, frames, LIMIT), expected, "{frames:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_grows_with_time_and_with_what_is_sent_up_to_its_maximum() {
        let mut budget = FrameBudget::new(Instant::now());
        let frames = |budget: &mut FrameBudget| rounds(budget, &[(FrameKind::Priority, 5)], 2 * MAX);
        assert_eq!(frames(&mut budget), MAX);
        for (seconds, expected) in [(0, 0), (1, 100), (3, 300), (3600, MAX)] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            assert_eq!(frames(&mut budget), expected, "{seconds} s");
        }
        for (sent, expected) in [(0, 0), (17, 0), (16_384, 16), (1 << 30, MAX)] {
            budget.add_sent(sent);
            assert_eq!(frames(&mut budget), expected, "{sent} bytes");
        }
        budget.add_sent_parts(3);
        let pings = rounds(&mut budget, &[(FrameKind::Ping, 8)], 2 * MAX);
        assert_eq!(pings, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn parts_that_a_client_asks_for_byte_by_byte_pay_for_nothing_else() {
        let now = Instant::now();
        let mut budget = FrameBudget::new(now);
        let mut resets_one = |_: &usize| {
            let may_ask = budget.count(FrameKind::WindowUpdate, 4, now);
            budget.add_sent_parts(1);
            may_ask && budget.count(FrameKind::ResetStream, 4, now)
        };
        assert_eq!((0..100_000).take_while(&mut resets_one).count(), MAX / HIGH_COST);
    }
}
