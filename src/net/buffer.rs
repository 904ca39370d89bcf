//! Bytes that were received and not handled yet.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::BufMut as _;
use tokio::io::AsyncReadExt as _;

use super::stream::Stream;
use crate::http1::chunked::MalformedBody;
use crate::http1::framing::{Framing, TransferCoding};

/// The initial size in bytes: enough for a head and a small page.
pub const INITIAL_SIZE: usize = 16 << 10;
/// The size for long bodies. A body of 1 MB takes 1.5 times as long with 64 KiB, and no less with 512.
const MAX_SIZE: usize = 256 << 10;
/// The free allocations of [`INITIAL_SIZE`] that a thread keeps.
const MAX_FREE: usize = 64;
/// Those of [`MAX_SIZE`].
const MAX_FREE_LARGE: usize = 4;

thread_local! {
    /// Empty allocations to read into. Few are needed at a time, since a connection that waits has none, and the one that was used
    /// last is still in the cache of the processor.
    static FREE: RefCell<FreeAllocations> =
        const { RefCell::new(FreeAllocations { initial: Vec::new(), large: Vec::new() }) };
}

/// The free allocations of one thread.
struct FreeAllocations {
    initial: Vec<Vec<u8>>,
    large: Vec<Vec<u8>>,
}

impl FreeAllocations {
    /// Returns the allocations of a size, and how many are kept. Those of other sizes are not.
    fn of(&mut self, size: usize) -> Option<(&mut Vec<Vec<u8>>, usize)> {
        match size {
            INITIAL_SIZE => Some((&mut self.initial, MAX_FREE)),
            MAX_SIZE => Some((&mut self.large, MAX_FREE_LARGE)),
            _ => None,
        }
    }
}

fn allocate(size: usize) -> Vec<u8> {
    let free = FREE.with_borrow_mut(|free| free.of(size).and_then(|(free, _)| free.pop()));
    free.unwrap_or_else(|| Vec::with_capacity(size))
}

fn free(mut bytes: Vec<u8>) {
    bytes.clear();
    // While the thread ends, there is nobody to keep it for.
    let _ = FREE.try_with(|free| {
        if let Some((free, max)) = free.borrow_mut().of(bytes.capacity())
            && free.len() < max
        {
            free.push(bytes);
        }
    });
}

/// Bytes that were received and not handled yet. It takes no memory while it is empty and nothing comes, and more for a
/// sender that fills it.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    begin: usize,
    /// The size to read into.
    size: usize,
    /// True if the last read filled all of it.
    was_filled: bool,
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Buffer {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), begin: 0, size: INITIAL_SIZE, was_filled: false }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(self.begin..).unwrap_or_default()
    }

    /// Returns true if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.begin == self.bytes.len()
    }

    /// Removes this many bytes.
    pub fn consume(&mut self, length: usize) {
        self.begin = self.begin.saturating_add(length);
        if self.begin >= self.bytes.len() {
            self.bytes.clear();
            self.begin = 0;
        }
    }

    /// Moves this many bytes to the end of `out`, without copying them if they are all and `out` is empty.
    pub fn move_to(&mut self, length: usize, out: &mut Vec<u8>) {
        if out.is_empty() && self.begin == 0 && length == self.bytes.len() {
            std::mem::swap(&mut self.bytes, out);
        } else {
            out.extend_from_slice(self.bytes().get(..length).unwrap_or_default());
            self.consume(length);
        }
    }

    /// Moves the bytes of a body to `out` in this coding. What is left comes after the body. `passes` chooses the trailers.
    ///
    /// # Errors
    /// The framing is malformed. What came before is in `out`.
    pub fn forward(
        &mut self,
        body: &mut Framing,
        coding: TransferCoding,
        out: &mut Vec<u8>,
        passes: impl Fn(&str) -> bool,
    ) -> Result<(), MalformedBody> {
        let unchanged = body.unchanged(self.bytes().len(), coding);
        if unchanged > 0 {
            self.move_to(unchanged, out);
            body.skip(unchanged);
            return Ok(());
        }
        let taken = body.forward(self.bytes(), coding, out, passes)?;
        self.consume(taken);
        Ok(())
    }

    /// Appends what can be read now, and returns its length in bytes; 0 at the end of the stream.
    pub fn poll_fill(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_space();
        let space = self.space();
        let read = match stream.receive_first(&mut self.bytes) {
            Some(received) => Poll::Ready(received),
            None => pin!(stream.read_buf(&mut (&mut self.bytes).limit(space))).poll(cx),
        };
        if let Poll::Ready(Ok(length @ 1..)) = read {
            self.was_filled = length == space;
        } else {
            self.release();
        }
        read
    }

    /// Gives the memory back if it is empty, unless it has a size that is not kept.
    pub fn release(&mut self) {
        if self.is_empty() && matches!(self.bytes.capacity(), INITIAL_SIZE | MAX_SIZE) {
            self.begin = 0;
            free(std::mem::take(&mut self.bytes));
        }
    }

    /// How much to read at most. If it were all of the capacity, which may be that of `out` in [`Buffer::move_to`], the buffers would
    /// grow with each body.
    fn space(&self) -> usize {
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        if length < MAX_SIZE { capacity.min(MAX_SIZE) - length } else { capacity - length }
    }

    fn make_space(&mut self) {
        if self.was_filled && self.is_empty() {
            self.size = (2 * self.size).min(MAX_SIZE);
            self.was_filled = false;
        }
        if self.is_empty() && self.bytes.capacity() < self.size {
            self.begin = 0;
            free(std::mem::replace(&mut self.bytes, allocate(self.size)));
        }
        if self.begin > 0 {
            self.bytes.drain(..self.begin);
            self.begin = 0;
        }
        if self.bytes.capacity() < self.size {
            self.bytes.reserve_exact(self.size - self.bytes.len());
        } else if self.bytes.len() == self.bytes.capacity() {
            self.bytes.reserve_exact(self.bytes.len());
        }
    }

    /// Prepares for a long body, if its length is known.
    pub fn expect(&mut self, body: &Framing) {
        if matches!(body, Framing::Length(length) if *length > INITIAL_SIZE as u64) {
            self.size = MAX_SIZE;
        }
    }

    /// Releases the memory that only a long body needs.
    pub fn shrink(&mut self) {
        self.size = INITIAL_SIZE;
        self.was_filled = false;
        if self.is_empty() && self.bytes.capacity() > 0 {
            self.begin = 0;
            free(std::mem::take(&mut self.bytes));
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.consume(usize::MAX);
        self.release();
    }
}

/// Removes all bytes, which were sent. The memory that a long body needs goes to the next one of the thread.
pub fn clear_sent(bytes: &mut Vec<u8>) {
    bytes.clear();
    if bytes.capacity() == MAX_SIZE {
        free(std::mem::take(bytes));
    }
}

/// Releases the memory that only a long body needs, if there are no bytes left.
pub fn shrink(bytes: &mut Vec<u8>) {
    if bytes.is_empty() && bytes.capacity() > 2 * INITIAL_SIZE {
        *bytes = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn bytes_are_kept_until_they_are_consumed() {
        let (mut sender, receiver) = UnixStream::pair().unwrap();
        let (mut stream, mut buffer) = (Stream::from(receiver), Buffer::new());
        sender.write_all(b"one two").await.unwrap();
        assert_eq!(poll_fn(|cx| buffer.poll_fill(&mut stream, cx)).await.unwrap(), 7);
        buffer.consume(4);
        sender.write_all(b" three").await.unwrap();
        poll_fn(|cx| buffer.poll_fill(&mut stream, cx)).await.unwrap();
        assert_eq!(buffer.bytes(), b"two three");
        let mut out = Vec::new();
        buffer.move_to(3, &mut out);
        assert_eq!((&*out, buffer.bytes()), (&b"two"[..], &b" three"[..]));
        buffer.move_to(6, &mut out);
        assert!(out == b"two three" && buffer.is_empty());
    }

    #[tokio::test]
    async fn a_sender_that_fills_the_buffer_gets_a_larger_one_until_it_shrinks() {
        let (sender, receiver) = UnixStream::pair().unwrap();
        let (mut stream, mut buffer, mut out) = (Stream::from(receiver), Buffer::new(), Vec::new());
        let mut sizes = Vec::new();
        // As much as the system takes, which is more than the test reads.
        sender.writable().await.unwrap();
        while sender.try_write(&[7; 4096]).is_ok() {}
        for _ in 0..3 {
            sizes.push(poll_fn(|cx| buffer.poll_fill(&mut stream, cx)).await.unwrap());
            out.clear();
            buffer.move_to(buffer.bytes().len(), &mut out);
        }
        assert!(sizes[0] == INITIAL_SIZE && sizes[2] > sizes[1] && sizes[1] > sizes[0], "{sizes:?}");
        buffer.shrink();
        assert_eq!(buffer.bytes.capacity(), 0);
        poll_fn(|cx| buffer.poll_fill(&mut stream, cx)).await.unwrap();
        assert!(buffer.bytes.capacity() <= 2 * INITIAL_SIZE);
    }

    #[test]
    fn no_more_is_read_into_a_larger_allocation() {
        let mut buffer = Buffer::new();
        for (length, capacity, space) in [
            (0, INITIAL_SIZE, INITIAL_SIZE),
            (10, MAX_SIZE, MAX_SIZE - 10),
            (10, 8 * MAX_SIZE, MAX_SIZE - 10),
            (MAX_SIZE, 2 * MAX_SIZE, MAX_SIZE),
        ] {
            buffer.bytes = Vec::with_capacity(capacity);
            buffer.bytes.resize(length, 7);
            assert_eq!(buffer.space(), space, "{length} of {capacity}");
        }
    }

    #[test]
    fn the_memory_of_a_long_body_serves_the_next_one() {
        let mut sent = allocate(MAX_SIZE);
        let memory = sent.as_ptr();
        sent.extend([7; 100]);
        clear_sent(&mut sent);
        assert_eq!(sent.capacity(), 0);
        let mut buffer = Buffer::new();
        buffer.expect(&Framing::Length(1 << 20));
        buffer.make_space();
        assert_eq!((buffer.bytes.as_ptr(), buffer.bytes.len()), (memory, 0));
    }
}
