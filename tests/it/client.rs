//! A client on a Unix socket, and methods of the client that only these tests need.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::support::DEADLINE;
use crate::support::http::{Client, read};
use crate::support::tls;

impl Client<UnixStream> {
    pub(crate) fn connect_unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the gateway");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        Self { stream, unread: Vec::new() }
    }
}

/// Returns the scheme of the gateways' URLs.
pub(crate) fn scheme() -> &'static str {
    if tls::is_on() { "https" } else { "http" }
}

impl<S: Read + Write> Client<S> {
    /// Returns true if the other end sends nothing more and closes or resets the connection.
    pub(crate) fn is_closed(&mut self) -> bool {
        match read(&mut self.stream, &mut [0]) {
            Ok(read) => read == 0 && self.unread.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Returns true if no received bytes are left to read.
    pub(crate) fn has_read_nothing(&self) -> bool {
        self.unread.is_empty()
    }
}
