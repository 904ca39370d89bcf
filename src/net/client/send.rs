//! The response to a client.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::io::AsyncWrite as _;

use super::ClientConnection;
use crate::descriptors::LentFile;
use crate::http1::request::Version;
use crate::net::encoded_response::EncodedResponse;
use crate::net::send::{SendLimit, await_demand, send_all, send_file};
use crate::net::stream::Stream;
use crate::net::traffic::Traffic;

impl ClientConnection {
    /// How long the client may take too little.
    pub fn send_timeout(&self) -> Duration {
        self.send_limit.limit
    }

    /// Returns true if the client has taken too little for that time.
    pub fn has_stalled(&self) -> bool {
        self.send_limit.has_passed
    }

    /// Records that the client has taken too little for that time.
    pub fn mark_stalled(&mut self) {
        self.send_limit.has_passed = true;
    }

    /// Writes as much as the system takes now, at least one byte, and returns its length.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        match written {
            Poll::Ready(Ok(taken)) => self.record_write(taken),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.send_limit.has_waited = true,
        }
        written
    }

    /// Writes the last bytes of a response as [`ClientConnection::poll_write`] does. If the connection closes after them, its end is
    /// sent with them.
    pub fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.try_finish(bytes)? {
            0 => self.poll_write(cx, bytes),
            taken => {
                self.record_write(taken);
                Poll::Ready(Ok(taken))
            }
        }
    }

    fn record_write(&mut self, taken: usize) {
        self.is_watched = false;
        self.traffic.add_sent(taken as u64);
        if let Some(half_closed) = &mut self.half_closed {
            half_closed.restart();
        }
    }

    /// If the connection closes after these last bytes of a response, writes as much as the system takes now; if that is all, with the
    /// end of the connection. Returns the length that was written.
    fn try_finish(&self, bytes: &[u8]) -> io::Result<usize> {
        // A client that still sends its request would take the end for a failure.
        if !self.closes || !self.body.is_whole() {
            return Ok(0);
        }
        match self.stream.try_finish(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            written => written,
        }
    }

    /// Writes all bytes of interim responses, if the client takes any. A 101 is one.
    pub async fn send_interim(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.takes_interim() {
            return Ok(());
        }
        send_all(&mut self.stream, bytes, &mut self.send_limit, &self.traffic, |_, _| {}).await
    }

    /// Writes all bytes, and meanwhile discards what the client sends of an unwanted body: some clients read nothing before
    /// they have sent all of it. Fails if the client takes too little for too long.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (stream, limit, traffic, discard) = self.sending();
        send_all(stream, bytes, limit, traffic, discard).await
    }

    /// Writes the last bytes of a response as [`ClientConnection::send`] does. If the connection closes after them, its end is sent with
    /// them.
    pub async fn send_last(&mut self, bytes: &[u8]) -> io::Result<()> {
        let taken = self.try_finish(bytes)?;
        self.traffic.add_sent(taken as u64);
        self.send(bytes.get(taken..).unwrap_or_default()).await
    }

    /// Waits until the client waits for bytes, and returns how many it takes, if that is known before they are sent. Fails as
    /// [`ClientConnection::send`] does.
    pub async fn await_demand(&mut self) -> io::Result<Option<usize>> {
        let (stream, limit, _, discard) = self.sending();
        await_demand(stream, limit, discard).await
    }

    /// Returns true if [`ClientConnection::send_file`] can send files.
    pub fn takes_files(&self) -> bool {
        self.stream.takes_files()
    }

    /// Sends a range of a file without copying it, as [`ClientConnection::send`] sends bytes. Also fails if the file is shorter.
    /// Returns how much was sent: all, unless the file was closed while the client was waited for.
    pub async fn send_file(&mut self, file: &LentFile, range: Range<u64>) -> io::Result<u64> {
        let (stream, limit, traffic, discard) = self.sending();
        send_file(stream, file, range, limit, traffic, discard).await
    }

    /// What sending a response needs; the function discards what the client sends meanwhile of an unwanted body.
    fn sending(
        &mut self,
    ) -> (&mut Stream, &mut SendLimit, &Traffic, impl FnMut(&mut Stream, &mut Context<'_>)) {
        self.is_watched = false;
        let Self { stream, input, body, send_limit, traffic, .. } = self;
        let traffic = &**traffic;
        let discard = move |stream: &mut Stream, cx: &mut Context<'_>| {
            let _is_whole = body.poll_discard(input, stream, traffic, cx);
        };
        (stream, send_limit, traffic, discard)
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
    pub async fn send_prepared(&mut self, response: &EncodedResponse) -> io::Result<()> {
        if let Some(whole) = response.http2().filter(|_| self.is_http2()) {
            self.send_whole(|| whole.clone(), response.http1().len() as u64);
            return Ok(());
        }
        self.send_last(response.http1()).await
    }

    /// Makes dropping the connection tell the client that the response is not complete, where the framing cannot: HTTP/1.0
    /// takes the end of the connection for the end of the response.
    pub fn cut(&mut self) {
        if self.version == Version::Http10 {
            self.stream.reset_on_drop();
        }
    }
}
