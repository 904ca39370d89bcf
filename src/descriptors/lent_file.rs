//! Files whose descriptor other requests may get while they are not used.

use std::cell::RefCell;
use std::fs::File;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use super::requests::{Descriptors, RequestDescriptors};

/// An open file, with its descriptor as one of those that requests share.
#[derive(Debug)]
pub struct CountedFile {
    // Closed before the descriptor counts as free.
    file: File,
    _descriptor: Descriptors,
}

impl CountedFile {
    /// An open file, which gives back all of these descriptors but one.
    pub fn new(file: File, descriptors: Descriptors) -> Self {
        Self { file, _descriptor: descriptors.only_one() }
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// A file that may be closed while it is set aside, because another request needs its descriptor.
#[derive(Debug)]
pub struct LentFile {
    descriptors: &'static RequestDescriptors,
    state: RefCell<LentFileState>,
}

#[derive(Debug)]
enum LentFileState {
    InUse(Arc<CountedFile>),
    SetAside(u64),
    Closed,
}

impl LentFile {
    /// A file that is in use.
    pub fn new(descriptors: &'static RequestDescriptors, file: CountedFile) -> Self {
        Self { descriptors, state: RefCell::new(LentFileState::InUse(Arc::new(file))) }
    }

    /// Returns the file, which is in use from now on; `None` if it was closed.
    pub fn get(&self) -> Option<Arc<CountedFile>> {
        let state = &mut *self.state.borrow_mut();
        if let LentFileState::SetAside(id) = *state {
            *state = self.descriptors.take_back(id).map_or(LentFileState::Closed, LentFileState::InUse);
        }
        match state {
            LentFileState::InUse(file) => Some(Arc::clone(file)),
            LentFileState::SetAside(_) | LentFileState::Closed => None,
        }
    }

    /// Replaces a file that was closed by one that was opened again, and is in use.
    pub fn replace(&self, file: CountedFile) -> Arc<CountedFile> {
        let file = Arc::new(file);
        *self.state.borrow_mut() = LentFileState::InUse(Arc::clone(&file));
        file
    }

    /// Lets others have the descriptor until the file is used again.
    pub fn set_aside(&self) {
        let state = &mut *self.state.borrow_mut();
        match std::mem::replace(state, LentFileState::Closed) {
            LentFileState::InUse(file) => {
                *state = self.descriptors.keep(file).map_or(LentFileState::Closed, LentFileState::SetAside);
            }
            other => *state = other,
        }
    }

    /// Sets the file aside whenever `wait` is not ready.
    pub async fn set_aside_during<T>(&self, wait: impl Future<Output = T>) -> T {
        let mut wait = pin!(wait);
        poll_fn(|cx| {
            let polled = wait.as_mut().poll(cx);
            if polled.is_pending() {
                self.set_aside();
            }
            polled
        })
        .await
    }
}

impl Drop for LentFile {
    fn drop(&mut self) {
        if let LentFileState::SetAside(id) = *self.state.get_mut() {
            drop(self.descriptors.take_back(id));
        }
    }
}
