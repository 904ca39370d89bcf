//! Upstreams for the gateway to forward to.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::support::closed_port::ClosedPort;
use crate::support::http::Client;
use crate::support::{DEADLINE, until};

/// An upstream that responds to each request with 200 and `the site`, and records the heads of the requests.
pub(crate) struct StubUpstream {
    pub(crate) address: SocketAddr,
    heads: Receiver<String>,
}

impl StubUpstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, heads) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                std::thread::spawn(move || respond(Client::on(stream), &sender));
            }
        });
        Self { address, heads }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits for the next request and returns its head.
    pub(crate) fn head(&self) -> String {
        self.heads.recv_timeout(DEADLINE).expect("a request")
    }

    /// Returns the heads of all requests so far that were not returned yet.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.try_iter().collect()
    }
}

fn respond(mut client: Client, heads: &Sender<String>) {
    while let Ok(head) = client.head() {
        let lines = head.to_lowercase();
        let length = lines.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        let is_chunked = lines.contains("transfer-encoding: chunked\r\n");
        if client.take(length).is_err() || is_chunked && client.chunks().is_err() {
            return;
        }
        let body = if head.starts_with("HEAD ") { "" } else { "the site" };
        // The test may be over.
        let _ = heads.send(head);
        client.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{body}"));
    }
}

impl ClosedPort {
    pub(crate) fn listen(self) -> TcpListener {
        self.0.listen(128).expect("a listener");
        self.0.into()
    }
}

/// An upstream whose connections the test accepts, and whose responses it writes.
pub(crate) struct ScriptedUpstream(TcpListener);

impl ScriptedUpstream {
    pub(crate) fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("set");
        Self(listener)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("an address"))
    }

    pub(crate) fn accept(&self) -> Client {
        let ((stream, _), _) = until("a connection", || self.0.accept().ok());
        stream.set_nonblocking(false).expect("set");
        Client::on(stream)
    }

    /// Returns a connection if one was made already.
    pub(crate) fn accept_if_connected(&self) -> Option<Client> {
        let (stream, _) = self.0.accept().ok()?;
        stream.set_nonblocking(false).expect("set");
        Some(Client::on(stream))
    }
}
