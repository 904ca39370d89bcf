//! Sends bytes that are in memory, and files.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite as _;

use super::deadline::Deadline;
use super::progress::ClientWait;
use super::stream::Stream;
use super::traffic::Traffic;
use crate::descriptors::LentFile;

/// The limit for the other end to take [`MIN_PROGRESS`](super::progress::MIN_PROGRESS), or the last bytes.
#[derive(Debug)]
pub(super) struct SendLimit {
    pub(super) limit: Duration,
    /// Created for the first wait.
    deadline: Option<Deadline>,
    /// The wait for the other end to take what is sent now.
    wait: ClientWait,
    /// The bytes that the other end has taken of it.
    taken: u64,
    /// True once the other end has taken too little for too long.
    pub(super) has_passed: bool,
    /// True once the other end was waited for.
    pub(super) has_waited: bool,
}

impl SendLimit {
    pub(super) const fn new(limit: Duration) -> Self {
        Self {
            limit,
            deadline: None,
            wait: ClientWait::new(),
            taken: 0,
            has_passed: false,
            has_waited: false,
        }
    }

    /// Fails once the other end has taken too little for too long. Begins the wait unless there is one.
    fn poll_wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.has_waited = true;
        let deadline = self.deadline.get_or_insert_default();
        if let Some(left) = self.wait.poll_left(self.taken, self.limit) {
            deadline.start(left);
        }
        ready!(deadline.poll_passed(cx));
        self.has_passed = true;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Records that the other end has taken this many bytes, and returns the number.
    fn record(&mut self, taken: usize, traffic: &Traffic) -> u64 {
        let taken = taken as u64;
        traffic.add_sent(taken);
        self.taken += taken;
        taken
    }

    /// Ends the wait, if there was one: the other end has taken all.
    fn end_wait(&mut self) {
        if self.wait.is_waiting() {
            self.wait = ClientWait::new();
        }
    }
}

/// Writes all bytes, usually in one call. While it waits, `meanwhile` is called. Fails if the other end takes too
/// little for too long.
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
        let taken = wait_for(stream, limit, &mut meanwhile, write).await?;
        limit.record(taken, traffic);
        bytes = bytes.get(taken..).unwrap_or_default();
    }
    wait_for(stream, limit, meanwhile, |stream, cx| Pin::new(stream).poll_flush(cx)).await?;
    limit.end_wait();
    Ok(())
}

/// Sends a range of a file from where the system has it, as [`send_all`] sends bytes, and sets the file aside while it waits. Returns
/// how much was sent: all, unless the file was closed meanwhile.
///
/// # Errors
/// As those of [`send_all`]; `Unsupported` if the stream does not come from the system; `UnexpectedEof` if the file is
/// shorter.
pub(super) async fn send_file(
    stream: &mut Stream,
    file: &LentFile,
    range: Range<u64>,
    limit: &mut SendLimit,
    traffic: &Traffic,
    mut meanwhile: impl FnMut(&mut Stream, &mut Context<'_>),
) -> io::Result<u64> {
    let mut rest = range.clone();
    while !rest.is_empty() {
        let set_aside = |stream: &mut Stream, cx: &mut Context<'_>| {
            file.set_aside();
            meanwhile(stream, cx);
        };
        let send = |stream: &mut Stream, cx: &mut Context<'_>| match file.get() {
            Some(open) => stream.poll_send_file(cx, open.file(), &rest).map_ok(Some),
            None => Poll::Ready(Ok(None)),
        };
        match wait_for(stream, limit, set_aside, send).await? {
            None => break,
            Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(taken) => rest.start += limit.record(taken, traffic),
        }
    }
    limit.end_wait();
    Ok(rest.start - range.start)
}

/// Waits until the other end waits for bytes, and returns how many it takes, if that is known before they are sent. Fails if that
/// takes too long.
pub(super) async fn await_demand(
    stream: &mut Stream,
    limit: &mut SendLimit,
    meanwhile: impl FnMut(&mut Stream, &mut Context<'_>),
) -> io::Result<Option<usize>> {
    let wanted = wait_for(stream, limit, meanwhile, |stream, cx| stream.poll_wanted(cx).map(Ok)).await;
    limit.end_wait();
    wanted
}

/// Waits until `poll` is ready. While it is not, `meanwhile` is called. Fails if the other end takes too little for too long.
fn wait_for<T>(
    stream: &mut Stream,
    limit: &mut SendLimit,
    mut meanwhile: impl FnMut(&mut Stream, &mut Context<'_>),
    mut poll: impl FnMut(&mut Stream, &mut Context<'_>) -> Poll<io::Result<T>>,
) -> impl Future<Output = io::Result<T>> {
    poll_fn(move |cx| {
        let polled = poll(stream, cx);
        if polled.is_pending() {
            meanwhile(stream, cx);
            return limit.poll_wait(cx);
        }
        polled
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::net::progress::MIN_PROGRESS;

    /// Sends to an end that takes `step` bytes each second. Returns the time after which it counts as stalled, in seconds; `None`
    /// if it has taken 10 KiB before.
    async fn stalls_after(step: usize) -> Option<u64> {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let (mut stream, traffic) = (Stream::from(ours), Traffic::default());
        let (begun, mut limit) = (Instant::now(), SendLimit::new(Duration::from_secs(60)));
        let mut left: usize = 10 << 10;
        while left > 0 {
            let mut pace = Box::pin(sleep(Duration::from_secs(1)));
            let send = |_: &mut Stream, cx: &mut Context<'_>| pace.as_mut().poll(cx).map(|()| Ok(step));
            match wait_for(&mut stream, &mut limit, |_, _| {}, send).await {
                Ok(taken) => {
                    limit.record(taken, &traffic);
                    left = left.saturating_sub(taken);
                }
                Err(error) => {
                    assert_eq!((error.kind(), limit.has_passed), (io::ErrorKind::TimedOut, true));
                    return Some(begun.elapsed().as_secs());
                }
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn no_trickle_extends_the_limit() {
        let slowest = usize::try_from(MIN_PROGRESS).unwrap().div_ceil(59);
        for (step, expected) in [(1, Some(60)), (slowest / 2, Some(60)), (slowest, None), (4096, None)] {
            assert_eq!(stalls_after(step).await, expected, "{step} bytes per second");
        }
    }
}
