//! A response on its way to the client: its head, then its content.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use tokio::io::AsyncWrite as _;

use super::buffers::Buffers;
use super::cut_log::record_cut;
use super::response::filter;
use super::{Forwarded, UpstreamError};
use crate::http1::fields::ConnectionOptions;
use crate::http1::framing::{Framing, TransferCoding};
use crate::net::buffer::clear_sent;
use crate::net::client::ClientConnection;
use crate::net::stream::Stream;

/// A response whose head was received.
pub(super) struct Download {
    pub(super) status: StatusCode,
    pub(super) framing: Framing,
    pub(super) coding: TransferCoding,
    pub(super) options: ConnectionOptions,
    /// How long the upstream keeps the connection for another request; `None` if it does not.
    pub(super) idle_limit: Option<Duration>,
    /// True if the upstream may be silent for any time.
    pub(super) may_pause: bool,
    /// How many of the bytes for the client were sent.
    pub(super) sent: usize,
    /// The bytes that the client has taken.
    pub(super) taken: u64,
    /// True if anything was sent or received since this was last set to false.
    pub(super) has_progress: bool,
    /// True if the upstream has broken off.
    pub(super) is_cut: bool,
    /// The name of the first field that was left out of the head, because it is not ASCII.
    pub(super) left_out: Option<Box<str>>,
}

impl Download {
    /// Returns true if there is nothing to send until more is received.
    pub(super) fn waits_for_upstream(&self, buffers: &Buffers) -> bool {
        buffers.to_client.is_empty() && !self.framing.is_done()
    }

    /// Bytes that can be sent now without changing the content: the size of the next chunk may have leading zeros (RFC 9112,
    /// section 7.1). None if the content is not in chunks.
    pub(super) fn probe(&self) -> &'static [u8] {
        match self.coding {
            TransferCoding::Chunked => b"0",
            TransferCoding::Identity => b"",
        }
    }

    /// Takes what was received of the content.
    pub(super) fn take(&mut self, buffers: &mut Buffers) -> Result<(), UpstreamError> {
        let Self { framing, coding, options, .. } = self;
        let passes = |name: &str| filter(options).passes_trailer(name);
        let taken = buffers.from_upstream.forward(framing, *coding, &mut buffers.to_client, passes);
        taken.map_err(|_| UpstreamError::Invalid("its chunks are malformed"))
    }

    /// Ends the content when the upstream has closed.
    pub(super) fn end(&mut self, buffers: &mut Buffers) -> Result<(), UpstreamError> {
        let ended = self.framing.end(self.coding, &mut buffers.to_client);
        ended.map_err(|_| UpstreamError::Broken(io::Error::from(io::ErrorKind::UnexpectedEof).into()))
    }

    /// Sends what can be sent now, and receives more only when all was sent.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut ClientConnection,
        upstream: &mut Stream,
        buffers: &mut Buffers,
    ) -> Poll<Forwarded> {
        loop {
            while let Some(rest @ [_, ..]) = buffers.to_client.get(self.sent..) {
                let is_last = self.framing.is_done() && !self.is_cut;
                let written =
                    if is_last { client.poll_write_last(cx, rest) } else { client.poll_write(cx, rest) };
                match written {
                    Poll::Ready(Ok(taken)) => {
                        self.sent += taken;
                        self.taken += taken as u64;
                        self.has_progress = true;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(Forwarded::Cut),
                    Poll::Pending => {
                        // A slow client holds no more than what it has not taken.
                        buffers.from_upstream.release();
                        return Poll::Pending;
                    }
                }
            }
            clear_sent(&mut buffers.to_client);
            self.sent = 0;
            // TLS may still hold some of it, also while more is awaited.
            let flushed = Pin::new(client.stream()).poll_flush(cx);
            if self.is_cut || self.framing.is_done() {
                return Poll::Ready(match ready!(flushed) {
                    Ok(()) if self.is_cut => Forwarded::BrokenOff,
                    Ok(()) => Forwarded::Whole,
                    Err(_) => Forwarded::Cut,
                });
            }
            if matches!(flushed, Poll::Ready(Err(_))) {
                return Poll::Ready(Forwarded::Cut);
            }
            let received = match ready!(buffers.from_upstream.poll_fill(upstream, cx)) {
                Ok(1..) => {
                    self.has_progress = true;
                    self.take(buffers)
                }
                Ok(_) => self.end(buffers),
                Err(error) => Err(UpstreamError::Broken(error.into())),
            };
            if let Err(error) = received {
                record_cut(client.peer(), &error);
                // What came before the error is sent.
                self.is_cut = true;
            }
        }
    }
}
