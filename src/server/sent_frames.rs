//! Follows the frames of the gateway: what hyper refuses by itself, without telling anyone, is logged, and parts of bodies are counted.

use std::rc::Rc;

use super::limit_log;
use crate::net::frame_finder::{FoundFrame, FrameFinder, FrameKind};
use crate::net::peer::Peer;

const END_STREAM: u8 = 1;
const REFUSED_STREAM: &[u8] = &[0, 0, 0, 7];
/// The status 431 without any field (RFC 7541, section 6.2.1), with which hyper refuses a head that is longer than announced. When it
/// sends that again on the same connection, it is an index, and not found.
const TOO_LONG: &[u8] = &[0x48, 0x83, 0x69, 0x90, 0xff];

/// Follows the frames that are sent to a client.
pub(super) struct SentFrames {
    peer: Rc<Peer>,
    finder: FrameFinder,
}

impl SentFrames {
    pub(super) fn new(peer: Rc<Peer>) -> Self {
        Self { peer, finder: FrameFinder::default() }
    }

    /// Processes what is sent next. Returns the number of DATA frames with a payload.
    pub(super) fn read(&mut self, bytes: &[u8]) -> usize {
        let Self { peer, finder } = self;
        let mut parts = 0;
        finder.find(bytes, |frame| match *frame {
            FoundFrame { kind: FrameKind::Data, length: 1.., .. } => parts += 1,
            FoundFrame { kind: FrameKind::ResetStream, begin: REFUSED_STREAM, .. } => {
                limit_log::STREAMS.record(peer);
            }
            FoundFrame { kind: FrameKind::Headers, flags, length, begin: TOO_LONG }
                if flags & END_STREAM != 0 && length == TOO_LONG.len() =>
            {
                limit_log::HTTP_2_HEAD.record(peer);
            }
            _ => {}
        });
        parts
    }
}
