//! Responses that servers under measurement send.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::gateway::authority;

const DEADLINE: Duration = Duration::from_secs(10);
const MAX_FIELDS: usize = 64;

/// What a head says about its response.
pub struct MeasuredHead {
    pub status: u16,
    /// The length of the head, in bytes.
    pub length: usize,
    /// The value of `Content-Length`.
    pub body_length: usize,
}

impl MeasuredHead {
    /// Parses the head of a response with a `Content-Length`. Returns `None` if the head is incomplete.
    pub fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(length) = response.parse(bytes).map_err(io::Error::other)? else {
            return Ok(None);
        };
        let field = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
        let body_length = field.and_then(|field| str::from_utf8(field.value).ok()?.parse().ok());
        match (response.code, body_length) {
            (Some(status), Some(body_length)) => Ok(Some(Self { status, length, body_length })),
            _ => Err(io::Error::other(format!("no Content-Length: {}", String::from_utf8_lossy(bytes)))),
        }
    }

    /// Reads until the head is complete. Appends to `bytes`, which may then have a part of the body.
    pub fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Self> {
        loop {
            if let Some(head) = Self::parse(bytes)? {
                return Ok(head);
            }
            read_more(stream, bytes)?;
        }
    }
}

/// A whole response.
pub struct ServerResponse {
    pub status: u16,
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    pub body: String,
}

impl ServerResponse {
    /// Sends `request` to the server at `url` and reads the response.
    pub fn fetch(url: &str, request: &[u8]) -> io::Result<Self> {
        Self::exchange(&mut TcpStream::connect(authority(url))?, request)
    }

    /// Sends `request` on a connection and reads the response.
    pub fn exchange(stream: &mut TcpStream, request: &[u8]) -> io::Result<Self> {
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(request)?;
        let mut bytes = Vec::new();
        let MeasuredHead { status, length, body_length } = MeasuredHead::read(stream, &mut bytes)?;
        while bytes.len() < length + body_length {
            read_more(stream, &mut bytes)?;
        }
        Self::new(status, length, bytes)
    }

    /// A response whose head has this length.
    pub fn new(status: u16, length: usize, bytes: Vec<u8>) -> io::Result<Self> {
        let mut head = String::from_utf8(bytes).map_err(io::Error::other)?;
        let body = head.split_off(length);
        let field = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        };
        Ok(Self { status, fields: head.lines().filter_map(field).collect(), body })
    }
}

fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    let received = stream.read(&mut buffer)?;
    if received == 0 {
        let text = String::from_utf8_lossy(bytes);
        return Err(io::Error::other(format!("the connection ended in the response: {text}")));
    }
    bytes.extend_from_slice(buffer.get(..received).unwrap_or_default());
    Ok(())
}
