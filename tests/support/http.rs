//! A client that speaks HTTP/1.1 byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::DEADLINE;

/// A connection, and what was received on it but not read yet.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    pub(crate) unread: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).expect("the gateway"))
    }

    pub(crate) fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, unread: Vec::new() }
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("sent");
    }

    /// Sends a request without a body, to `site.example` unless the fields have a Host, and reads the response.
    pub(crate) fn request(&mut self, method: &str, target: &str, fields: &[&str]) -> Response {
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        let host = (!fields.iter().any(|field| field.starts_with("Host:"))).then_some("Host: site.example");
        for field in host.iter().chain(fields) {
            head.extend([*field, "\r\n"]);
        }
        self.send(head + "\r\n");
        self.response(method)
    }

    /// Reads the response to a request with this method.
    pub(crate) fn response(&mut self, method: &str) -> Response {
        self.try_response(method).expect("a response")
    }

    /// As [`Client::response`], but returns an error if the connection ends before the response does.
    pub(crate) fn try_response(&mut self, method: &str) -> std::io::Result<Response> {
        let mut interim = Vec::new();
        let mut response = loop {
            let response = Response::from_head(&self.head()?);
            match response.status {
                100 | 102..=199 => interim.push(response),
                _ => break Response { interim, ..response },
            }
        };
        let has_no_body = method == "HEAD" || matches!(response.status, 100..=199 | 204 | 304);
        response.body = match (response.field("content-length"), response.field("transfer-encoding")) {
            _ if has_no_body => Vec::new(),
            (_, Some("chunked")) => {
                let (body, trailers) = self.chunks()?;
                response.trailers = trailers;
                body
            }
            (Some(length), _) => self.take(length.parse().expect("a length"))?,
            (None, _) => self.rest()?,
        };
        Ok(response)
    }

    /// Reads the head of the next message, with the empty line after it.
    pub(crate) fn head(&mut self) -> std::io::Result<String> {
        let head = self.read_through(b"\r\n\r\n")?;
        Ok(String::from_utf8(head).expect("text"))
    }

    /// Reads exactly `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> std::io::Result<Vec<u8>> {
        while self.unread.len() < length {
            self.read()?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    /// Reads until the connection ends.
    pub(crate) fn rest(&mut self) -> std::io::Result<Vec<u8>> {
        self.stream.read_to_end(&mut self.unread)?;
        Ok(std::mem::take(&mut self.unread))
    }

    /// Reads chunks. Returns the body and the lines of the trailer section.
    pub(crate) fn chunks(&mut self) -> std::io::Result<(Vec<u8>, Vec<String>)> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let length = usize::from_str_radix(&line, 16).expect("a chunk's length");
            if length == 0 {
                break;
            }
            body.extend(self.take(length)?);
            assert_eq!(self.line()?, "", "after a chunk of {length} bytes");
        }
        let mut trailers = Vec::new();
        loop {
            match self.line()? {
                line if line.is_empty() => return Ok((body, trailers)),
                line => trailers.push(line),
            }
        }
    }

    fn line(&mut self) -> std::io::Result<String> {
        let line = self.read_through(b"\r\n")?;
        Ok(std::str::from_utf8(&line).expect("text").trim_end().to_owned())
    }

    /// Reads through the next `end`, inclusive.
    pub(crate) fn read_through(&mut self, end: &[u8]) -> std::io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                return self.take(at + end.len());
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> std::io::Result<()> {
        let mut buffer = [0; 8192];
        match read(&mut self.stream, &mut buffer)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            read => {
                self.unread.extend(&buffer[..read]);
                Ok(())
            }
        }
    }
}

/// Reads once, and retries if a signal interrupts it.
pub(crate) fn read(stream: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    uninterrupted(|| stream.read(buffer))
}

/// Calls the system, and retries if a signal interrupts it: a child that exits while another one is spawned interrupts any
/// waiting thread of the tests.
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A response. The names of its fields are in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status_line: String,
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<String>,
    /// The interim responses before it.
    pub(crate) interim: Vec<Response>,
}

impl Response {
    fn from_head(head: &str) -> Self {
        let mut lines = head.trim_end().split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let fields = lines.filter_map(|line| line.split_once(':'));
        Self {
            status_line: status_line.to_owned(),
            status: status.unwrap_or_else(|| panic!("no status: {head:?}")),
            fields: fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect(),
            body: Vec::new(),
            trailers: Vec::new(),
            interim: Vec::new(),
        }
    }

    /// Returns the value of a field. Panics if it occurs twice.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values =
            self.fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} occurs twice");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// Returns the field `Downtime`, which marks down responses.
    pub(crate) fn downtime(&self) -> Option<&str> {
        self.field("downtime")
    }

    pub(crate) fn retry_after(&self) -> u64 {
        self.field("retry-after").expect("Retry-After").parse().expect("whole seconds")
    }
}
