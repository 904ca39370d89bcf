//! The connection of a client, during a request.

mod body;
mod gone;
mod send;

use std::cell::RefCell;
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::sync::watch;

pub use self::gone::UNWATCHED;
use super::buffer::Buffer;
use super::half_closed::HalfClosed;
use super::peer::Peer;
use super::request_body::RequestBody;
use super::send::SendLimit;
use super::stream::Stream;
use super::traffic::Traffic;
use crate::http1::request::{RequestHead, Version};

/// Where a request of HTTP/2 leaves a response that needs no translation.
pub type WholeResponse = Rc<RefCell<Option<Response<Bytes>>>>;

/// The connection of a client, and the state of its current request.
#[derive(Debug)]
pub struct ClientConnection {
    stream: Stream,
    input: Buffer,
    peer: Rc<Peer>,
    /// Changes once, when the server stops. `None` for a request of HTTP/2, whose connection ends in its own way.
    stopped: Option<watch::Receiver<bool>>,
    /// For a request of HTTP/2.
    whole_response: Option<WholeResponse>,
    version: Version,
    body: RequestBody,
    /// True if the connection closes after the response.
    closes: bool,
    /// True if an end of its data is noticed when it comes, and nothing was sent to it since that began.
    is_watched: bool,
    send_limit: SendLimit,
    traffic: Rc<Traffic>,
    /// Set when the client has stopped sending, or may have, which it may do and wait for the response.
    half_closed: Option<HalfClosed>,
    /// True if it may have sent more unnoticed, while its response was awaited.
    was_unwatched: bool,
}

impl ClientConnection {
    /// A connection without a request. `stopped` changes once, when the server stops. A client that takes too
    /// little for `send_timeout` is disconnected.
    pub fn new(
        stream: Stream,
        peer: Rc<Peer>,
        stopped: watch::Receiver<bool>,
        send_timeout: Duration,
    ) -> Self {
        let send_limit = SendLimit::new(send_timeout);
        Self { stopped: Some(stopped), send_limit, ..Self::unlimited(stream, peer) }
    }

    /// The pipe of one request of HTTP/2. The connection, not this, limits how long its client may take nothing. A prepared
    /// response goes to `whole_response` instead of through the pipe.
    pub fn for_http2(stream: Stream, peer: Rc<Peer>, whole_response: WholeResponse) -> Self {
        Self { whole_response: Some(whole_response), ..Self::unlimited(stream, peer) }
    }

    fn unlimited(stream: Stream, peer: Rc<Peer>) -> Self {
        Self {
            stream,
            input: Buffer::new(),
            peer,
            stopped: None,
            whole_response: None,
            version: Version::Http11,
            body: RequestBody::default(),
            closes: false,
            is_watched: false,
            send_limit: SendLimit::new(Duration::MAX),
            traffic: Rc::default(),
            half_closed: None,
            was_unwatched: false,
        }
    }

    /// Begins a request, whose head was the last thing that was taken from the input.
    pub fn begin(&mut self, head: &RequestHead<'_>) {
        self.version = head.version;
        self.body = RequestBody::new(head);
        self.closes = head.closes();
        self.is_watched = false;
        self.send_limit.has_waited = false;
        self.half_closed.take_if(|half_closed| half_closed.is_assumed);
        if let Some(half_closed) = &mut self.half_closed {
            half_closed.begin_request();
        }
    }

    /// The bytes that the connection carries.
    pub fn traffic(&self) -> &Rc<Traffic> {
        &self.traffic
    }

    /// The other end.
    pub fn peer(&self) -> &Rc<Peer> {
        &self.peer
    }

    /// The version of the current request.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns true if the request came over HTTP/2.
    pub fn is_http2(&self) -> bool {
        self.whole_response.is_some()
    }

    /// Returns true if the client of the current request can get interim responses (RFC 9110, section 15.2). HTTP/1.0 has none, and
    /// hyper cannot send them over HTTP/2.
    pub fn takes_interim(&self) -> bool {
        self.version == Version::Http11 && !self.is_http2()
    }

    /// The bytes that were received and not handled yet.
    pub fn input(&mut self) -> &mut Buffer {
        &mut self.input
    }

    /// The stream, for a tunnel.
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// The stream, and the bytes that were received and not handled yet.
    pub fn into_parts(self) -> (Stream, Buffer) {
        (self.stream, self.input)
    }

    /// Returns true if the server is stopping.
    pub fn is_stopping(&self) -> bool {
        // This receiver never marks the change as seen.
        self.stopped.as_ref().is_some_and(|stopped| stopped.has_changed().unwrap_or(true))
    }

    /// Ready when the server stops.
    pub fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let stopped = self.stopped.clone();
        async move {
            match stopped {
                Some(mut stopped) => drop(stopped.wait_for(|stopped| *stopped).await),
                None => pending().await,
            }
        }
    }

    /// Returns true if the connection closes after the current response. Once the head of the response is written, it says
    /// the same.
    pub fn closes(&self) -> bool {
        self.closes
    }

    /// Decides if the connection closes after the current response, when its head is written. It does if the server is
    /// stopping, or if the client still waits to be asked for the body: the client may send it or not, so the next request
    /// could not be told from it (RFC 9110, section 10.1.1).
    pub fn decide_close(&mut self) -> bool {
        self.closes |= self.is_stopping() || self.awaits_continue();
        self.closes
    }

    /// Makes the connection close after the current response.
    pub fn close_after_response(&mut self) {
        self.closes = true;
    }

    /// Reads what can be read now, and returns its length in bytes; 0 when the client has stopped sending.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let filled = self.input.poll_fill(&mut self.stream, cx);
        if let Poll::Ready(Ok(length)) = filled {
            self.traffic.add_received(length as u64);
        }
        filled
    }

    /// Returns true if closing the connection now might lose the last response: the system resets a connection with unread bytes, and
    /// drops what is still to be sent. The client has sent more than its request or may still send it, or it is slow to take the
    /// response, so that more may come meanwhile. Of a client that was just accepted and did not wait for its response, only
    /// what was read is known: to look for more takes a system call.
    pub fn may_lose_response(&self) -> bool {
        !self.body.is_whole()
            || !self.input.is_empty()
            || self.send_limit.has_waited
            || (self.was_unwatched || self.stream.is_registered())
                && matches!(self.stream.try_read(&mut [0]), Ok(1..))
    }
}
