//! What a request takes on its way, kept for the next one.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Read at first, in bytes: a head and a small page.
const FIRST: usize = 16 << 10;
/// Read at most, where more comes: so much of a body is on its way at a time, whatever its length. A body of 1 MB takes
/// 1.5 times as long with 64 KiB, and no less with 512.
const MOST: usize = 256 << 10;
/// So many are kept for later requests.
const MAX_KEPT: usize = 64;

/// The buffers of one request at a time, and its clock.
pub(super) struct RelayBuffers {
    /// The head that goes to the upstream.
    pub(super) request: Vec<u8>,
    /// What came from the upstream.
    pub(super) input: Vec<u8>,
    /// What goes to the client.
    pub(super) output: Vec<u8>,
    pub(super) deadline: Deadline,
}

/// The rooms that are free, on one thread.
#[derive(Default)]
pub(super) struct BufferPool(RefCell<Vec<RelayBuffers>>);

impl BufferPool {
    pub(super) fn take(&self) -> RelayBuffers {
        self.0.borrow_mut().pop().unwrap_or_else(RelayBuffers::new)
    }

    pub(super) fn give_back(&self, mut room: RelayBuffers) {
        let mut rooms = self.0.borrow_mut();
        if rooms.len() < MAX_KEPT {
            for buffer in [&mut room.request, &mut room.input, &mut room.output] {
                if buffer.capacity() > 2 * FIRST {
                    *buffer = Vec::new();
                }
            }
            rooms.push(room);
        }
    }
}

impl RelayBuffers {
    fn new() -> Self {
        Self { request: Vec::new(), input: Vec::new(), output: Vec::new(), deadline: Deadline::new() }
    }
}

/// Makes room to read into: more where all that there was has been filled.
pub(super) fn grow(input: &mut Vec<u8>) {
    if input.len() == input.capacity() {
        input.reserve_exact(input.len().max(FIRST));
    }
}

/// Makes the larger of two empty buffers the one that is read into, and twice as large as it was, for a body that fills
/// what it is given.
pub(super) fn widen(input: &mut Vec<u8>, output: &mut Vec<u8>) {
    if output.capacity() > input.capacity() {
        std::mem::swap(input, output);
    }
    input.reserve_exact((2 * input.capacity()).min(MOST));
}

/// When a request has waited long enough. Its timer is not set for each request, but goes off once in a limit: to set one
/// costs more than to look at the clock.
pub(super) struct Deadline {
    at: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    fn new() -> Self {
        let at = Instant::now();
        Self { at, timer: Box::pin(sleep_until(at)) }
    }

    /// Begins to wait, for as long as `limit`.
    pub(super) fn begin(&mut self, limit: Duration) {
        self.at = after(limit);
        if self.timer.deadline() > self.at {
            self.timer.as_mut().reset(self.at);
        }
    }

    /// Ready once it has waited for so long.
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
    async fn a_deadline_passes_when_its_limit_has_however_often_it_began() {
        let mut deadline = Deadline::new();
        for limit in [5, 1, 1, 10, 2, 60, 3] {
            // One that was in time, and whose timer goes off within the next.
            deadline.begin(Duration::from_secs(limit + 1));
            sleep(Duration::from_secs(limit)).await;
            deadline.begin(Duration::from_secs(limit));
            let begun = Instant::now();
            poll_fn(|cx| deadline.poll_passed(cx)).await;
            assert_eq!(begun.elapsed().as_secs(), limit);
        }
        deadline.begin(Duration::MAX);
        let year = Duration::from_hours(24 * 364);
        assert!(tokio::time::timeout(year, poll_fn(|cx| deadline.poll_passed(cx))).await.is_err());
    }

    #[test]
    fn a_buffer_that_was_large_is_not_kept() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        let rooms = BufferPool::default();
        for (read, kept) in [(FIRST, true), (MOST, false)] {
            let mut room = rooms.take();
            room.input.reserve_exact(read);
            rooms.give_back(room);
            assert_eq!(rooms.take().input.capacity() > 0, kept, "{read}");
        }
    }
}
