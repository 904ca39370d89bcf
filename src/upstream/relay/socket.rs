//! Reads from the upstream, and writes to the upstream and the client.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncReadExt as _, AsyncWrite as _};

use super::super::connect::Io;
use super::buffers::grow;
use super::{RelayClient, RelayError};

/// Writes as much as the system takes now.
pub(super) fn poll_send(io: &mut Io, unsent: &mut &[u8], cx: &mut Context<'_>) -> io::Result<()> {
    while !unsent.is_empty() {
        match Pin::new(&mut *io).poll_write(cx, unsent)? {
            Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(sent) => *unsent = unsent.get(sent..).unwrap_or_default(),
            Poll::Pending => return Ok(()),
        }
        if unsent.is_empty() {
            // Only TLS buffers anything.
            let _is_flushed = Pin::new(&mut *io).poll_flush(cx)?;
        }
    }
    Ok(())
}

/// Appends what can be read now, and returns its length in bytes; 0 at the end.
pub(super) fn poll_read(io: &mut Io, input: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    grow(input);
    pin!(io.read_buf(input)).poll(cx)
}

/// Writes and clears `output`. The client may take as long as it likes.
pub(super) async fn write_all(client: &mut impl RelayClient, output: &mut Vec<u8>) -> Result<(), RelayError> {
    let mut sent = 0;
    let written = poll_fn(|cx| {
        while let Some(rest @ [_, ..]) = output.get(sent..) {
            match ready!(client.poll_write(cx, rest)) {
                Ok(taken @ 1..) => sent += taken,
                Ok(0) | Err(_) => return Poll::Ready(Err(RelayError::Client)),
            }
        }
        Poll::Ready(Ok(()))
    });
    written.await?;
    output.clear();
    Ok(())
}
