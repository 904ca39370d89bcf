//! One direction of a tunnel.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::websocket::{CloseCode, FrameReader, WebSocketFrames};
use crate::net::stream::Stream;

/// How much is read at once, in bytes. It is on the stack, so that an idle tunnel takes no memory.
const READ_SIZE: usize = 16 << 10;

/// One direction of a tunnel, from what was received to what was sent.
pub(super) struct Relay {
    /// The bytes that were received, and not sent because the other end was busy.
    unsent: Vec<u8>,
    sent: usize,
    state: RelayState,
    /// The frames that pass, if this is a WebSocket, and the end that reads them.
    frames: Option<(WebSocketFrames, FrameReader)>,
    /// The number of bytes received.
    pub(super) received: u64,
}

/// What a direction does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RelayState {
    Open,
    /// It carries the rest of a frame, and then the one that closes.
    Closing(CloseCode),
    /// It was closed; what still comes is discarded.
    Closed,
    /// Nothing more comes.
    Ended,
    /// The other end was told that.
    ShutDown,
}

impl Relay {
    /// A direction that begins with bytes that were received before.
    pub(super) fn new(first: &[u8], frames: Option<FrameReader>) -> Self {
        let frames = frames.map(|reader| (WebSocketFrames::default(), reader));
        let mut relay = Self { unsent: Vec::new(), sent: 0, state: RelayState::Open, frames, received: 0 };
        let passing = relay.receive(first);
        relay.unsent.extend_from_slice(first.get(..passing).unwrap_or_default());
        relay
    }

    /// Ends the frames with one that closes the WebSocket, unless its peer has closed it already.
    pub(super) fn close(&mut self, code: CloseCode) {
        let has_close = self.frames.as_ref().is_none_or(|(frames, _)| frames.has_close());
        if self.state == RelayState::Open && !has_close {
            self.state = RelayState::Closing(code);
            self.close_between_frames();
        }
    }

    fn close_between_frames(&mut self) {
        if let (RelayState::Closing(code), Some((frames, reader))) = (self.state, &self.frames)
            && frames.is_between()
        {
            self.unsent.extend_from_slice(&code.frame(*reader));
            self.state = RelayState::Closed;
        }
    }

    /// Sends what can be sent now. Ready when this direction has ended.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        to: &mut Stream,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_flush(cx, to))?;
            match self.state {
                RelayState::ShutDown => return Poll::Ready(Ok(())),
                RelayState::Ended => {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                    self.state = RelayState::ShutDown;
                }
                RelayState::Open | RelayState::Closing(_) | RelayState::Closed => {
                    ready!(self.poll_receive(cx, from, to))?;
                }
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, to: &mut Stream) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.unsent.get(self.sent..) {
            self.sent += ready!(Pin::new(&mut *to).poll_write(cx, rest))?;
        }
        if self.sent > 0 {
            (self.unsent, self.sent) = (Vec::new(), 0);
        }
        // Only TLS buffers anything.
        Pin::new(to).poll_flush(cx)
    }

    /// Receives something and sends it on, as far as the other end takes it at once.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        to: &mut Stream,
    ) -> Poll<io::Result<()>> {
        let mut space = [const { MaybeUninit::uninit() }; READ_SIZE];
        let mut bytes = ReadBuf::uninit(&mut space);
        ready!(Pin::new(from).poll_read(cx, &mut bytes))?;
        if bytes.filled().is_empty() {
            self.state = RelayState::Ended;
            return Poll::Ready(Ok(()));
        }
        self.received += bytes.filled().len() as u64;
        let passing = self.receive(bytes.filled());
        let Some(passing @ [_, ..]) = bytes.filled().get(..passing) else { return Poll::Ready(Ok(())) };
        let sent = match Pin::new(to).poll_write(cx, passing) {
            Poll::Ready(sent) => sent?,
            Poll::Pending => 0,
        };
        self.unsent.extend_from_slice(passing.get(sent..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }

    /// Follows bytes that were received. Returns how many of them can be sent now.
    fn receive(&mut self, bytes: &[u8]) -> usize {
        let Some((frames, _)) = &mut self.frames else { return bytes.len() };
        match self.state {
            RelayState::Open => {
                frames.follow(bytes);
                return bytes.len();
            }
            RelayState::Closing(_) => {
                let (frame, rest) = bytes.split_at(frames.follow_frame(bytes));
                self.unsent.extend_from_slice(frame);
                self.close_between_frames();
                self.discard(rest);
            }
            RelayState::Closed | RelayState::Ended | RelayState::ShutDown => self.discard(bytes),
        }
        0
    }

    /// Ends this direction once its peer has closed the WebSocket too.
    fn discard(&mut self, bytes: &[u8]) {
        if let Some((frames, _)) = &mut self.frames {
            frames.follow(bytes);
            if frames.has_close() && self.state == RelayState::Closed {
                self.state = RelayState::Ended;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::net::memory_pipe::{PipeEnd, memory_pipe};

    /// A direction, its two streams, and the peers at their other ends.
    struct Direction {
        relay: Relay,
        from: Stream,
        to: Stream,
        sender: PipeEnd,
        receiver: PipeEnd,
    }

    impl Direction {
        fn new(first: &[u8], frames: Option<FrameReader>) -> Self {
            let ((sender, from), (to, receiver)) = (memory_pipe(), memory_pipe());
            let relay = Relay::new(first, frames);
            Self { relay, from: Stream::Pipe(from), to: Stream::Pipe(to), sender, receiver }
        }

        /// Sends bytes, and returns everything that arrives.
        async fn carry(&mut self, mut bytes: &[u8]) -> Vec<u8> {
            let mut arrived = Vec::new();
            loop {
                let Self { relay, from, to, sender, receiver } = self;
                let sent = sender.write(bytes).now_or_never().map_or(0, Result::unwrap);
                bytes = &bytes[sent..];
                let polled = poll_fn(|cx| Poll::Ready(relay.poll(cx, from, to))).await;
                assert!(polled.is_pending(), "{polled:?}");
                let read = receiver.read_buf(&mut arrived).now_or_never();
                if bytes.is_empty() && sent == 0 && read.is_none() {
                    return arrived;
                }
            }
        }

        async fn ends(&mut self) -> bool {
            let Self { relay, from, to, .. } = self;
            poll_fn(|cx| Poll::Ready(relay.poll(cx, from, to))).await.is_ready()
        }
    }

    #[tokio::test]
    async fn everything_arrives_at_a_slow_reader() {
        let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        let mut direction = Direction::new(b"first", None);
        assert_eq!(direction.carry(&sent).await, [b"first", &*sent].concat());
        assert_eq!(direction.relay.unsent.capacity(), 0, "an idle tunnel takes no memory");
        direction.sender.shutdown().await.unwrap();
        assert!(direction.ends().await);
        assert_eq!(direction.receiver.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_close_waits_for_the_end_of_a_frame_and_nothing_follows_it() {
        const CLOSE: &[u8] = &[0x88, 2, 0x03, 0xf4];
        let frame = [&[0x82, 10][..], &[0x88; 10]].concat();
        for split in 0..=frame.len() {
            let mut direction = Direction::new(&frame[..split], Some(FrameReader::Client));
            let begun = direction.carry(b"").await;
            direction.relay.close(CloseCode::ServiceRestart);
            let rest = direction.carry(&[&frame[split..], &frame].concat()).await;
            let whole = if split == 0 { &[][..] } else { &frame };
            assert_eq!([begun, rest].concat(), [whole, CLOSE].concat(), "{split}");
            direction.relay.close(CloseCode::GoingAway);
            assert!(direction.carry(&frame).await.is_empty());
            direction.sender.write_all(CLOSE).await.unwrap();
            assert!(direction.ends().await, "the peer has answered");
        }
    }

    #[tokio::test]
    async fn a_direction_whose_peer_has_closed_gets_no_second_close() {
        let close = CloseCode::GoingAway.frame(FrameReader::Client);
        let mut direction = Direction::new(&close, Some(FrameReader::Client));
        assert_eq!(direction.carry(b"").await, close);
        direction.relay.close(CloseCode::ServiceRestart);
        assert!(direction.carry(b"").await.is_empty());
    }
}
