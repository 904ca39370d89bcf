//! The buffers that forwarding takes, kept for the next request.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The initial size of the input buffer in bytes: enough for a head and a small page.
const INITIAL_SIZE: usize = 16 << 10;
/// Its maximum size, for long bodies. A body of 1 MB takes 1.5 times as long with 64 KiB, and no less with 512.
const MAX_SIZE: usize = 256 << 10;
/// The buffers kept for later requests.
const MAX_KEPT: usize = 64;

/// The buffers and the deadline of one request at a time.
pub(super) struct RelayBuffers {
    /// The head to send to the upstream.
    pub(super) request: Vec<u8>,
    /// The bytes that were received from the upstream.
    pub(super) input: Vec<u8>,
    /// The bytes to send to the client.
    pub(super) output: Vec<u8>,
    pub(super) deadline: Deadline,
}

/// The free buffers of one thread.
#[derive(Default)]
pub(super) struct BufferPool(RefCell<Vec<RelayBuffers>>);

impl BufferPool {
    pub(super) fn take(&self) -> RelayBuffers {
        self.0.borrow_mut().pop().unwrap_or_else(RelayBuffers::new)
    }

    pub(super) fn give_back(&self, mut buffers: RelayBuffers) {
        let mut free = self.0.borrow_mut();
        if free.len() < MAX_KEPT {
            for buffer in [&mut buffers.request, &mut buffers.input, &mut buffers.output] {
                if buffer.capacity() > 2 * INITIAL_SIZE {
                    *buffer = Vec::new();
                }
            }
            free.push(buffers);
        }
    }
}

impl RelayBuffers {
    fn new() -> Self {
        Self { request: Vec::new(), input: Vec::new(), output: Vec::new(), deadline: Deadline::new() }
    }
}

/// Makes space to read into: more if all of it was filled.
pub(super) fn grow(input: &mut Vec<u8>) {
    if input.len() == input.capacity() {
        input.reserve_exact(input.len().max(INITIAL_SIZE));
    }
}

/// Doubles the input buffer, starting with the larger of the two empty buffers, for a body that fills it.
pub(super) fn widen(input: &mut Vec<u8>, output: &mut Vec<u8>) {
    if output.capacity() > input.capacity() {
        std::mem::swap(input, output);
    }
    input.reserve_exact((2 * input.capacity()).min(MAX_SIZE));
}

/// The deadline of a request. Its timer is not set for each request, but expires once per limit: setting a timer costs more
/// than reading the clock.
pub(super) struct Deadline {
    at: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    fn new() -> Self {
        let at = Instant::now();
        Self { at, timer: Box::pin(sleep_until(at)) }
    }

    /// Starts to wait for `limit`.
    pub(super) fn start(&mut self, limit: Duration) {
        self.at = after(limit);
        if self.timer.deadline() > self.at {
            self.timer.as_mut().reset(self.at);
        }
    }

    /// Ready when the limit has passed.
    pub(super) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if Instant::now() >= self.at {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.at);
        }
    }
}

fn after(limit: Duration) -> Instant {
    const NEVER: Duration = Duration::from_hours(24 * 365);
    let now = Instant::now();
    now.checked_add(limit.min(NEVER)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_passes_after_its_limit_however_often_it_was_started() {
        let mut deadline = Deadline::new();
        for limit in [5, 1, 1, 10, 2, 60, 3] {
            // This one is in time, and its timer expires during the next.
            deadline.start(Duration::from_secs(limit + 1));
            sleep(Duration::from_secs(limit)).await;
            deadline.start(Duration::from_secs(limit));
            let begun = Instant::now();
            poll_fn(|cx| deadline.poll_passed(cx)).await;
            assert_eq!(begun.elapsed().as_secs(), limit);
        }
        deadline.start(Duration::MAX);
        let year = Duration::from_hours(24 * 364);
        assert!(tokio::time::timeout(year, poll_fn(|cx| deadline.poll_passed(cx))).await.is_err());
    }

    #[test]
    fn a_large_buffer_is_not_kept() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        let rooms = BufferPool::default();
        for (read, kept) in [(INITIAL_SIZE, true), (MAX_SIZE, false)] {
            let mut room = rooms.take();
            room.input.reserve_exact(read);
            rooms.give_back(room);
            assert_eq!(rooms.take().input.capacity() > 0, kept, "{read}");
        }
    }
}
