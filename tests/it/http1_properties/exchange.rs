//! What both sides of the gateway receive of generated streams.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::generated::GeneratedStream;
use super::strict;
use crate::support::DEADLINE;
use crate::support::process::GatewayProcess;

/// The response to any target but `/generated`.
const SITE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nthe site";

/// What the upstream received.
#[derive(Debug)]
pub(crate) enum Received {
    /// The bytes of a whole request.
    Request(Vec<u8>),
    /// What else came before the connection ended.
    Rest(Vec<u8>),
}

/// A gateway, and the upstream behind it.
pub(crate) struct Exchange {
    gateway: GatewayProcess,
    received: Receiver<Received>,
    response: Arc<Mutex<Option<GeneratedStream>>>,
}

impl Exchange {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, received) = channel();
        let response = Arc::<Mutex<Option<GeneratedStream>>>::default();
        let shared = Arc::clone(&response);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, response) = (sender.clone(), Arc::clone(&shared));
                // The test may be over.
                std::thread::spawn(move || drop(respond(stream, &sender, &response)));
            }
        });
        let config = format!("[site]\nupstream = \"http://{address}\"\nwhen_unreachable = \"error\"\n");
        Self { gateway: GatewayProcess::start(&config), received, response }
    }

    /// Sends requests on a new connection. Returns all that the client received until the connection ended.
    pub(crate) fn send(&self, requests: &GeneratedStream) -> Vec<u8> {
        let mut client = connect(self.gateway.address);
        for piece in requests.pieces() {
            // The gateway may have refused the beginning.
            let _ = client.write_all(piece);
        }
        let _ = client.shutdown(Shutdown::Write);
        read(client)
    }

    /// Requests `/generated`, to which the upstream responds with this, and then `/next`. Returns all that the client
    /// received.
    pub(crate) fn receive(&self, response: &GeneratedStream) -> Vec<u8> {
        *self.response.lock().expect("a response") = Some(response.clone());
        let mut client = connect(self.gateway.address);
        let requests = "GET /generated HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        client.write_all(requests.as_bytes()).expect("sent");
        read(client)
    }

    /// Returns what the upstream received since the last call.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the gateway");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Reads to the end, which may be a reset.
fn read(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{:?}", bytes.escape_ascii());
    }
    bytes
}

/// Responds to the requests on one connection until it ends.
fn respond(
    mut stream: TcpStream,
    sender: &Sender<Received>,
    response: &Mutex<Option<GeneratedStream>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut unread, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let mut rest = unread.as_slice();
        let Some(request) = strict::request(&mut rest) else {
            let length = stream.read(&mut buffer).unwrap_or(0);
            if length == 0 {
                let _ = sender.send(Received::Rest(unread));
                return Ok(());
            }
            unread.extend_from_slice(&buffer[..length]);
            continue;
        };
        let length = unread.len() - rest.len();
        // The test may be over.
        let _ = sender.send(Received::Request(unread.drain(..length).collect()));
        if request.line[1] != b"/generated" {
            let end = if request.line[0] == b"HEAD" { SITE.len() - 8 } else { SITE.len() };
            stream.write_all(&SITE.as_bytes()[..end])?;
            continue;
        }
        let response = response.lock().expect("a response").clone().expect("a response");
        let mut rest = response.bytes.as_slice();
        let is_whole = strict::response(&mut rest, b"GET", false).is_some();
        // What follows a response must arrive with it: later it would be the response to the next request.
        let end = response.bytes.len() - if is_whole { rest.len() } else { 0 };
        for piece in response.pieces_before(end) {
            stream.write_all(piece)?;
        }
        if !is_whole {
            return Ok(());
        }
    }
}
