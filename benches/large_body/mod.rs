//! A body of 1 GiB on its way through the gateway, to a receiver that is slower than the sender.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::gateway::authority;
use crate::response::MeasuredHead;

const LENGTH: usize = 1 << 30;
const CHUNK: usize = 64 << 10;
/// A sender that has waited for this long is taken to be stopped by the receiver.
const STALL: Duration = Duration::from_millis(500);
const DEADLINE: Duration = Duration::from_secs(20);

/// Sends the body from the upstream to a client of the gateway at `url`.
pub fn download(url: &str, upstream: &TcpListener) -> io::Result<()> {
    let (started, stalled) = mpsc::channel();
    thread::scope(|scope| {
        let upstream = scope.spawn(move || {
            let mut stream = accept(upstream)?;
            read_request_head(&mut stream)?;
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n")?;
            send(&mut stream, started)
        });
        let mut stream = connect(url)?;
        write!(stream, "GET / HTTP/1.1\r\nHost: {}\r\n\r\n", authority(url))?;
        let body = read_response(&mut stream, LENGTH)?;
        receive(&mut stream, body, &stalled)?;
        upstream.join().map_err(|_| io::Error::other("the upstream panicked"))?
    })
}

/// Sends the body from a client of the gateway at `url` to the upstream.
pub fn upload(url: &str, upstream: &TcpListener) -> io::Result<()> {
    let (started, stalled) = mpsc::channel();
    thread::scope(|scope| {
        let upstream = scope.spawn(move || {
            let mut stream = accept(upstream)?;
            let body = read_request_head(&mut stream)?;
            receive(&mut stream, body, &stalled)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        });
        let mut stream = connect(url)?;
        write!(stream, "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: {LENGTH}\r\n\r\n", authority(url))?;
        send(&mut stream, started)?;
        read_response(&mut stream, 0)?;
        upstream.join().map_err(|_| io::Error::other("the upstream panicked"))?
    })
}

fn connect(url: &str) -> io::Result<TcpStream> {
    with_deadlines(TcpStream::connect(authority(url))?)
}

fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let deadline = Timespec::try_from(DEADLINE).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&deadline))? {
        0 => Err(io::Error::new(io::ErrorKind::TimedOut, "the gateway does not connect to the upstream")),
        _ => with_deadlines(listener.accept()?.0),
    }
}

fn with_deadlines(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    Ok(stream)
}

/// Returns the number of bytes of the body that have come with the head.
fn read_request_head(stream: &mut TcpStream) -> io::Result<usize> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let received = stream.read(&mut buffer)?;
        bytes.extend_from_slice(buffer.get(..received).unwrap_or_default());
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        match end {
            Some(end) => return Ok(bytes.len() - end - 4),
            None if received == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            None => {}
        }
    }
}

/// Returns the number of bytes of the body that have come with the head, which must announce this length.
fn read_response(stream: &mut TcpStream, length: usize) -> io::Result<usize> {
    let mut bytes = Vec::new();
    let head = MeasuredHead::read(stream, &mut bytes)?;
    if (head.status, head.body_length) != (200, length) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        return Err(io::Error::other(format!("expected status 200 and {length} bytes, got:\n{text}")));
    }
    Ok(bytes.len() - head.length)
}

/// Sends the body. Lets the receiver start when no more can be sent.
fn send(stream: &mut TcpStream, start: Sender<()>) -> io::Result<()> {
    let (chunk, mut left, mut start) = (vec![0; CHUNK], LENGTH, Some(start));
    stream.set_write_timeout(Some(STALL))?;
    while left > 0 {
        match stream.write(chunk.get(..left.min(CHUNK)).unwrap_or_default()) {
            Ok(sent) => left -= sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && start.take().is_some() => {
                stream.set_write_timeout(Some(DEADLINE))?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits for the start, which is also the end of the sender, and receives the rest of the body after these bytes.
fn receive(stream: &mut TcpStream, mut received: usize, start: &Receiver<()>) -> io::Result<()> {
    // The sender sends nothing here: it drops its end.
    let _ = start.recv();
    let mut buffer = vec![0; CHUNK];
    while received < LENGTH {
        match stream.read(&mut buffer)? {
            0 => return Err(io::Error::other(format!("the body ended after {received} bytes"))),
            more => received += more,
        }
    }
    match received {
        LENGTH => Ok(()),
        _ => Err(io::Error::other("more than the body came")),
    }
}
