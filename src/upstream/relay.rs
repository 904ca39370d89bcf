//! Forwards plain requests, and their responses, as bytes.
//!
//! Most requests use little of HTTP: a GET or HEAD without a body or an upgrade. For them this is faster than
//! [`Proxy::forward`], with the same result: each head is parsed once and written again by the same rules, and the framing
//! of each body is checked and written again.

mod buffers;
mod chunks;
mod client;
mod framing;
mod request;
mod response;
mod socket;

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;

use self::buffers::{BufferPool, RelayBuffers};
pub use self::client::RelayClient;
pub use self::request::PlainRequest;
use self::response::UpstreamResponse;
use self::socket::{poll_read, poll_send, write_all};
use super::connect::Io;
use super::pool::{Idle, Pool};
use super::{Peer, Proxy, Route, Scheme, TimedOutStep, UpstreamError};
use crate::config::upstream_address::UpstreamAddress;

/// The buffers and connections that the relays of one thread share.
#[derive(Default)]
pub(super) struct Relays {
    idle: Rc<Pool<Io>>,
    buffers: BufferPool,
}

impl Relays {
    /// The idle connections to `upstream`.
    pub(super) fn idle(&self, upstream: &UpstreamAddress) -> Rc<Idle<Io>> {
        self.idle.idle(upstream)
    }
}

/// A plain request that is being forwarded.
pub struct Relay {
    relays: Rc<Relays>,
    buffers: RelayBuffers,
    is_head: bool,
}

/// How the forwarding of a response ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relayed {
    /// The client has the whole response.
    Whole {
        /// True if the response says that the connection closes.
        closes: bool,
    },
    /// The client has left, or the upstream broke off: the client must not take what it received for a whole response.
    BrokenOff,
}

impl Proxy {
    /// Takes over a plain request of `peer`.
    pub fn relay(&self, head: &PlainRequest<'_>, peer: &Peer, trusted: bool, scheme: Scheme) -> Relay {
        let mut buffers = self.relays.buffers.take();
        request::write(&mut buffers.request, head, peer, trusted, scheme);
        Relay { relays: Rc::clone(&self.relays), buffers, is_head: head.method == "HEAD" }
    }
}

impl Relay {
    /// Forwards the request, and the response to `client`. Calls `on_status` when the status is known. Dropping the future
    /// cancels the request at the upstream.
    ///
    /// # Errors
    /// There is no response, and nothing was sent to the client.
    pub async fn run(
        mut self,
        proxy: &Proxy,
        route: &Route<'_>,
        client: &mut impl RelayClient,
        on_status: impl FnOnce(u16),
    ) -> Result<Relayed, UpstreamError> {
        let relayed = self.send(proxy, route, client, on_status).await;
        self.relays.buffers.give_back(self.buffers);
        match relayed {
            Ok(relayed) => Ok(relayed),
            Err(RelayError::Client) => Ok(Relayed::BrokenOff),
            Err(RelayError::NoResponse(error)) => Err(UpstreamError::Broken(error.into())),
            Err(RelayError::Upstream(unreachable)) => Err(unreachable),
        }
    }

    /// Sends the request over an idle connection, or over a new one if there is none or it is dead: a GET or HEAD may be
    /// repeated if no byte was received (RFC 9110, section 9.2.2).
    async fn send(
        &mut self,
        proxy: &Proxy,
        route: &Route<'_>,
        client: &mut impl RelayClient,
        on_status: impl FnOnce(u16),
    ) -> Result<Relayed, RelayError> {
        let idle = self.relays.idle(route.upstream);
        if let Some(mut io) = idle.take() {
            match self.request(&mut io, route, client).await {
                Err(RelayError::NoResponse(_)) => {}
                response => {
                    let response = response?;
                    on_status(response.status);
                    return self.forward_response(response, io, &idle, client).await;
                }
            }
        }
        let mut io = tokio::select! {
            biased;
            opened = proxy.open(route) => opened.map_err(RelayError::Upstream)?,
            () = poll_fn(|cx| client.poll_left(cx)) => return Err(RelayError::Client),
        };
        let response = self.request(&mut io, route, client).await?;
        on_status(response.status);
        self.forward_response(response, io, &idle, client).await
    }

    /// Sends the request and waits for the response's head. Leaves the head, and what has been received of the body, in the
    /// buffers, as they go to the client.
    async fn request(
        &mut self,
        io: &mut Io,
        route: &Route<'_>,
        client: &mut impl RelayClient,
    ) -> Result<UpstreamResponse, RelayError> {
        let RelayBuffers { request, input, output, deadline } = &mut self.buffers;
        input.clear();
        deadline.start(route.response_timeout);
        let late = || {
            RelayError::Upstream(UpstreamError::TimedOut {
                phase: TimedOutStep::Response,
                after: route.response_timeout,
            })
        };
        let mut has_received = false;
        let mut unsent = request.as_slice();
        loop {
            let event = poll_fn(|cx| {
                let sent = poll_send(io, &mut unsent, cx);
                if let Poll::Ready(read) = poll_read(io, input, cx) {
                    return Poll::Ready(read.map(RelayEvent::Bytes));
                }
                // Only now: the upstream may have responded before it closed.
                sent?;
                if client.poll_left(cx).is_ready() {
                    return Poll::Ready(Ok(RelayEvent::Left));
                }
                deadline.poll_passed(cx).map(|()| Ok(RelayEvent::Late))
            });
            match event.await {
                Ok(RelayEvent::Bytes(1..)) => has_received = true,
                Ok(RelayEvent::Bytes(0)) if has_received => {
                    return Err(broken(io::ErrorKind::UnexpectedEof.into()));
                }
                Ok(RelayEvent::Bytes(0)) => {
                    return Err(RelayError::NoResponse(io::ErrorKind::UnexpectedEof.into()));
                }
                Ok(RelayEvent::Left) => return Err(RelayError::Client),
                Ok(RelayEvent::Late) => return Err(late()),
                Err(error) if has_received => return Err(broken(error)),
                Err(error) => return Err(RelayError::NoResponse(error)),
            }
            if let Some(mut response) = response::read(input, self.is_head, client.is_last(), output)? {
                // An upstream that responded before all of the request was sent has not read it to its end.
                response.keeps_alive &= unsent.is_empty();
                return Ok(response);
            }
        }
    }

    /// Forwards a response whose beginning is in the buffers, and keeps the connection if it can be used again.
    async fn forward_response(
        &mut self,
        response: UpstreamResponse,
        mut io: Io,
        idle: &Idle<Io>,
        client: &mut impl RelayClient,
    ) -> Result<Relayed, RelayError> {
        let UpstreamResponse { mut framing, keeps_alive, closes, .. } = response;
        let RelayBuffers { input, output, .. } = &mut self.buffers;
        let mut is_filled = false;
        loop {
            write_all(client, output).await?;
            if framing.is_done() {
                break;
            }
            if is_filled {
                buffers::widen(input, output);
            }
            let event = poll_fn(|cx| match poll_read(&mut io, input, cx) {
                Poll::Ready(read) => Poll::Ready(read.map(RelayEvent::Bytes)),
                Poll::Pending => client.poll_left(cx).map(|()| Ok(RelayEvent::Left)),
            });
            let event = event.await;
            is_filled = input.len() == input.capacity();
            let forwarded = match event {
                Ok(RelayEvent::Bytes(1..)) => framing.forward(input, 0, output),
                Ok(RelayEvent::Bytes(0)) => framing.end(output),
                Ok(RelayEvent::Left | RelayEvent::Late) | Err(_) => return Ok(Relayed::BrokenOff),
            };
            // Send what was received before the error.
            if forwarded.is_err() {
                write_all(client, output).await?;
                return Ok(Relayed::BrokenOff);
            }
        }
        // Bytes after the end of the response belong to no request.
        if keeps_alive && input.is_empty() {
            idle.put(io);
        }
        Ok(Relayed::Whole { closes })
    }
}

/// The event that ended a wait.
enum RelayEvent {
    /// The upstream sent this many bytes; 0 at its end.
    Bytes(usize),
    /// The client left.
    Left,
    /// The deadline has passed.
    Late,
}

/// The reason why there was no response on a connection.
enum RelayError {
    /// It ended before anything was received.
    NoResponse(io::Error),
    /// The upstream failed.
    Upstream(UpstreamError),
    /// The client left.
    Client,
}

fn broken(error: io::Error) -> RelayError {
    RelayError::Upstream(UpstreamError::Broken(error.into()))
}
