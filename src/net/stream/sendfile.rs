//! Sends files on a stream without a copy in this process (sendfile(2)).

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::task::{Context, Poll, ready};

use rustix::fs::sendfile;
use tokio::io::Interest;

use super::Stream;

impl Stream {
    /// Returns true if the system can send files on it (sendfile(2)).
    pub fn takes_files(&self) -> bool {
        matches!(self, Self::Accepted(_) | Self::Tcp(_) | Self::Unix(_))
    }

    /// Sends as much of a range of a file as the system takes now, and returns its length: at least one byte, or 0 if the file
    /// is shorter.
    ///
    /// # Errors
    /// The connection has failed, or does not come from the system.
    pub fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        file: &File,
        range: &Range<u64>,
    ) -> Poll<io::Result<usize>> {
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let from_file =
            |socket: BorrowedFd<'_>| Ok(sendfile(socket, file, Some(&mut { range.start }), length)?);
        loop {
            let sent = match self {
                Self::Accepted(stream) => stream.socket().and_then(|socket| from_file(socket.as_fd())),
                Self::Tcp(stream) => stream.try_io(Interest::WRITABLE, || from_file(stream.as_fd())),
                Self::Unix(stream) => stream.try_io(Interest::WRITABLE, || from_file(stream.as_fd())),
                Self::Tls(_) | Self::Pipe(_) => return Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
            self.register()?;
            ready!(match self {
                Self::Tcp(stream) => stream.poll_write_ready(cx),
                Self::Unix(stream) => stream.poll_write_ready(cx),
                Self::Accepted(_) | Self::Tls(_) | Self::Pipe(_) =>
                    return Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
            })?;
        }
    }
}
