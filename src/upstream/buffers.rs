//! The buffers that forwarding takes, kept for the next request.

use std::cell::RefCell;
use std::rc::Rc;

use crate::net::buffer::{Buffer, shrink};
use crate::net::deadline::Deadline;

/// The buffers kept for later requests.
const MAX_KEPT: usize = 64;
/// Those that keep the memory which only a long body needs, less than 1 MiB each.
const MAX_LARGE: usize = 4;

/// The buffers and the deadline of one request at a time.
#[derive(Default)]
pub(super) struct Buffers {
    /// The bytes to send to the upstream.
    pub(super) to_upstream: Vec<u8>,
    /// The bytes that were received from the upstream.
    pub(super) from_upstream: Buffer,
    /// The bytes to send to the client.
    pub(super) to_client: Vec<u8>,
    pub(super) deadline: Deadline,
    /// Until when a client that was just accepted is not watched.
    pub(super) unwatched: Deadline,
}

/// The free buffers of one thread.
#[derive(Clone, Default)]
pub(super) struct BufferPool(Rc<RefCell<Vec<Buffers>>>);

impl BufferPool {
    /// Takes empty buffers, which return when they are dropped.
    pub(super) fn take(&self) -> Lease {
        let buffers = self.0.borrow_mut().pop().unwrap_or_default();
        Lease { buffers: Some(buffers), pool: self.clone() }
    }
}

/// Buffers that return to their pool.
pub(super) struct Lease {
    buffers: Option<Buffers>,
    pool: BufferPool,
}

impl Lease {
    /// The buffers.
    pub(super) fn get(&mut self) -> &mut Buffers {
        self.buffers.get_or_insert_default()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut buffers) = self.buffers.take() else { return };
        let mut free = self.pool.0.borrow_mut();
        if free.len() < MAX_KEPT {
            buffers.to_upstream.clear();
            buffers.to_client.clear();
            buffers.from_upstream.consume(usize::MAX);
            if free.len() >= MAX_LARGE {
                shrink(&mut buffers.to_upstream);
                shrink(&mut buffers.to_client);
                buffers.from_upstream.shrink();
            }
            free.push(buffers);
        }
    }
}
