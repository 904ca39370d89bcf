//! The bytes that a client has sent and that were not handled yet.

/// The longest head that the fast path waits for, in bytes.
pub(super) const MAX_UNREAD: usize = 8192;

/// Bytes that were read and not handled yet.
pub(super) struct ReadBuffer {
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
}

impl ReadBuffer {
    /// Creates an empty buffer.
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; MAX_UNREAD].into(), begin: 0, end: 0 }
    }

    /// Returns the bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.begin..self.end).unwrap_or_default()
    }

    /// Returns the free space to read into. Empty only if the buffer is full.
    pub(super) fn free(&mut self) -> &mut [u8] {
        if self.begin > 0 {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Records that this many bytes were read into the free space.
    pub(super) fn filled(&mut self, length: usize) {
        self.end += length;
    }

    /// Removes this many bytes.
    pub(super) fn consume(&mut self, head: usize) {
        self.begin += head;
    }
}
