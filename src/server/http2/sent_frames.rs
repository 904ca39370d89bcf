//! Follows the frames of the gateway: what hyper refuses by itself, without telling anyone, is logged, and parts of bodies are counted.

use std::rc::Rc;

use crate::net::frame_finder::{FoundFrame, FrameFinder, FrameKind};
use crate::net::peer::Peer;
use crate::server::limit_log;

const END_STREAM: u8 = 1;
const REFUSED_STREAM: &[u8] = &[0, 0, 0, 7];
/// ENHANCE_YOUR_CALM: h2, the library behind hyper, has ended the connection because of a limit of its own.
const TOO_MUCH: &[u8] = &[0, 0, 0, 11];
/// The status 431 without any field (RFC 7541, section 6.2.1), with which hyper refuses a head that is longer than announced.
const TOO_LONG: &[u8] = &[0x48, 0x83, 0x69, 0x90, 0xff];

/// How many streams are remembered. The oldest is forgotten for a new one: usually its client has reset it, which no frame that is sent
/// shows.
const MAX_RESPONDING: usize = 1000;

/// Follows the frames that are sent to a client.
pub(super) struct SentFrames {
    peer: Rc<Peer>,
    finder: FrameFinder,
    refused_heads: RefusedHeads,
    refused: usize,
}

impl SentFrames {
    pub(super) fn new(peer: Rc<Peer>) -> Self {
        Self { peer, finder: FrameFinder::default(), refused_heads: RefusedHeads::default(), refused: 0 }
    }

    /// Processes what is sent next. Returns the number of DATA frames with a payload.
    pub(super) fn read(&mut self, bytes: &[u8]) -> usize {
        let Self { peer, finder, refused_heads, refused } = self;
        let mut parts = 0;
        finder.find(bytes, |frame| {
            match *frame {
                FoundFrame { kind: FrameKind::Data, length: 1.., .. } => parts += 1,
                FoundFrame { kind: FrameKind::ResetStream, begin: REFUSED_STREAM, .. } => {
                    limit_log::STREAMS.record(peer);
                }
                // Behind the last stream.
                FoundFrame { kind: FrameKind::GoAway, begin, .. } if begin.get(4..) == Some(TOO_MUCH) => {
                    limit_log::too_much_over_http_2(peer);
                }
                _ => {}
            }
            if refused_heads.has_refused(frame) {
                limit_log::HTTP_2_HEAD.record(peer);
                *refused += 1;
            }
        });
        parts
    }

    /// Returns how many heads hyper has refused since the last call.
    pub(super) fn take_refused(&mut self) -> usize {
        std::mem::take(&mut self.refused)
    }
}

/// Finds the responses with which hyper refuses heads. From the second one of a connection on, the status is an index of one
/// byte (RFC 7541, section 6.1). Only trailers can be as short.
#[derive(Default)]
struct RefusedHeads {
    /// The stream of the first one.
    first: Option<u32>,
    /// The later streams on which a response has begun, so that trailers may follow.
    responding: Vec<u32>,
}

impl RefusedHeads {
    /// Returns true if this frame that is sent refuses a head.
    fn has_refused(&mut self, frame: &FoundFrame<'_>) -> bool {
        let Self { first, responding } = self;
        let FoundFrame { kind, flags, stream, length, begin } = *frame;
        let ends = flags & END_STREAM != 0;
        match (kind, *first) {
            (FrameKind::Headers, None) if ends && begin == TOO_LONG && length == TOO_LONG.len() => {
                *first = Some(stream);
                true
            }
            (FrameKind::Headers, Some(first)) if stream > first && !ends => {
                if responding.len() == MAX_RESPONDING {
                    responding.remove(0);
                }
                responding.push(stream);
                false
            }
            (FrameKind::Headers | FrameKind::Data | FrameKind::ResetStream, Some(first))
                if stream > first && (ends || kind == FrameKind::ResetStream) =>
            {
                let begun = responding.iter().position(|other| *other == stream);
                if let Some(index) = begun {
                    responding.remove(index);
                }
                kind == FrameKind::Headers && begun.is_none() && length == 1
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_found_again_when_its_status_is_an_index_and_trailers_are_none() {
        const INDEX: &[u8] = &[0xbe];
        let frame = |kind, flags, stream, begin: &'static [u8]| FoundFrame {
            kind,
            flags,
            stream,
            length: begin.len(),
            begin,
        };
        let mut refused = RefusedHeads::default();
        for (kind, flags, stream, begin, expected) in [
            (FrameKind::Headers, 0, 1, &b"12345"[..], false),
            (FrameKind::Headers, END_STREAM, 3, INDEX, false),
            (FrameKind::Headers, END_STREAM, 5, TOO_LONG, true),
            (FrameKind::Headers, END_STREAM, 1, INDEX, false),
            (FrameKind::Headers, END_STREAM, 7, INDEX, true),
            (FrameKind::Headers, 0, 9, b"12345", false),
            (FrameKind::Headers, 0, 11, b"12345", false),
            (FrameKind::Headers, 0, 13, b"12345", false),
            (FrameKind::Data, 0, 9, b"1", false),
            (FrameKind::Headers, END_STREAM, 9, INDEX, false),
            (FrameKind::Data, END_STREAM, 11, b"", false),
            (FrameKind::ResetStream, 0, 13, b"1234", false),
            (FrameKind::Headers, END_STREAM, 15, b"12345", false),
            (FrameKind::Headers, END_STREAM, 17, INDEX, true),
        ] {
            assert_eq!(refused.has_refused(&frame(kind, flags, stream, begin)), expected, "{stream}");
        }
        assert!(refused.responding.is_empty());
    }

    #[test]
    fn streams_that_a_client_resets_are_not_remembered_for_ever() {
        let mut refused = RefusedHeads { first: Some(1), ..RefusedHeads::default() };
        for stream in (3..).step_by(2).take(MAX_RESPONDING + 10) {
            let head = FoundFrame { kind: FrameKind::Headers, flags: 0, stream, length: 5, begin: b"12345" };
            assert!(!refused.has_refused(&head));
        }
        assert_eq!((refused.responding.len(), refused.responding[0]), (MAX_RESPONDING, 23));
    }
}
