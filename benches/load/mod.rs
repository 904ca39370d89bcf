//! Load on a server: as many requests one after another over each of some connections as it answers.
//!
//! It takes less of a core for a request than the servers that are measured, so that theirs is the one that is full: it
//! looks at the first response of each connection, and of all others only at the length, whose bytes the system
//! throws away unread (`MSG_TRUNC`, tcp(7)).

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::loopback::{authority, on};

const LOAD: &str = "--load";
const CONNECTIONS: u32 = 64;
/// In bytes; more than any response has.
const MOST: usize = 64 << 10;

/// What a load has counted.
pub struct Load {
    /// Requests per second.
    pub rate: f64,
    /// Requests.
    pub requests: f64,
}

impl Load {
    /// Of `url`, for so long, by a process of its own on these cores.
    pub fn of(url: &str, duration: Duration, cores: &str) -> io::Result<Self> {
        let mut command = on(cores, &std::env::current_exe()?);
        command.args([LOAD, url, &duration.as_millis().to_string()]);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
        let report = String::from_utf8_lossy(&output.stdout);
        let mut figures = report.split_whitespace().filter_map(|figure| figure.parse::<f64>().ok());
        match (figures.next(), figures.next()) {
            (Some(requests), Some(seconds)) => Ok(Self { rate: requests / seconds, requests }),
            _ => Err(io::Error::other(format!("no load on {url}"))),
        }
    }
}

/// Makes the load, where this process was started to; true once it is over.
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
        .map(|_| Connection::open(authority(url), request.as_bytes()))
        .collect::<io::Result<Vec<_>>>()?;
    let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (number, connection) in (0..).zip(&connections) {
        let ready = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&queue, &connection.stream, epoll::EventData::new_u64(number), ready)?;
        connection.ask(request.as_bytes())?;
    }
    let mut room = vec![0; MOST];
    let mut events = Vec::with_capacity(connections.len());
    let (mut requests, begun) = (0, Instant::now());
    let a_second = Timespec { tv_sec: 1, tv_nsec: 0 };
    while begun.elapsed() < duration {
        epoll::wait(&queue, rustix::buffer::spare_capacity(&mut events), Some(&a_second))?;
        if events.is_empty() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "a server that answers nobody for 1 s"));
        }
        for event in events.drain(..) {
            let number = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let Some(connection) = connections.get_mut(number) else { continue };
            if connection.is_answered(&mut room)? {
                requests += 1;
                connection.ask(request.as_bytes())?;
            }
        }
    }
    Ok((requests, begun.elapsed()))
}

struct Connection {
    stream: TcpStream,
    /// Of each response, in bytes.
    length: usize,
    left: usize,
}

impl Connection {
    /// One whose first response was whole.
    fn open(authority: &str, request: &[u8]) -> io::Result<Self> {
        let mut stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(request)?;
        let length = read_response(&mut stream)?;
        Ok(Self { stream, length, left: length })
    }

    fn ask(&self, request: &[u8]) -> io::Result<()> {
        match send(&self.stream, request, SendFlags::NOSIGNAL)? {
            sent if sent == request.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn is_answered(&mut self, room: &mut [u8]) -> io::Result<bool> {
        let flags = RecvFlags::TRUNC | RecvFlags::DONTWAIT;
        let came = match recv(&self.stream, room, flags) {
            Ok((_, came)) => came,
            Err(rustix::io::Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        self.left = match self.left.checked_sub(came) {
            Some(left) if came > 0 => left,
            _ => return Err(io::Error::other("a response of another length, or the connection's end")),
        };
        let is_answered = self.left == 0;
        if is_answered {
            self.left = self.length;
        }
        Ok(is_answered)
    }
}

/// The length of a response with a Content-Length, with its head.
fn read_response(stream: &mut TcpStream) -> io::Result<usize> {
    let mut response = Vec::new();
    let mut room = vec![0; MOST];
    loop {
        let came = stream.read(&mut room)?;
        response.extend_from_slice(room.get(..came).unwrap_or_default());
        let text = String::from_utf8_lossy(&response);
        let length = text.split_once("\r\n\r\n").and_then(|(head, _)| {
            let field = head.to_ascii_lowercase();
            let length: usize = field.split_once("content-length: ")?.1.lines().next()?.parse().ok()?;
            Some(head.len() + 4 + length)
        });
        match length {
            Some(length) if response.len() == length => return Ok(length),
            _ if came == 0 => return Err(io::Error::other(format!("not a whole response: {text}"))),
            _ => {}
        }
    }
}
