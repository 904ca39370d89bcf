//! Load on a server: some connections that each send one request after another, as fast as the server responds.
//!
//! A request costs less CPU time here than in the servers that are measured, so that their core is the busy one. Only the
//! first response of each connection is parsed. Of the others only the length is checked, and the system discards the
//! bytes unread (`MSG_TRUNC`, tcp(7)).

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::gateway::{authority, on};

const LOAD: &str = "--load";
const CONNECTIONS: u32 = 64;
/// The limit for one read, in bytes: more than any response has.
const MAX_READ: usize = 64 << 10;

/// The result of a load.
pub struct Load {
    /// Requests per second.
    pub rate: f64,
    /// The number of requests.
    pub requests: f64,
}

impl Load {
    /// Runs a load on `url` for this long, in a process of its own on these cores.
    pub fn run(url: &str, duration: Duration, cores: &str) -> io::Result<Self> {
        let mut command = on(cores, &std::env::current_exe()?);
        command.args([LOAD, url, &duration.as_millis().to_string()]);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
        let report = String::from_utf8_lossy(&output.stdout);
        let mut figures = report.split_whitespace().filter_map(|figure| figure.parse::<f64>().ok());
        match (figures.next(), figures.next()) {
            (Some(requests), Some(seconds)) => Ok(Self { rate: requests / seconds, requests }),
            _ => Err(io::Error::other(format!("the load on {url} failed"))),
        }
    }
}

/// Runs the load if this process was started for that, and then returns true.
pub fn load_if_told() -> io::Result<bool> {
    let mut arguments = std::env::args().skip_while(|argument| argument != LOAD).skip(1);
    let (Some(url), Some(duration)) = (arguments.next(), arguments.next()) else { return Ok(false) };
    let duration = Duration::from_millis(duration.parse().map_err(io::Error::other)?);
    let (requests, taken) = load(&url, duration)?;
    println!("{requests} {}", taken.as_secs_f64());
    Ok(true)
}

fn load(url: &str, duration: Duration) -> io::Result<(u64, Duration)> {
    let mut request = String::new();
    let _ = write!(request, "GET / HTTP/1.1\r\nHost: {}\r\n\r\n", authority(url));
    let mut connections = (0..CONNECTIONS)
        .map(|_| LoadConnection::open(authority(url), request.as_bytes()))
        .collect::<io::Result<Vec<_>>>()?;
    let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (number, connection) in (0..).zip(&connections) {
        let ready = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&queue, &connection.stream, epoll::EventData::new_u64(number), ready)?;
        connection.send(request.as_bytes())?;
    }
    let mut buffer = vec![0; MAX_READ];
    let mut events = Vec::with_capacity(connections.len());
    let (mut requests, started_at) = (0, Instant::now());
    let a_second = Timespec { tv_sec: 1, tv_nsec: 0 };
    while started_at.elapsed() < duration {
        epoll::wait(&queue, rustix::buffer::spare_capacity(&mut events), Some(&a_second))?;
        if events.is_empty() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server has not responded for 1 s"));
        }
        for event in events.drain(..) {
            let number = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let Some(connection) = connections.get_mut(number) else { continue };
            if connection.is_complete(&mut buffer)? {
                requests += 1;
                connection.send(request.as_bytes())?;
            }
        }
    }
    Ok((requests, started_at.elapsed()))
}

struct LoadConnection {
    stream: TcpStream,
    /// The length of each response, in bytes.
    length: usize,
    left: usize,
}

impl LoadConnection {
    /// Opens a connection and reads the first response.
    fn open(authority: &str, request: &[u8]) -> io::Result<Self> {
        let mut stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(request)?;
        let length = read_response(&mut stream)?;
        Ok(Self { stream, length, left: length })
    }

    fn send(&self, request: &[u8]) -> io::Result<()> {
        match send(&self.stream, request, SendFlags::NOSIGNAL)? {
            sent if sent == request.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn is_complete(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        let flags = RecvFlags::TRUNC | RecvFlags::DONTWAIT;
        let received = match recv(&self.stream, buffer, flags) {
            Ok((_, received)) => received,
            Err(rustix::io::Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        self.left = match self.left.checked_sub(received) {
            Some(left) if received > 0 => left,
            _ => return Err(io::Error::other("a response of another length, or the end of the connection")),
        };
        let is_complete = self.left == 0;
        if is_complete {
            self.left = self.length;
        }
        Ok(is_complete)
    }
}

/// Reads a response with a Content-Length, and returns its length including the head.
fn read_response(stream: &mut TcpStream) -> io::Result<usize> {
    let mut response = Vec::new();
    let mut buffer = vec![0; MAX_READ];
    loop {
        let received = stream.read(&mut buffer)?;
        response.extend_from_slice(buffer.get(..received).unwrap_or_default());
        let text = String::from_utf8_lossy(&response);
        let length = text.split_once("\r\n\r\n").and_then(|(head, _)| {
            let field = head.to_ascii_lowercase();
            let length: usize = field.split_once("content-length: ")?.1.lines().next()?.parse().ok()?;
            Some(head.len() + 4 + length)
        });
        match length {
            Some(length) if response.len() == length => return Ok(length),
            _ if received == 0 => return Err(io::Error::other(format!("incomplete response: {text}"))),
            _ => {}
        }
    }
}
