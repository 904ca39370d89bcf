//! The connection of a client, during a request.

use std::cell::RefCell;
use std::fs::File;
use std::future::{pending, poll_fn};
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::io::AsyncWrite as _;
use tokio::sync::watch;
use tokio::time::timeout;

use super::buffer::Buffer;
use super::half_closed::HalfClosed;
use super::peer::Peer;
use super::prepared::PreparedResponse;
use super::request_body::{DISCARD_TIME, RequestBody};
use super::send::{SendLimit, send_all, send_file};
use super::stream::Stream;
use super::traffic::Traffic;
use crate::http1::chunked::MalformedBody;
use crate::http1::framing::Encoding;
use crate::http1::request::{RequestHead, Version};

/// How much of the next requests is read ahead, in bytes.
const MAX_PIPELINED: usize = 64 << 10;
/// Asks for the body. Every client of HTTP/1.1 can parse it at any time before the response (RFC 9110, section 15.2).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

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
    has_begun_response: bool,
    send_limit: SendLimit,
    traffic: Rc<Traffic>,
    /// Set when the client has stopped sending, which it may do and wait for the response.
    half_closed: Option<HalfClosed>,
}

impl ClientConnection {
    /// A connection without a request. `stopped` changes once, when the server stops. A client that takes nothing for
    /// `send_timeout` is disconnected.
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
            has_begun_response: false,
            send_limit: SendLimit::new(Duration::MAX),
            traffic: Rc::default(),
            half_closed: None,
        }
    }

    /// How long the client may take nothing.
    pub fn send_timeout(&self) -> Duration {
        self.send_limit.limit
    }

    /// Returns true if the client has taken nothing for that time.
    pub fn has_stalled(&self) -> bool {
        self.send_limit.has_passed
    }

    /// Records that the client has taken nothing for that time.
    pub fn mark_stalled(&mut self) {
        self.send_limit.has_passed = true;
    }

    /// Begins a request, whose head was the last thing that was taken from the input.
    pub fn begin(&mut self, head: &RequestHead<'_>) {
        self.version = head.version;
        self.body = RequestBody::new(head);
        self.closes = head.closes();
        self.has_begun_response = false;
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

    /// Returns true if the request's body was received and handled.
    pub fn has_whole_body(&self) -> bool {
        self.body.is_whole()
    }

    /// Returns true if the client waits to be asked for the body, and has not sent any of it.
    pub fn awaits_continue(&self) -> bool {
        self.body.awaits_continue(&self.input)
    }

    /// Asks for the body, if the client waits for that.
    pub async fn ask_for_body(&mut self) -> io::Result<()> {
        if self.awaits_continue() {
            self.send_interim(CONTINUE).await?;
        }
        self.mark_asked();
        Ok(())
    }

    /// Records that the client was asked for the body.
    pub fn mark_asked(&mut self) {
        self.body.mark_asked();
    }

    /// Moves received bytes of the request's body to `out`. `passes` chooses the trailers.
    pub fn forward_body(
        &mut self,
        encoding: Encoding,
        out: &mut Vec<u8>,
        passes: impl Fn(&str) -> bool,
    ) -> Result<(), MalformedBody> {
        self.body.forward(&mut self.input, encoding, out, passes)
    }

    /// Reads what can be read now, and returns its length in bytes; 0 when the client has stopped sending.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let filled = self.input.poll_fill(&mut self.stream, cx);
        if let Poll::Ready(Ok(length)) = filled {
            self.traffic.add_received(length as u64);
        }
        filled
    }

    /// Writes as much as the system takes now, at least one byte, and returns its length.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            taken => {
                self.has_begun_response = true;
                self.traffic.add_sent(taken as u64);
                if let Some(half_closed) = &mut self.half_closed {
                    half_closed.restart();
                }
                Poll::Ready(Ok(taken))
            }
        }
    }

    /// Ready when the client has left. What it sends meanwhile is kept, up to `MAX_PIPELINED`. Beyond that, nothing is read,
    /// and the end is not noticed.
    ///
    /// A client may stop sending and wait for its response. If it gets nothing for a while, `probe` is sent, which must not
    /// change the meaning of the response: if the client has left, its system then resets the connection. Where nothing
    /// can be sent within a response, a client that has stopped sending is taken to have left.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>, probe: &'static [u8]) -> Poll<()> {
        loop {
            if let Some(half_closed) = &mut self.half_closed {
                return half_closed.poll_gone(cx, &mut self.stream, probe, self.has_begun_response);
            }
            if self.input.bytes().len() >= MAX_PIPELINED {
                return Poll::Pending;
            }
            match ready!(self.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) if !self.stream.end_means_gone() => self.half_closed = Some(HalfClosed::new()),
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    /// Ready when a client that has got nothing of its response has left: [`ClientConnection::poll_gone`] with an interim
    /// response as the probe, which HTTP/1.0 does not have.
    pub fn poll_gone_before_response(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_gone(cx, if self.version == Version::Http11 { CONTINUE } else { b"" })
    }

    /// Writes all bytes of an interim response.
    pub async fn send_interim(&mut self, bytes: &[u8]) -> io::Result<()> {
        send_all(&mut self.stream, bytes, &mut self.send_limit, &self.traffic, |_, _| {}).await
    }

    /// Writes all bytes, and meanwhile discards what the client sends of an unwanted body: some clients read nothing before
    /// they have sent all of it. Fails if the client takes nothing for too long.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.has_begun_response = true;
        let Self { stream, input, body, send_limit, traffic, .. } = self;
        let discard = |stream: &mut Stream, cx: &mut Context<'_>| {
            let _is_whole = body.poll_discard(input, stream, traffic, cx);
        };
        send_all(stream, bytes, send_limit, traffic, discard).await
    }

    /// Returns true if [`ClientConnection::send_file`] can send files.
    pub fn takes_files(&self) -> bool {
        self.stream.takes_files()
    }

    /// Sends a range of a file without copying it, as [`ClientConnection::send`] sends bytes. Also fails if the file is shorter.
    pub async fn send_file(&mut self, file: &File, range: Range<u64>) -> io::Result<()> {
        self.has_begun_response = true;
        let Self { stream, input, body, send_limit, traffic, .. } = self;
        let discard = |stream: &mut Stream, cx: &mut Context<'_>| {
            let _is_whole = body.poll_discard(input, stream, traffic, cx);
        };
        send_file(stream, file, range, send_limit, traffic, discard).await
    }

    /// Sends a whole response without translating it, if the request came over HTTP/2. `length` is that of its head and
    /// content in bytes.
    pub fn send_whole(&mut self, response: impl FnOnce() -> Response<Bytes>, length: u64) -> bool {
        let Some(whole) = &self.whole_response else { return false };
        whole.replace(Some(response()));
        self.traffic.add_sent(length);
        true
    }

    /// Sends a prepared response, as [`ClientConnection::send`] sends bytes.
    pub async fn send_prepared(&mut self, response: &PreparedResponse) -> io::Result<()> {
        if let Some(whole) = response.http2().filter(|_| self.is_http2()) {
            self.send_whole(|| whole.clone(), response.http1().len() as u64);
            return Ok(());
        }
        self.send(response.http1()).await
    }

    /// Reads and discards the rest of the request's body, within limits. Returns true if the next request can follow.
    pub async fn discard_body(&mut self) -> bool {
        let Self { body, input, stream, traffic, .. } = self;
        if body.is_whole() {
            return true;
        }
        let discarded = poll_fn(|cx| body.poll_discard(input, stream, traffic, cx));
        timeout(DISCARD_TIME, discarded).await.unwrap_or(false)
    }

    /// Makes dropping the connection tell the client that the response is not complete, where the framing cannot: HTTP/1.0
    /// takes the end of the connection for the end of the response.
    pub fn cut(&mut self) {
        if self.version == Version::Http10 {
            self.stream.reset_on_drop();
        }
    }

    /// Returns true if the client has sent something that was not handled, or may be about to.
    pub fn has_unread(&self) -> bool {
        !self.body.is_whole() || !self.input.is_empty()
    }
}
