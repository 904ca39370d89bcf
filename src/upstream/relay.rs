//! A plain request and its response, passed on as bytes.
//!
//! Most requests have next to nothing of what HTTP has: a GET or HEAD, no body, no upgrade, nothing to wait for. Theirs
//! is this way, which is quicker than [`Proxy::forward`] and gives what that gives: each head is read once and
//! written anew by the same rules, each body's framing is checked and stated anew, and no byte of either is
//! believed to be anything before it was.

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

/// What one thread's relays have in common.
#[derive(Default)]
pub(super) struct Relays {
    idle: Rc<Pool<Io>>,
    rooms: BufferPool,
}

impl Relays {
    /// The idle connections to `upstream`.
    pub(super) fn idle(&self, upstream: &UpstreamAddress) -> Rc<Idle<Io>> {
        self.idle.idle(upstream)
    }
}

/// A plain request on its way.
pub struct Relay {
    relays: Rc<Relays>,
    room: RelayBuffers,
    is_head: bool,
}

/// What came of a request that was passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relayed {
    /// The client has the whole response.
    Whole {
        /// Whether it said that the connection closes behind it.
        closes: bool,
    },
    /// The client has left, or the upstream broke off: what the client has got must not look like a whole response.
    BrokenOff,
}

impl Proxy {
    /// Takes a plain request of `peer` over, to be passed on as bytes.
    pub fn relay(&self, head: &PlainRequest<'_>, peer: &Peer, trusted: bool, scheme: Scheme) -> Relay {
        let mut room = self.relays.rooms.take();
        request::write(&mut room.request, head, peer, trusted, scheme);
        Relay { relays: Rc::clone(&self.relays), room, is_head: head.method == "HEAD" }
    }
}

impl Relay {
    /// Passes the request on, and the response back to `client`; `answered` is told the status once there is one. Dropping
    /// the future ends the request at the upstream.
    ///
    /// # Errors
    /// There is no response, and the client got nothing yet.
    pub async fn run(
        mut self,
        proxy: &Proxy,
        route: &Route<'_>,
        client: &mut impl RelayClient,
        answered: impl FnOnce(u16),
    ) -> Result<Relayed, UpstreamError> {
        let relayed = self.exchange(proxy, route, client, answered).await;
        self.relays.rooms.give_back(self.room);
        match relayed {
            Ok(relayed) => Ok(relayed),
            Err(RelayError::Client) => Ok(Relayed::BrokenOff),
            Err(RelayError::Unheard(error)) => Err(UpstreamError::Broken(error.into())),
            Err(RelayError::Upstream(unreachable)) => Err(unreachable),
        }
    }

    /// Sends the request over an idle connection; over a fresh one where there is none, or where it has died unnoticed:
    /// a GET or HEAD may be repeated that got no byte in answer (RFC 9110 9.2.2).
    async fn exchange(
        &mut self,
        proxy: &Proxy,
        route: &Route<'_>,
        client: &mut impl RelayClient,
        answered: impl FnOnce(u16),
    ) -> Result<Relayed, RelayError> {
        let idle = self.relays.idle(route.upstream);
        if let Some(mut io) = idle.take() {
            match self.ask(&mut io, route, client).await {
                Err(RelayError::Unheard(_)) => {}
                answer => {
                    let answer = answer?;
                    answered(answer.status);
                    return self.pass_back(answer, io, &idle, client).await;
                }
            }
        }
        let mut io = tokio::select! {
            biased;
            opened = proxy.open(route) => opened.map_err(RelayError::Upstream)?,
            () = poll_fn(|cx| client.poll_left(cx)) => return Err(RelayError::Client),
        };
        let answer = self.ask(&mut io, route, client).await?;
        answered(answer.status);
        self.pass_back(answer, io, &idle, client).await
    }

    /// Sends the request and waits for the answer's head, which it leaves in the room with what has come of the body, as
    /// they go to the client.
    async fn ask(
        &mut self,
        io: &mut Io,
        route: &Route<'_>,
        client: &mut impl RelayClient,
    ) -> Result<UpstreamResponse, RelayError> {
        let RelayBuffers { request, input, output, deadline } = &mut self.room;
        input.clear();
        deadline.begin(route.response_timeout);
        let late = || {
            RelayError::Upstream(UpstreamError::TimedOut {
                phase: TimedOutStep::Response,
                after: route.response_timeout,
            })
        };
        let mut heard = false;
        let mut unsent = request.as_slice();
        loop {
            let came = poll_fn(|cx| {
                let sent = poll_send(io, &mut unsent, cx);
                if let Poll::Ready(read) = poll_read(io, input, cx) {
                    return Poll::Ready(read.map(RelayEvent::Bytes));
                }
                // Only now: it may have answered before it closed.
                sent?;
                if client.poll_left(cx).is_ready() {
                    return Poll::Ready(Ok(RelayEvent::Left));
                }
                deadline.poll_passed(cx).map(|()| Ok(RelayEvent::Late))
            });
            match came.await {
                Ok(RelayEvent::Bytes(1..)) => heard = true,
                Ok(RelayEvent::Bytes(0)) if heard => return Err(broken(io::ErrorKind::UnexpectedEof.into())),
                Ok(RelayEvent::Bytes(0)) => {
                    return Err(RelayError::Unheard(io::ErrorKind::UnexpectedEof.into()));
                }
                Ok(RelayEvent::Left) => return Err(RelayError::Client),
                Ok(RelayEvent::Late) => return Err(late()),
                Err(error) if heard => return Err(broken(error)),
                Err(error) => return Err(RelayError::Unheard(error)),
            }
            if let Some(mut answer) = response::read(input, self.is_head, client.is_last(), output)? {
                // What was asked before all of it was sent is no request that the upstream has read to its end.
                answer.keeps_alive &= unsent.is_empty();
                return Ok(answer);
            }
        }
    }

    /// Passes a response back, whose beginning is in the room, and keeps the connection if it is good for another.
    async fn pass_back(
        &mut self,
        answer: UpstreamResponse,
        mut io: Io,
        idle: &Idle<Io>,
        client: &mut impl RelayClient,
    ) -> Result<Relayed, RelayError> {
        let UpstreamResponse { mut framing, keeps_alive, closes, .. } = answer;
        let RelayBuffers { input, output, .. } = &mut self.room;
        let mut is_filled = false;
        loop {
            write_all(client, output).await?;
            if framing.is_done() {
                break;
            }
            if is_filled {
                buffers::widen(input, output);
            }
            let came = poll_fn(|cx| match poll_read(&mut io, input, cx) {
                Poll::Ready(read) => Poll::Ready(read.map(RelayEvent::Bytes)),
                Poll::Pending => client.poll_left(cx).map(|()| Ok(RelayEvent::Left)),
            });
            let came = came.await;
            is_filled = input.len() == input.capacity();
            let passed = match came {
                Ok(RelayEvent::Bytes(1..)) => framing.pass(input, 0, output),
                Ok(RelayEvent::Bytes(0)) => framing.end(output),
                Ok(RelayEvent::Left | RelayEvent::Late) | Err(_) => return Ok(Relayed::BrokenOff),
            };
            // What came before it went wrong has come.
            if passed.is_err() {
                write_all(client, output).await?;
                return Ok(Relayed::BrokenOff);
            }
        }
        // What is said behind the end answers nothing that was asked.
        if keeps_alive && input.is_empty() {
            idle.put(io);
        }
        Ok(Relayed::Whole { closes })
    }
}

/// What happened first.
enum RelayEvent {
    /// The upstream said so many bytes; none is its end.
    Bytes(usize),
    /// The client left.
    Left,
    /// Nothing in time.
    Late,
}

/// Why a connection gave no response.
enum RelayError {
    /// It ended before the upstream said anything.
    Unheard(io::Error),
    /// The upstream failed.
    Upstream(UpstreamError),
    /// The client left.
    Client,
}

fn broken(error: io::Error) -> RelayError {
    RelayError::Upstream(UpstreamError::Broken(error.into()))
}
