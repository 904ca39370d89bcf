//! Where the frames of a WebSocket begin, and the frame that closes it (RFC 6455, section 5). Nothing is decoded.

use std::hash::{BuildHasher as _, RandomState};

/// The longest header of a frame, in bytes: two, an extended length of eight, and a masking key.
const MAX_HEADER: usize = 14;
const CLOSE: u8 = 8;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Why the gateway closes a WebSocket: the status code (RFC 6455, section 7.4.1, and IANA's registry of them).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CloseCode {
    /// 1001: the gateway stops, or the connection was idle for too long.
    GoingAway,
    /// 1012: the site goes down.
    ServiceRestart,
}

/// The end that a frame is sent to. Only frames to the server are masked (RFC 6455, section 5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FrameReader {
    Client,
    Server,
}

impl CloseCode {
    /// The frame that closes the connection for this reason.
    pub(super) fn frame(self, reader: FrameReader) -> Vec<u8> {
        let code: u16 = match self {
            Self::GoingAway => 1001,
            Self::ServiceRestart => 1012,
        };
        let code = code.to_be_bytes();
        let mut frame = vec![FINAL | CLOSE];
        match reader {
            FrameReader::Client => {
                frame.push(2);
                frame.extend_from_slice(&code);
            }
            FrameReader::Server => {
                let key = masking_key();
                frame.push(MASKED | 2);
                frame.extend_from_slice(&key);
                frame.extend(code.iter().zip(key).map(|(byte, mask)| byte ^ mask));
            }
        }
        frame
    }
}

/// A key that the client's page cannot predict.
fn masking_key() -> [u8; 4] {
    let [first, second, third, fourth, ..] = RandomState::new().hash_one(CLOSE).to_ne_bytes();
    [first, second, third, fourth]
}

/// The place within the frames of one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct WebSocketFrames {
    header: [u8; MAX_HEADER],
    /// How many bytes of the header are known; all of them within the payload.
    known: usize,
    /// The bytes of the payload that are left.
    left: u64,
    has_close: bool,
}

impl WebSocketFrames {
    /// Returns true between two frames.
    pub(super) fn is_between(&self) -> bool {
        self.known == 0
    }

    /// Returns true once a frame that closes the connection has begun.
    pub(super) fn has_close(&self) -> bool {
        self.has_close
    }

    /// Follows all of these bytes.
    pub(super) fn follow(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.follow_part(rest);
        }
    }

    /// Follows these bytes to the end of the current frame. Returns how many there are.
    pub(super) fn follow_frame(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_between() {
            rest = self.follow_part(rest);
        }
        bytes.len() - rest.len()
    }

    /// Follows a byte of a header, or some of a payload. Returns what comes after it.
    fn follow_part<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let taken = if self.left > 0 {
            let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= taken as u64;
            taken
        } else {
            if let (Some(place), Some(byte)) = (self.header.get_mut(self.known), bytes.first()) {
                *place = *byte;
            }
            self.known += 1;
            if self.known < self.header_length() {
                return bytes.get(1..).unwrap_or_default();
            }
            self.left = self.payload_length();
            self.has_close |= self.header[0] & 0x0f == CLOSE;
            1
        };
        if self.left == 0 {
            self.known = 0;
        }
        bytes.get(taken..).unwrap_or_default()
    }

    /// The length of the header, as far as it can be told.
    fn header_length(&self) -> usize {
        let key = if self.header[1] & MASKED == 0 { 0 } else { 4 };
        if self.known < 2 { 2 } else { 2 + self.length_bytes() + key }
    }

    fn length_bytes(&self) -> usize {
        match self.header[1] & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    fn payload_length(&self) -> u64 {
        let extended = self.header.get(2..2 + self.length_bytes()).unwrap_or_default();
        if extended.is_empty() {
            return u64::from(self.header[1] & !MASKED);
        }
        extended.iter().fold(0, |length, byte| length << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A binary frame with a payload of this length.
    fn frame(length: u64, masked: bool) -> Vec<u8> {
        let mask = if masked { MASKED } else { 0 };
        let mut frame = vec![FINAL | 2];
        match length {
            0..=125 => frame.push(mask | u8::try_from(length).unwrap()),
            126..=65_535 => {
                frame.push(mask | 0x7e);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask | 0x7f);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend(std::iter::repeat_n(
            CLOSE,
            if masked { 4 } else { 0 } + usize::try_from(length).unwrap(),
        ));
        frame
    }

    #[test]
    fn the_ends_of_frames_are_found_wherever_the_bytes_are_split() {
        for (length, masked) in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]
            .map(|length| [(length, false), (length, true)])
            .concat()
        {
            let bytes = frame(length, masked);
            let mut frames = WebSocketFrames::default();
            frames.follow(&[&bytes[..], &bytes[..]].concat());
            assert!(frames.is_between() && !frames.has_close());
            for split in (1..bytes.len()).take(20).chain([bytes.len() - 1]) {
                frames.follow(&bytes[..split]);
                assert!(!frames.is_between(), "{split} of {length}");
                let rest = [&bytes[split..], b"next"].concat();
                assert_eq!(frames.follow_frame(&rest), bytes.len() - split, "{split} of {length}");
                assert_eq!(frames.follow_frame(b"next"), 0);
            }
        }
    }

    #[test]
    fn a_close_has_its_code_and_is_masked_for_a_server() {
        for (code, number) in [(CloseCode::GoingAway, 1001_u16), (CloseCode::ServiceRestart, 1012)] {
            let [high, low] = number.to_be_bytes();
            assert_eq!(code.frame(FrameReader::Client), [0x88, 2, high, low]);
            let masked = code.frame(FrameReader::Server);
            let (header, payload) = masked.split_at(6);
            assert_eq!(header[..2], [0x88, 0x82]);
            assert_eq!(payload, [high ^ header[2], low ^ header[3]]);
            for frame in [masked, code.frame(FrameReader::Client)] {
                let mut frames = WebSocketFrames::default();
                frames.follow(&frame);
                assert!(frames.is_between() && frames.has_close());
            }
        }
    }
}
