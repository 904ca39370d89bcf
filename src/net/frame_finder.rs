//! Finds the frames of HTTP/2 in the bytes of a stream (RFC 9113, section 4.1).

use std::fmt;

const HEADER: usize = 9;
/// How much of a payload is found at most.
const PAYLOAD: usize = 8;
/// The bits of a stream's number; the other one is reserved.
const STREAM: u32 = u32::MAX >> 1;

/// The types of frames (RFC 9113, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// Section 6.1.
    Data,
    /// Section 6.2.
    Headers,
    /// Section 6.3.
    Priority,
    /// RST_STREAM, section 6.4.
    ResetStream,
    /// Section 6.5.
    Settings,
    /// Section 6.7.
    Ping,
    /// Section 6.8.
    GoAway,
    /// Section 6.9.
    WindowUpdate,
    /// Section 6.10.
    Continuation,
    /// Any other.
    Other,
}

impl FrameKind {
    /// How many there are.
    pub const COUNT: usize = 10;

    /// A number of its own for each, below `COUNT`.
    pub fn index(self) -> usize {
        self as usize
    }
}

impl From<u8> for FrameKind {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::ResetStream,
            4 => Self::Settings,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            _ => Self::Other,
        }
    }
}

/// As RFC 9113 names them, for the log. DATA is only named where it has no payload.
impl fmt::Display for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "empty DATA",
            Self::Headers => "HEADERS",
            Self::Priority => "PRIORITY",
            Self::ResetStream => "RST_STREAM",
            Self::Settings => "SETTINGS",
            Self::Ping => "PING",
            Self::GoAway => "GOAWAY",
            Self::WindowUpdate => "WINDOW_UPDATE",
            Self::Continuation => "CONTINUATION",
            Self::Other => "other",
        })
    }
}

/// A frame, as far as it has been found.
#[derive(Debug, PartialEq, Eq)]
pub struct FoundFrame<'f> {
    /// The type.
    pub kind: FrameKind,
    /// The flags.
    pub flags: u8,
    /// The stream; 0 for the connection.
    pub stream: u32,
    /// The length of the payload.
    pub length: usize,
    /// The first bytes of the payload, at most eight.
    pub begin: &'f [u8],
}

/// Finds one frame after another. Does not check that they are valid.
#[derive(Debug)]
pub struct FrameFinder {
    /// The header of the current frame, and the beginning of its payload.
    frame: [u8; HEADER + PAYLOAD],
    /// How much of it there is.
    filled: usize,
    /// How much of a payload is found, in bytes.
    payload: usize,
    /// How many bytes come before the next frame.
    rest: usize,
}

impl Default for FrameFinder {
    /// Finds each frame with the beginning of its payload.
    fn default() -> Self {
        Self { frame: [0; HEADER + PAYLOAD], filled: 0, payload: PAYLOAD, rest: 0 }
    }
}

impl FrameFinder {
    /// Finds frames behind this many other bytes, each as soon as its header is complete.
    pub fn of_headers(rest: usize) -> Self {
        Self { payload: 0, rest, ..Self::default() }
    }

    /// Returns true behind the last byte of a frame.
    pub fn is_between_frames(&self) -> bool {
        self.filled == 0 && !self.is_in_payload()
    }

    /// Returns true if bytes come that are not searched.
    pub fn is_in_payload(&self) -> bool {
        self.rest > 0
    }

    /// Processes the next bytes, and calls `found` for each frame that has begun.
    pub fn find(&mut self, mut bytes: &[u8], mut found: impl FnMut(&FoundFrame<'_>)) {
        while !bytes.is_empty() {
            let (taken, frame) = self.find_next(bytes);
            if let Some(frame) = frame {
                found(&frame);
            }
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// Processes some of the next bytes. Returns how many, and the frame that has begun.
    pub fn find_next(&mut self, bytes: &[u8]) -> (usize, Option<FoundFrame<'_>>) {
        let taken = if self.is_in_payload() { self.skip(bytes) } else { self.fill(bytes) };
        let end = self.end();
        if self.filled < end {
            return (taken, None);
        }
        let length = self.length();
        self.rest = length - (end - HEADER);
        self.filled = 0;
        let [_, _, _, kind, flags, a, b, c, d, ..] = self.frame;
        let stream = u32::from_be_bytes([a, b, c, d]) & STREAM;
        let begin = self.frame.get(HEADER..end).unwrap_or_default();
        (taken, Some(FoundFrame { kind: kind.into(), flags, stream, length, begin }))
    }

    fn skip(&mut self, bytes: &[u8]) -> usize {
        let taken = self.rest.min(bytes.len());
        self.rest -= taken;
        taken
    }

    fn fill(&mut self, bytes: &[u8]) -> usize {
        let end = self.end();
        let free = self.frame.get_mut(self.filled..end).unwrap_or_default();
        let taken = free.len().min(bytes.len());
        for (to, from) in free.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.filled += taken;
        taken
    }

    /// Where the part of the frame that is kept ends.
    fn end(&self) -> usize {
        if self.filled < HEADER { HEADER } else { HEADER + self.length().min(self.payload) }
    }

    fn length(&self) -> usize {
        let [high, middle, low, ..] = self.frame;
        usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_the_bytes_are_split() {
        let lengths = [0, 1, 7, 8, 9, 300];
        let frame = |kind: u8, length: usize| {
            let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
            [&[0, high, low, kind, 4, 0x80, 0, 1, 2], &vec![kind; length][..]].concat()
        };
        let bytes: Vec<u8> = (0..).zip(lengths).flat_map(|(kind, length)| frame(kind, length)).collect();
        for size in [1, 2, 8, 9, 10, 1000] {
            let (mut finder, mut found) = (FrameFinder::default(), Vec::new());
            for piece in bytes.chunks(size) {
                finder.find(piece, |frame| {
                    assert_eq!(
                        (frame.flags, frame.stream, frame.begin.len()),
                        (4, 0x102, frame.length.min(PAYLOAD))
                    );
                    assert!(frame.begin.iter().all(|byte| FrameKind::from(*byte) == frame.kind));
                    found.push((frame.kind, frame.length));
                });
            }
            assert_eq!(found, (0..).map(FrameKind::from).zip(lengths).collect::<Vec<_>>(), "{size}");
        }
    }
}
