//! One connection of a load: it sends a request and reads the response, without waiting.

use std::io;
use std::net::{SocketAddr, TcpStream};

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::response::MeasuredHead;

/// The limit for the head of a response, in bytes.
const MAX_HEAD: usize = 8 << 10;
/// What each response must be.
pub struct ExpectedResponse {
    pub status: u16,
    /// The length of the body, in bytes.
    pub length: usize,
    /// True if the server closes the connection after it.
    pub closes: bool,
}

/// A connection with one request at a time.
pub struct LoadConnection<'a> {
    pub stream: TcpStream,
    expected: &'a ExpectedResponse,
    unsent: &'a [u8],
    /// The first read of the response: its head, and perhaps a part of the body.
    start: Vec<u8>,
    /// The bytes of the body that are still to come. `None` before the end of the head.
    left: Option<usize>,
}

impl<'a> LoadConnection<'a> {
    pub fn open(address: SocketAddr, expected: &'a ExpectedResponse) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, expected, unsent: &[], start: Vec::with_capacity(MAX_HEAD), left: None })
    }

    /// Sends a request, or as much of it as the system takes.
    pub fn send(&mut self, request: &'a [u8]) -> io::Result<()> {
        self.start.clear();
        self.left = None;
        self.unsent = request;
        self.send_rest()
    }

    fn send_rest(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match send(&self.stream, self.unsent, SendFlags::NOSIGNAL) {
                Ok(sent) => self.unsent = self.unsent.get(sent..).unwrap_or_default(),
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(io::Error::other(format!("cannot send the request: {error}"))),
            }
        }
        Ok(())
    }

    /// Continues after an event. Returns true if the response is complete. The bytes in `buffer` mean nothing.
    pub fn proceed(&mut self, event: EventFlags, buffer: &mut [u8]) -> io::Result<bool> {
        if event.contains(EventFlags::OUT) {
            self.send_rest()?;
        }
        if !event.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            return Ok(false);
        }
        let is_complete = self.has_head()? && self.has_body(buffer)? && self.has_closed()?;
        if is_complete && !self.unsent.is_empty() {
            return Err(io::Error::other("the server responded before it had the whole request"));
        }
        Ok(is_complete)
    }

    fn has_head(&mut self) -> io::Result<bool> {
        while self.left.is_none() {
            let received =
                recv(&self.stream, rustix::buffer::spare_capacity(&mut self.start), RecvFlags::empty());
            if count(received.map(|(_, received)| received))?.is_none() {
                return Ok(false);
            }
            match MeasuredHead::parse(&self.start)? {
                Some(head) => self.left = Some(self.remaining(&head)?),
                None if self.start.len() < MAX_HEAD => {}
                None => return Err(io::Error::other("the head of the response is too long")),
            }
        }
        Ok(true)
    }

    /// Checks the head. Returns how many bytes of the body are still to come.
    fn remaining(&self, head: &MeasuredHead) -> io::Result<usize> {
        let ExpectedResponse { status, length, .. } = *self.expected;
        if (head.status, head.body_length) != (status, length) {
            let text = String::from_utf8_lossy(self.start.get(..head.length).unwrap_or_default());
            return Err(io::Error::other(format!(
                "expected status {status} and {length} bytes, got:\n{text}"
            )));
        }
        (head.length + length).checked_sub(self.start.len()).ok_or_else(too_long)
    }

    /// Lets the system discard the rest of the body unread (`MSG_TRUNC`, tcp(7)).
    fn has_body(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        while let Some(left @ 1..) = self.left {
            let received = recv(&self.stream, &mut *buffer, RecvFlags::TRUNC);
            let Some(received) = count(received.map(|(_, received)| received))? else { return Ok(false) };
            self.left = Some(left.checked_sub(received).ok_or_else(too_long)?);
        }
        Ok(true)
    }

    /// Returns true if the server has closed the connection, or need not.
    fn has_closed(&self) -> io::Result<bool> {
        if !self.expected.closes {
            return Ok(true);
        }
        match recv(&self.stream, &mut [0], RecvFlags::empty()) {
            Ok((_, 0)) => Ok(true),
            Ok(_) => Err(too_long()),
            Err(Errno::AGAIN) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns the number of bytes that were received, or `None` if there are none yet.
fn count(received: Result<usize, Errno>) -> io::Result<Option<usize>> {
    match received {
        Ok(0) => Err(io::Error::other("the connection ended in the response")),
        Ok(received) => Ok(Some(received)),
        Err(Errno::AGAIN) => Ok(None),
        Err(error) => Err(io::Error::other(format!("cannot read the response: {error}"))),
    }
}

fn too_long() -> io::Error {
    io::Error::other("more than the response came")
}
