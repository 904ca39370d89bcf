//! The request on its way to the upstream: its head, then its body.

mod keeping;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite as _;
use tokio::time::{Instant, Sleep, sleep};

use self::keeping::MIN_KEPT;
use super::ClientError;
use super::kept::KeptMemory;
use crate::http1::fields::FieldFilter;
use crate::http1::framing::TransferCoding;
use crate::matching::bypass::is_field as is_bypass_field;
use crate::net::client::ClientConnection;
use crate::net::stream::Stream;

/// How long a client that sent `Expect: 100-continue` waits until the gateway itself asks for the body. The upstream may not
/// know the field, and wait for the body too (RFC 9110, section 10.1.1). curl and Go wait as long.
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// The request on its way to one connection of the upstream.
pub(super) struct Upload<'m> {
    coding: TransferCoding,
    filter: FieldFilter<'m>,
    /// How many of the bytes to send were sent.
    sent: usize,
    /// How many bytes with a part of the body are kept for another attempt once they were sent.
    max_kept: usize,
    /// What of this counts for the process.
    kept: KeptMemory,
    /// True once the head is not kept for another attempt: some of the body that follows it was taken.
    has_dropped_head: bool,
    /// True once any byte was sent on this connection.
    has_sent: bool,
    /// True once there was something that could not be sent at once.
    has_waited: bool,
    /// When it was over, if that was not at once.
    pub(super) ended_at: Option<Instant>,
    state: UploadState,
    waits_for: Party,
    /// Set while the body waits until the upstream asks for it. Expires when it has waited long enough.
    gate: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum UploadState {
    Sending,
    Whole,
    /// The upstream takes no more. It may have responded.
    Failed(io::Error),
}

/// The side whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Party {
    Client,
    Upstream,
}

impl<'m> Upload<'m> {
    /// The upload of a request whose head is ready to be sent, perhaps with the beginning of the body. An upstream of HTTP/2 may
    /// refuse it, so that it can be sent once more.
    pub(super) fn new(
        coding: TransferCoding,
        filter: FieldFilter<'m>,
        client: &ClientConnection,
        over_http2: bool,
    ) -> Self {
        Self {
            coding,
            filter,
            sent: 0,
            max_kept: if over_http2 { MIN_KEPT } else { 0 },
            kept: KeptMemory::default(),
            has_dropped_head: false,
            has_sent: false,
            has_waited: false,
            ended_at: None,
            state: UploadState::Sending,
            waits_for: Party::Upstream,
            gate: client.awaits_continue().then(|| Box::pin(sleep(CONTINUE_TIMEOUT))),
        }
    }

    /// Returns true if all of the request was sent.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.state, UploadState::Whole)
    }

    /// Returns true if no more of the request will be sent.
    pub(super) fn is_over(&self) -> bool {
        !matches!(self.state, UploadState::Sending)
    }

    /// Returns true if any of the request may have reached the upstream.
    pub(super) fn has_sent(&self) -> bool {
        self.has_sent
    }

    /// Takes the reason why the upstream takes no more.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        match std::mem::replace(&mut self.state, UploadState::Whole) {
            UploadState::Failed(error) => Some(error),
            state => {
                self.state = state;
                None
            }
        }
    }

    /// Sends no more of the request.
    fn abandon(&mut self) {
        if !self.is_over() {
            self.state = UploadState::Failed(io::ErrorKind::BrokenPipe.into());
        }
    }

    /// Lets the body pass: the upstream has asked for it, or has been silent too long.
    pub(super) fn open_gate(&mut self) {
        self.gate = None;
    }

    /// Ready when the body still waits, and has waited for [`CONTINUE_TIMEOUT`].
    pub(super) fn poll_gate_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.gate {
            Some(gate) => gate.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// Sends what can be sent now. Returns true if there was progress after a wait.
    ///
    /// # Errors
    /// The client has left, or its body is incomplete or malformed.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut ClientConnection,
        upstream: &mut Stream,
        bytes: &mut Vec<u8>,
    ) -> Result<bool, ClientError> {
        let (had_to_wait, mut has_progress) = (self.has_waited, false);
        while matches!(self.state, UploadState::Sending) {
            // Before the first write, so that a short body goes out with the head.
            if !client.has_whole_body() && !self.is_gate_closed(client) && !client.input().is_empty() {
                self.append_body(client, bytes)?;
            }
            match self.poll_flush(cx, upstream, bytes) {
                Poll::Ready(Ok(progress)) => has_progress |= progress,
                Poll::Ready(Err(error)) => {
                    self.state = UploadState::Failed(error);
                    break;
                }
                Poll::Pending => {
                    self.waits_for = Party::Upstream;
                    break;
                }
            }
            if client.has_whole_body() {
                self.state = UploadState::Whole;
                break;
            }
            // Also while the body must wait, since the client may not.
            if client.input().is_empty() {
                match client.poll_fill(cx) {
                    Poll::Ready(Ok(1..)) => has_progress = true,
                    Poll::Ready(Ok(_)) => return Err(ClientError::IncompleteBody),
                    Poll::Ready(Err(_)) => return Err(ClientError::BrokeOff),
                    Poll::Pending => {
                        self.waits_for =
                            if self.is_gate_closed(client) { Party::Upstream } else { Party::Client };
                        break;
                    }
                }
            }
        }
        self.has_waited |= !self.is_over();
        if had_to_wait && self.is_over() {
            self.ended_at.get_or_insert_with(Instant::now);
        }
        Ok(has_progress && had_to_wait)
    }

    /// Returns true if the body must wait. It need not if the client has sent some of it without being asked.
    fn is_gate_closed(&self, client: &ClientConnection) -> bool {
        self.gate.is_some() && client.awaits_continue()
    }

    /// Returns true if nothing can be sent until the client sends more.
    pub(super) fn waits_for_client(&self) -> bool {
        !self.is_over() && self.waits_for == Party::Client
    }

    /// The same as [`Upload::poll`] once the response has begun: a client that breaks off may still read it.
    ///
    /// # Errors
    /// The body is malformed.
    pub(super) fn poll_within_response(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut ClientConnection,
        upstream: &mut Stream,
        bytes: &mut Vec<u8>,
    ) -> Result<bool, ClientError> {
        self.keep_no_more(bytes);
        match self.poll(cx, client, upstream, bytes) {
            Err(ClientError::BrokeOff | ClientError::IncompleteBody | ClientError::Stalled) => {
                self.abandon();
                Ok(false)
            }
            polled => polled,
        }
    }

    fn append_body(&mut self, client: &mut ClientConnection, bytes: &mut Vec<u8>) -> Result<(), ClientError> {
        if self.sent == bytes.len() && !self.may_keep() {
            self.drop_kept(bytes);
        }
        let filter = self.filter;
        client
            .forward_body(self.coding, bytes, |name| filter.passes_trailer(name) && !is_bypass_field(name))
            .map_err(|_| ClientError::MalformedBody)
    }

    fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        upstream: &mut Stream,
        bytes: &mut Vec<u8>,
    ) -> Poll<io::Result<bool>> {
        let mut has_progress = false;
        while let Some(rest @ [_, ..]) = bytes.get(self.sent..) {
            self.sent += ready!(Pin::new(&mut *upstream).poll_write(cx, rest))?;
            (self.has_sent, has_progress) = (true, true);
        }
        if self.has_dropped_head {
            self.clear_sent(bytes);
        }
        // Only TLS buffers anything.
        Pin::new(upstream).poll_flush(cx).map_ok(|()| has_progress)
    }
}
