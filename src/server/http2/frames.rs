//! Follows the incoming frames of HTTP/2 (RFC 9113, section 4.1): how long a client takes for one, and how many it sends.

use tokio::time::Instant;

use super::frame_budget::FrameBudget;
pub(super) use crate::net::frame_finder::FrameKind;
use crate::net::frame_finder::{FoundFrame, FrameFinder};
use crate::server::preface::PREFACE;

const END_HEADERS: u8 = 4;

/// Follows the frames of a connection, starting with its preface. Does not check that they are valid.
#[derive(Debug)]
pub(super) struct Frames {
    finder: FrameFinder,
    /// True if CONTINUATION frames follow.
    is_head_open: bool,
    /// When the first byte of an incomplete frame or head was received.
    since: Option<Instant>,
    budget: FrameBudget,
    /// The frame for which the budget did not suffice.
    flood: Option<FrameKind>,
}

impl Frames {
    /// Starts before the preface.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            finder: FrameFinder::of_headers(PREFACE.len()),
            is_head_open: false,
            since: None,
            budget: FrameBudget::new(now),
            flood: None,
        }
    }

    /// The type of a frame of which the client has sent too many.
    pub(super) fn flood(&self) -> Option<FrameKind> {
        self.flood
    }

    /// Counts bytes that were sent to the client.
    pub(super) fn add_sent(&mut self, bytes: usize) {
        self.budget.add_sent(bytes);
    }

    /// Counts DATA frames that are sent to the client.
    pub(super) fn add_sent_parts(&mut self, parts: usize) {
        self.budget.add_sent_parts(parts);
    }

    /// When the current incomplete frame, or head of several frames, has begun. The payload of DATA does not count, since an
    /// upload may take any time.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Processes bytes that were received at `now`.
    pub(super) fn read(&mut self, mut bytes: &[u8], now: Instant) {
        while !bytes.is_empty() {
            if !self.finder.is_in_payload() {
                self.since.get_or_insert(now);
            }
            let (taken, frame) = self.finder.find_next(bytes);
            bytes = bytes.get(taken..).unwrap_or_default();
            if let Some(FoundFrame { kind, flags, length, .. }) = frame {
                match kind {
                    FrameKind::Headers | FrameKind::Continuation => {
                        self.is_head_open = flags & END_HEADERS == 0;
                    }
                    FrameKind::Data => self.since = None,
                    _ => {}
                }
                if !self.budget.count(kind, length, now) {
                    self.flood.get_or_insert(kind);
                }
            }
            if self.finder.is_between_frames() && !self.is_head_open {
                self.since = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const PING: u8 = 6;
    const CONTINUATION: u8 = 9;

    fn frame(kind: u8, flags: u8, payload: u8) -> Vec<u8> {
        [&[0, 0, payload, kind, flags, 0, 0, 0, 1], &vec![0; payload.into()][..]].concat()
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_or_a_head_is_incomplete_until_its_last_byte() {
        for (frames, open) in [
            (vec![frame(PING, 0, 8)], (1..17, 0..0)),
            (vec![frame(HEADERS, END_HEADERS, 200)], (1..209, 0..0)),
            (vec![frame(HEADERS, END_HEADERS, 0)], (1..9, 0..0)),
            (vec![frame(HEADERS, 0, 3), frame(CONTINUATION, END_HEADERS, 2)], (1..23, 0..0)),
            (vec![frame(HEADERS, 1, 3), frame(CONTINUATION, 0, 0), frame(CONTINUATION, 4, 1)], (1..31, 0..0)),
            (vec![frame(DATA, 0, 200), frame(PING, 0, 8)], (1..9, 210..226)),
        ] {
            let mut followed = Frames::new(Instant::now());
            followed.read(PREFACE, Instant::now());
            for (before, byte) in frames.concat().iter().enumerate() {
                followed.read(&[*byte], Instant::now());
                let is_open = open.0.contains(&(before + 1)) || open.1.contains(&(before + 1));
                assert_eq!(followed.since().is_some(), is_open, "{open:?} after {before} and 1");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_starts_with_the_first_byte_however_the_bytes_are_split() {
        let second = std::time::Duration::from_secs(1);
        let begun = Instant::now();
        let mut frames = Frames::new(Instant::now());
        let head = frame(HEADERS, END_HEADERS, 250);
        let (first, second_half) = head.split_at(10);
        frames.read(&[PREFACE, first].concat(), begun);
        frames.read(&second_half[..100], begun + second);
        assert_eq!(frames.since(), Some(begun));
        // The rest of the frame, and the beginning of the next.
        frames.read(&[&second_half[100..], first].concat(), begun + 2 * second);
        assert_eq!(frames.since(), Some(begun + 2 * second));
    }
}
