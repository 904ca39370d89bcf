//! What a client has sent, as far as it was read and not answered.

/// The longest head that is awaited, in bytes.
pub(super) const MAX_UNREAD: usize = 8192;

/// What was read and not answered.
pub(super) struct ReadBuffer {
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
}

impl ReadBuffer {
    /// Nothing.
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; MAX_UNREAD].into(), begin: 0, end: 0 }
    }

    /// The bytes, in their order.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.begin..self.end).unwrap_or_default()
    }

    /// Where more is read into: not empty while there are fewer bytes than fit.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.begin > 0 {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes were read into the room.
    pub(super) fn filled(&mut self, length: usize) {
        self.end += length;
    }

    /// So many bytes were answered.
    pub(super) fn answered(&mut self, head: usize) {
        self.begin += head;
    }
}
