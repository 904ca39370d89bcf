//! The connections of a load, each with one request at a time.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};

use super::connection::{ExpectedResponse, LoadConnection};

/// The limit for one read of a body, in bytes.
const MAX_READ: usize = 1 << 20;
/// A request of this length fits in the send buffer of any connection.
const MAX_SMALL: usize = 4 << 10;
/// How long a server may leave all connections without progress.
const DEADLINE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };
const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Connections that each wait for the response to a request, or are idle.
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
    /// Opens this many connections.
    pub fn open(
        address: SocketAddr,
        request: &'a [u8],
        expected: &'a ExpectedResponse,
        connections: usize,
    ) -> io::Result<Self> {
        let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let events = Vec::with_capacity(128);
        let buffer = vec![0; MAX_READ];
        let mut traffic = Self { address, request, expected, queue, connections: Vec::new(), events, buffer };
        for number in 0..connections {
            let connection = traffic.connect(number)?;
            traffic.connections.push(connection);
        }
        Ok(traffic)
    }

    /// The number of connections.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    fn connect(&self, number: usize) -> io::Result<LoadConnection<'a>> {
        let connection = LoadConnection::open(self.address, self.expected)?;
        let mut ready = epoll::EventFlags::IN | epoll::EventFlags::ET;
        // The event that a new connection is writable would cost time for nothing if the request fits in its buffer.
        ready.set(epoll::EventFlags::OUT, self.request.len() > MAX_SMALL);
        epoll::add(&self.queue, &connection.stream, epoll::EventData::new_u64(number as u64), ready)?;
        Ok(connection)
    }

    /// Sends requests for this long, and waits for the last response on each connection. Returns the number of responses
    /// and the time taken.
    pub fn run(&mut self, duration: Duration) -> io::Result<(u64, Duration)> {
        (0..self.len()).try_for_each(|number| self.send(number))?;
        let (mut responses, mut waiting, started_at) = (0, self.len(), Instant::now());
        while waiting > 0 {
            self.wait(None)?;
            let is_over = started_at.elapsed() >= duration;
            while let Some(number) = self.next_complete()? {
                responses += 1;
                if is_over {
                    waiting -= 1;
                    // The server may close it while others wait.
                    epoll::delete(&self.queue, &self.connections[number].stream)?;
                } else {
                    self.send_next(number)?;
                }
            }
        }
        Ok((responses, started_at.elapsed()))
    }

    /// Sends a request on an idle connection.
    pub fn send(&mut self, number: usize) -> io::Result<()> {
        self.connections[number].send(self.request)
    }

    /// Waits for events, or until this time. Without one, it is an error if there are none for 10 s.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let timeout = match until {
            // Its own timeout is in milliseconds.
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                let left = Timespec::try_from(left).map_err(io::Error::other)?;
                poll(&mut [PollFd::new(&self.queue, PollFlags::IN)], Some(&left))?;
                NOW
            }
            None => DEADLINE,
        };
        epoll::wait(&self.queue, rustix::buffer::spare_capacity(&mut self.events), Some(&timeout))?;
        if self.events.is_empty() && until.is_none() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server has sent nothing for 10 s"));
        }
        Ok(())
    }

    /// Handles events until a response is complete. Returns the number of its connection, or `None` after all events.
    pub fn next_complete(&mut self) -> io::Result<Option<usize>> {
        while let Some(event) = self.events.pop() {
            let number = usize::try_from(event.data.u64()).map_err(io::Error::other)?;
            if self.connections[number].proceed(event.flags, &mut self.buffer)? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn send_next(&mut self, number: usize) -> io::Result<()> {
        if self.expected.closes {
            self.connections[number] = self.connect(number)?;
        }
        self.send(number)
    }
}
