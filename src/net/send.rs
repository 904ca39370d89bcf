//! Sends bytes that are in memory.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::io::{AsyncWrite as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::stream::Stream;

/// The time limit for the other end to take at least one byte.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Writes all bytes, usually in one call. While it waits, `meanwhile` is called. Fails if the other end takes nothing for
/// [`SEND_TIMEOUT`].
pub(super) async fn send_all(
    stream: &mut Stream,
    mut bytes: &[u8],
    mut meanwhile: impl FnMut(&mut Stream, &mut Context<'_>),
) -> io::Result<()> {
    let taken = match stream.try_write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        taken => taken?,
    };
    bytes = bytes.get(taken..).unwrap_or_default();
    if bytes.is_empty() {
        return Ok(());
    }
    while !bytes.is_empty() {
        let taken = poll_fn(|cx| {
            let taken = Pin::new(&mut *stream).poll_write(cx, bytes);
            if taken.is_pending() {
                meanwhile(stream, cx);
            }
            taken
        });
        match timeout(SEND_TIMEOUT, taken).await?? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            taken => bytes = bytes.get(taken..).unwrap_or_default(),
        }
    }
    timeout(SEND_TIMEOUT, stream.flush()).await?
}
