//! The connections of a load, each with one request at a time.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use super::connection::{ExpectedResponse, LoadConnection};

const CONNECTIONS: u64 = 64;
/// The limit for one read of a body, in bytes.
const MAX_READ: usize = 1 << 20;
/// A request of this length fits in the send buffer of any connection.
const MAX_SMALL: usize = 4 << 10;
/// How long a server may leave all connections without progress.
const DEADLINE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// Connections that each wait for the response to a request.
pub struct Traffic<'a> {
    address: SocketAddr,
    request: &'a [u8],
    expected: &'a ExpectedResponse,
    queue: OwnedFd,
    connections: Vec<LoadConnection<'a>>,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
}

impl<'a> Traffic<'a> {
    /// Opens the connections and sends the first request on each.
    pub fn start(address: SocketAddr, request: &'a [u8], expected: &'a ExpectedResponse) -> io::Result<Self> {
        let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let (connections, events) = (Vec::new(), Vec::with_capacity(128));
        let buffer = vec![0; MAX_READ];
        let mut traffic = Self { address, request, expected, queue, connections, events, buffer };
        for number in 0..CONNECTIONS {
            let connection = traffic.connect(number)?;
            traffic.connections.push(connection);
        }
        Ok(traffic)
    }

    fn connect(&self, number: u64) -> io::Result<LoadConnection<'a>> {
        let mut connection = LoadConnection::open(self.address, self.expected)?;
        let mut ready = epoll::EventFlags::IN | epoll::EventFlags::ET;
        // The event that a new connection is writable would cost time for nothing if the request fits in its buffer.
        ready.set(epoll::EventFlags::OUT, self.request.len() > MAX_SMALL);
        epoll::add(&self.queue, &connection.stream, epoll::EventData::new_u64(number), ready)?;
        connection.send(self.request)?;
        Ok(connection)
    }

    /// Sends requests for this long. Returns the number of responses and the time taken.
    pub fn run(&mut self, duration: Duration) -> io::Result<(u64, Duration)> {
        let (mut responses, started_at) = (0, Instant::now());
        while started_at.elapsed() < duration {
            self.wait()?;
            while let Some(number) = self.next_complete()? {
                responses += 1;
                self.send_next(number)?;
            }
        }
        Ok((responses, started_at.elapsed()))
    }

    /// Waits for the last response on each connection, so that it is checked too. Returns their number.
    pub fn finish(&mut self) -> io::Result<u64> {
        let mut responses = 0;
        while responses < CONNECTIONS {
            self.wait()?;
            while let Some(number) = self.next_complete()? {
                responses += 1;
                epoll::delete(&self.queue, &connection(&mut self.connections, number)?.stream)?;
            }
        }
        Ok(responses)
    }

    fn wait(&mut self) -> io::Result<()> {
        epoll::wait(&self.queue, rustix::buffer::spare_capacity(&mut self.events), Some(&DEADLINE))?;
        if self.events.is_empty() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server has sent nothing for 10 s"));
        }
        Ok(())
    }

    /// Handles events until a response is complete. Returns the number of its connection, or `None` after all events.
    fn next_complete(&mut self) -> io::Result<Option<u64>> {
        while let Some(event) = self.events.pop() {
            let number = event.data.u64();
            let connection = connection(&mut self.connections, number)?;
            if connection.proceed(event.flags, &mut self.buffer)? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn send_next(&mut self, number: u64) -> io::Result<()> {
        if self.expected.closes {
            let next = self.connect(number)?;
            *connection(&mut self.connections, number)? = next;
            return Ok(());
        }
        connection(&mut self.connections, number)?.send(self.request)
    }
}

fn connection<'c, 'a>(
    connections: &'c mut [LoadConnection<'a>],
    number: u64,
) -> io::Result<&'c mut LoadConnection<'a>> {
    let index = usize::try_from(number).map_err(io::Error::other)?;
    connections.get_mut(index).ok_or_else(|| io::Error::other("an event of another socket"))
}
