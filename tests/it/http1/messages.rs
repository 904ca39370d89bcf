//! Messages as the peers of the gateway receive them, read strictly.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::support::DEADLINE;
use crate::support::http::{Client, read};

/// A request that an upstream received.
#[derive(Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    /// The lines of the trailer section.
    pub(crate) trailers: Vec<String>,
}

impl ReceivedRequest {
    /// Reads a request. Fails if its framing is ambiguous or malformed, or the connection ends within it.
    pub(crate) fn read(client: &mut Client<impl Read + Write>) -> Result<Self, String> {
        let head = client.read_through(b"\r\n\r\n").map_err(|error| error.to_string())?;
        let mut request = Self { head, body: Vec::new(), trailers: Vec::new() };
        let (lengths, codings) = (request.values("content-length"), request.values("transfer-encoding"));
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => {}
            ([length], []) => {
                let length = length.parse().map_err(|_| format!("length {length:?}"))?;
                request.body = client.take(length).map_err(|error| error.to_string())?;
            }
            ([], [coding]) if coding == "chunked" => {
                (request.body, request.trailers) = read_chunks(client)?;
            }
            framing => return Err(format!("framing {framing:?}")),
        }
        Ok(request)
    }

    /// The request line.
    pub(crate) fn line(&self) -> &[u8] {
        let end = self.head.windows(2).position(|window| window == b"\r\n").expect("a line");
        &self.head[..end]
    }

    /// The values of all fields of a name, which is in lower case.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.head);
        let fields = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        fields
            .filter(|(other, _)| other.to_lowercase() == name)
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }

    /// The names of all fields in lower case, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.head);
        let fields = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        let mut names: Vec<String> = fields.map(|(name, _)| name.to_lowercase()).collect();
        names.sort();
        names
    }
}

/// Reads a chunked body and its trailer section, whose lines are returned in lower case.
pub(super) fn read_chunks<S: Read + Write>(client: &mut Client<S>) -> Result<(Vec<u8>, Vec<String>), String> {
    let line = |client: &mut Client<S>| {
        let mut line = client.read_through(b"\r\n").map_err(|error| error.to_string())?;
        line.truncate(line.len() - 2);
        Ok::<_, String>(String::from_utf8_lossy(&line).into_owned())
    };
    let mut body = Vec::new();
    loop {
        let size = line(client)?;
        if !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("size {size:?}"));
        }
        let size = usize::from_str_radix(&size, 16).map_err(|error| error.to_string())?;
        if size == 0 {
            break;
        }
        body.extend(client.take(size).map_err(|error| error.to_string())?);
        let end = client.take(2).map_err(|error| error.to_string())?;
        if end != b"\r\n" {
            return Err(format!("end of chunk {end:?}"));
        }
    }
    let mut trailers = Vec::new();
    loop {
        match line(client)?.as_str() {
            "" => return Ok((body, trailers)),
            trailer => trailers.push(trailer.to_lowercase()),
        }
    }
}

/// An upstream that responds to `/N` with the response of this number, to anything else with `the site`, and records the
/// requests. It closes a connection after a response without an end of its own.
pub(crate) struct RecordingUpstream {
    address: SocketAddr,
    requests: Receiver<Result<ReceivedRequest, String>>,
}

impl RecordingUpstream {
    pub(crate) fn start(responses: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let responses: Arc<[String]> = responses.iter().map(|response| (*response).to_owned()).collect();
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (responses, sender) = (Arc::clone(&responses), sender.clone());
                std::thread::spawn(move || respond(Client::on(stream), &responses, &sender));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits for the next request.
    pub(crate) fn request(&self, case: &str) -> ReceivedRequest {
        let request = self.requests.recv_timeout(DEADLINE);
        let request = request.unwrap_or_else(|error| panic!("{case}: no request: {error}"));
        request.unwrap_or_else(|error| panic!("{case}: {error}"))
    }

    /// Asserts that all requests were taken, except broken ones.
    pub(crate) fn assert_no_request(&self, case: &str) {
        if let Some(request) = self.requests.try_iter().find_map(Result::ok) {
            panic!("{case}: {}", String::from_utf8_lossy(&request.head));
        }
    }
}

fn respond(mut client: Client, responses: &[String], sender: &Sender<Result<ReceivedRequest, String>>) {
    const SITE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nthe site";
    while has_more(&mut client) {
        let request = match ReceivedRequest::read(&mut client) {
            Ok(request) => request,
            // The test may be over.
            Err(error) => return drop(sender.send(Err(error))),
        };
        let line = String::from_utf8_lossy(request.line()).into_owned();
        let number = line.split(' ').nth(1).and_then(|target| target.strip_prefix('/')?.parse().ok());
        let response = number.and_then(|number: usize| responses.get(number)).map_or(SITE, String::as_str);
        let _ = sender.send(Ok(request));
        let (head, _) = response.split_once("\r\n\r\n").expect("a head");
        let end = if line.starts_with("HEAD ") { head.len() + 4 } else { response.len() };
        if client.stream.write_all(&response.as_bytes()[..end]).is_err() || !has_end(&head.to_lowercase()) {
            return;
        }
    }
}

/// Waits for the first bytes of a request. Returns false if the connection ends instead.
fn has_more(client: &mut Client) -> bool {
    let mut buffer = [0; 8192];
    if client.unread.is_empty() {
        let length = read(&mut client.stream, &mut buffer).unwrap_or(0);
        client.unread.extend(&buffer[..length]);
    }
    !client.unread.is_empty()
}

/// Returns true if the connection continues after the response with this head, which is in lower case.
fn has_end(head: &str) -> bool {
    let has_length = head.contains("content-length:") || head.contains("transfer-encoding:");
    let is_bare = [" 204 ", " 304 "].iter().any(|status| head.contains(status));
    (has_length || is_bare) && !head.contains("connection: close")
}
