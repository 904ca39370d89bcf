//! Peers that send and read bytes: an upstream that the test controls, and either end of a connection.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::stopped_clock::StoppedClock;

/// Awaits an event that must happen within 10 s.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let deadline = Duration::from_secs(10);
    tokio::time::timeout(deadline, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come in {deadline:?}"))
}

/// Listens for connections whose receive buffers the kernel does not enlarge.
pub(crate) fn narrow_listener() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(65_536).expect("a buffer");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    socket.listen(8).expect("a listener")
}

/// An upstream that the test controls.
pub(crate) struct Origin {
    listener: TcpListener,
}

impl Origin {
    pub(crate) async fn bind() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a port") }
    }

    /// Listens with small receive buffers.
    pub(crate) fn bind_narrow() -> Self {
        Self { listener: narrow_listener() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("an address"))
    }

    pub(crate) async fn accept(&self) -> RawPeer {
        let (stream, _) =
            soon("a connection to the upstream", self.listener.accept()).await.expect("a connection");
        RawPeer { stream, unread: Vec::new() }
    }

    /// Returns true if there is no connection that was not accepted yet.
    pub(crate) async fn is_left_alone(&self) -> bool {
        tokio::select! {
            biased;
            _ = self.listener.accept() => false,
            () = settled() => true,
        }
    }
}

/// Waits until all tasks that need no further input have made progress.
pub(crate) async fn settled() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// One end of a connection.
pub(crate) struct RawPeer {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

impl RawPeer {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("the gateway"), unread: Vec::new() }
    }

    /// Connects with a small receive buffer.
    pub(crate) async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(65_536).expect("a buffer");
        Self { stream: socket.connect(address).await.expect("the gateway"), unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("sent");
    }

    /// Reads through the next `end`, inclusive, and keeps the rest for later.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            let found =
                (end.len()..=self.unread.len()).find(|at| self.unread[..*at].ends_with(end.as_bytes()));
            if let Some(at) = found {
                let rest = self.unread.split_off(at);
                return text(std::mem::replace(&mut self.unread, rest));
            }
            let read = soon(end, self.stream.read_buf(&mut self.unread)).await.expect("more to read");
            assert_ne!(read, 0, "closed before {end:?}: {:?}", text(self.unread.clone()));
        }
    }

    /// Reads the head of a message, and sorts its fields, with names in lower case. Leaves out Date and the gateway's own Via.
    pub(crate) async fn head(&mut self) -> Head {
        let text = self.until("\r\n\r\n").await;
        let mut lines = text.trim_end().split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let lines = lines.map(|line| match line.split_once(':') {
            Some((name, value)) => format!("{}:{value}", name.to_ascii_lowercase()),
            None => line.to_owned(),
        });
        let own = ["date: ", "via: 1.1 downtime-", "x-request-id: "];
        let is_own = |line: &String| own.iter().any(|beginning| line.starts_with(beginning));
        let mut fields: Vec<String> = lines.filter(|line| !is_own(line)).collect();
        fields.sort();
        Head { first, fields }
    }

    /// Reads to the end. Returns false if the connection ended with an error.
    pub(crate) async fn rest(&mut self) -> (String, bool) {
        let read = soon("the end", self.stream.read_to_end(&mut self.unread)).await;
        (text(std::mem::take(&mut self.unread)), read.is_ok())
    }

    /// Returns true if nothing was received, and the connection has not ended.
    pub(crate) async fn is_silent(&mut self) -> bool {
        settled().await;
        let read = self.stream.try_read_buf(&mut self.unread);
        self.unread.is_empty() && read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Moves the clock forward by a second. Returns true if the other end has closed the connection by then.
    pub(crate) async fn closes_within_a_second(&mut self) -> bool {
        let clock = StoppedClock::stop();
        let mut is_closed = false;
        for _ in 0..20 {
            settled().await;
            is_closed = is_closed || self.read_end();
            if !is_closed {
                clock.advance(Duration::from_millis(50)).await;
            }
        }
        is_closed
    }

    /// Reads what was received so far. Returns true if the connection has ended.
    fn read_end(&self) -> bool {
        let mut buffer = [0; 8192];
        loop {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != ErrorKind::WouldBlock,
            }
        }
    }

    /// Waits until the other end has closed the connection, cleanly or not.
    pub(crate) async fn closed(&mut self) {
        let mut rest = Vec::new();
        let _ = soon("the close", self.stream.read_to_end(&mut rest)).await;
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("linger");
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

/// The head of a message.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) fields: Vec<String>,
}

impl Head {
    pub(crate) fn get(&self, name: &str) -> Vec<&str> {
        let values = self.fields.iter().filter_map(|line| line.split_once(": "));
        values.filter(|(other, _)| *other == name).map(|(_, value)| value).collect()
    }
}
