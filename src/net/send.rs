//! Sends bytes that are in memory, and files.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite as _;

use super::deadline::Deadline;
use super::stream::Stream;
use super::traffic::Traffic;

/// The limit for the other end to take at least one byte.
#[derive(Debug)]
pub(super) struct SendLimit {
    pub(super) limit: Duration,
    /// Created for the first wait.
    deadline: Option<Deadline>,
    /// True once the other end has taken nothing for too long.
    pub(super) has_passed: bool,
    /// True once the other end was waited for.
    pub(super) has_waited: bool,
}

impl SendLimit {
    pub(super) const fn new(limit: Duration) -> Self {
        Self { limit, deadline: None, has_passed: false, has_waited: false }
    }

    /// Fails once a wait has taken too long. Begins the wait unless `is_waiting`.
    fn poll_wait<T>(&mut self, is_waiting: &mut bool, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.has_waited = true;
        let deadline = self.deadline.get_or_insert_default();
        if !std::mem::replace(is_waiting, true) {
            deadline.start(self.limit);
        }
        ready!(deadline.poll_passed(cx));
        self.has_passed = true;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Writes all bytes, usually in one call. While it waits, `meanwhile` is called. Fails if the other end takes nothing for too
/// long.
pub(super) async fn send_all(
    stream: &mut Stream,
    mut bytes: &[u8],
    limit: &mut SendLimit,
    traffic: &Traffic,
    mut meanwhile: impl FnMut(&mut Stream, &mut Context<'_>),
) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let taken = match stream.try_write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        taken => taken?,
    };
    traffic.add_sent(taken as u64);
    bytes = bytes.get(taken..).unwrap_or_default();
    if bytes.is_empty() {
        return Ok(());
    }
    while !bytes.is_empty() {
        let write = |stream: &mut Stream, cx: &mut Context<'_>| Pin::new(stream).poll_write(cx, bytes);
        let taken = send_some(stream, limit, traffic, &mut meanwhile, write).await?;
        bytes = bytes.get(taken..).unwrap_or_default();
    }
    let mut is_waiting = false;
    poll_fn(|cx| match Pin::new(&mut *stream).poll_flush(cx) {
        Poll::Pending => limit.poll_wait(&mut is_waiting, cx),
        flushed @ Poll::Ready(_) => flushed,
    })
    .await
}

/// Sends a range of a file from where the system has it, as [`send_all`] sends bytes.
///
/// # Errors
/// As those of [`send_all`]; `Unsupported` if the stream does not come from the system; `UnexpectedEof` if the file is
/// shorter.
pub(super) async fn send_file(
    stream: &mut Stream,
    file: &File,
    mut range: Range<u64>,
    limit: &mut SendLimit,
    traffic: &Traffic,
    mut meanwhile: impl FnMut(&mut Stream, &mut Context<'_>),
) -> io::Result<()> {
    while !range.is_empty() {
        let send = |stream: &mut Stream, cx: &mut Context<'_>| stream.poll_send_file(cx, file, &range);
        let taken = send_some(stream, limit, traffic, &mut meanwhile, send).await;
        range.start += taken.map_err(|error| match error.kind() {
            io::ErrorKind::WriteZero => io::ErrorKind::UnexpectedEof.into(),
            _ => error,
        })? as u64;
    }
    Ok(())
}

/// Waits until the other end waits for bytes, and returns how many it takes, if that is known before they are sent. Fails if that
/// takes too long.
pub(super) async fn await_demand(
    stream: &mut Stream,
    limit: &mut SendLimit,
    mut meanwhile: impl FnMut(&mut Stream, &mut Context<'_>),
) -> io::Result<Option<usize>> {
    let mut is_waiting = false;
    poll_fn(|cx| {
        let wanted = stream.poll_wanted(cx);
        if wanted.is_pending() {
            meanwhile(stream, cx);
            return limit.poll_wait(&mut is_waiting, cx);
        }
        wanted.map(Ok)
    })
    .await
}

/// Sends as much as the other end takes, and returns its length.
async fn send_some(
    stream: &mut Stream,
    limit: &mut SendLimit,
    traffic: &Traffic,
    meanwhile: &mut impl FnMut(&mut Stream, &mut Context<'_>),
    send: impl Fn(&mut Stream, &mut Context<'_>) -> Poll<io::Result<usize>>,
) -> io::Result<usize> {
    let mut is_waiting = false;
    let taken = poll_fn(|cx| {
        let taken = send(stream, cx);
        if taken.is_pending() {
            meanwhile(stream, cx);
            return limit.poll_wait(&mut is_waiting, cx);
        }
        taken
    });
    match taken.await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        taken => {
            traffic.add_sent(taken as u64);
            Ok(taken)
        }
    }
}
