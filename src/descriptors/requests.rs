//! The descriptors that requests share: for the files that are sent, and for connections to the upstream.
//!
//! Over HTTP/2, one client may ask for hundreds of files and take none of them, so that files need more descriptors than there are
//! connections. nginx 1.22 answers 500 then, and accepts nobody until clients go on or their `send_timeout` ends. HAProxy serves
//! no files, and lets requests wait for a connection to a server. To wait would not help here, because clients that take nothing
//! could keep all descriptors for as long as they like.
//!
//! So a file is closed while its client is waited for, if another request needs the descriptor: the one first whose client was
//! waited for longest. It is opened again when its client continues, and must then be the same file, to which nobody has written.
//! Nothing else waits longer than it takes to read a part of a file or to connect to the upstream, so a request that finds all
//! descriptors in use has its turn soon. A file that was replaced or moved meanwhile cannot be sent to its end; an open one could.
//! Where there are enough descriptors, no file is closed.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::unconstrained;

use super::lent_file::CountedFile;

/// The descriptors that the requests of the process share.
#[derive(Debug)]
pub struct RequestDescriptors {
    free: Semaphore,
    total: u32,
    unused: Mutex<UnusedFiles>,
}

/// The files that nobody uses at the moment.
#[derive(Debug, Default)]
struct UnusedFiles {
    /// Those that came first are closed first.
    files: BTreeMap<u64, Arc<CountedFile>>,
    next: u64,
    /// How many requests wait for a descriptor.
    waiting: usize,
}

/// Some descriptors of a request, until they are dropped.
#[derive(Debug)]
pub struct Descriptors(SemaphorePermit<'static>);

impl Descriptors {
    /// Gives back all but one.
    #[must_use]
    pub fn only_one(mut self) -> Self {
        Self(self.0.split(1).unwrap_or(self.0))
    }
}

impl RequestDescriptors {
    /// There are `total`, but at least one; `None` means no limit.
    pub fn new(total: Option<usize>) -> Self {
        let total = total.map_or(Semaphore::MAX_PERMITS, |total| total.clamp(1, Semaphore::MAX_PERMITS));
        Self {
            free: Semaphore::new(total),
            total: u32::try_from(total).unwrap_or(u32::MAX),
            unused: Mutex::default(),
        }
    }

    /// Takes one, if one is free or a file can be closed for it.
    pub fn try_take(&'static self) -> Option<Descriptors> {
        loop {
            if let Ok(taken) = self.free.try_acquire() {
                return Some(Descriptors(taken));
            }
            if !self.close_one() {
                return None;
            }
        }
    }

    /// Takes this number, or all if there are fewer. Closes files for that, and waits if there are not enough.
    pub async fn take(&'static self, count: u32) -> Descriptors {
        let count = count.min(self.total);
        let taken = {
            let _waiting = Waiting::new(self);
            // From here on, files that are set aside are closed at once. Without a budget, it is pending only if it is queued.
            let mut taken = pin!(unconstrained(self.free.acquire_many(count)));
            poll_fn(|cx| {
                loop {
                    let polled = taken.as_mut().poll(cx);
                    // Only those that the queue up to here needs.
                    if polled.is_ready() || !self.close_one() {
                        return polled;
                    }
                }
            })
            .await
        };
        match taken {
            Ok(taken) => Descriptors(taken),
            // It is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// Keeps a file that nobody uses until it is taken back, or closed because its descriptor is needed. Closes it now if one is
    /// needed, and returns `None`.
    pub(super) fn keep(&self, file: Arc<CountedFile>) -> Option<u64> {
        let unused = &mut *self.unused();
        if unused.waiting > 0 {
            return None;
        }
        let id = unused.next;
        unused.next += 1;
        unused.files.insert(id, file);
        Some(id)
    }

    /// Takes a file back; `None` if it was closed.
    pub(super) fn take_back(&self, id: u64) -> Option<Arc<CountedFile>> {
        self.unused().files.remove(&id)
    }

    /// Closes the file that was not used for the longest time. Returns false if all are in use.
    fn close_one(&self) -> bool {
        let file = self.unused().files.pop_first();
        file.is_some()
    }

    fn unused(&self) -> MutexGuard<'_, UnusedFiles> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits for a descriptor, until it is dropped.
struct Waiting<'d>(&'d RequestDescriptors);

impl<'d> Waiting<'d> {
    fn new(descriptors: &'d RequestDescriptors) -> Self {
        descriptors.unused().waiting += 1;
        Self(descriptors)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.unused().waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::descriptors::LentFile;

    fn descriptors(total: usize) -> &'static RequestDescriptors {
        Box::leak(Box::new(RequestDescriptors::new(Some(total))))
    }

    fn open(descriptors: &'static RequestDescriptors) -> LentFile {
        let descriptor = descriptors.try_take().unwrap();
        LentFile::new(descriptors, CountedFile::new(tempfile::tempfile().unwrap(), descriptor))
    }

    fn is_open(file: &LentFile) -> bool {
        file.get().is_some()
    }

    #[test]
    fn the_file_that_is_unused_longest_is_closed_for_a_request() {
        let descriptors = descriptors(3);
        let files = [open(descriptors), open(descriptors), open(descriptors)];
        assert!(descriptors.try_take().is_none(), "all are in use");
        for index in [1, 0, 2] {
            files[index].set_aside();
        }
        // It is used again.
        assert!(is_open(&files[1]));
        files[1].set_aside();
        let _taken = [descriptors.try_take().unwrap(), descriptors.try_take().unwrap()];
        assert_eq!(files.each_ref().map(is_open), [false, true, false]);
        assert!(descriptors.try_take().is_none(), "the last one is in use");
    }

    #[test]
    fn a_file_that_is_set_aside_stays_open_while_nobody_needs_its_descriptor() {
        let descriptors = descriptors(2);
        let file = open(descriptors);
        let number = file.get().unwrap().file().as_raw_fd();
        file.set_aside();
        file.set_aside();
        let _other = descriptors.try_take().unwrap();
        assert_eq!(file.get().unwrap().file().as_raw_fd(), number);
        file.set_aside();
        drop(file);
        assert!(descriptors.try_take().is_some());
        assert!(descriptors.unused().files.is_empty());
    }

    #[tokio::test]
    async fn a_request_that_waits_gets_the_descriptor_of_the_next_file_that_is_set_aside() {
        let descriptors = descriptors(2);
        let files = [open(descriptors), open(descriptors)];
        let mut waiting = Box::pin(descriptors.take(2));
        assert!(waiting.as_mut().now_or_never().is_none());
        for file in &files {
            file.set_aside();
            assert!(!is_open(file), "closed at once");
        }
        let taken = waiting.as_mut().now_or_never().unwrap();
        drop(waiting);
        assert!(descriptors.try_take().is_none());
        let one = taken.only_one();
        assert!(descriptors.try_take().is_some());
        drop(one);
        // Nobody waits any more.
        let file = open(descriptors);
        file.set_aside();
        assert!(is_open(&file));
    }

    #[test]
    fn two_requests_that_wait_close_as_many_files_as_both_need() {
        let descriptors = descriptors(12);
        let files: [_; 8] = std::array::from_fn(|_| open(descriptors));
        let mut waiting = [6, 4].map(|count| Box::pin(descriptors.take(count)));
        assert!(waiting[0].as_mut().now_or_never().is_none(), "4 are free");
        // Set aside as at the same moment: none of the two requests has noticed it.
        descriptors.unused().waiting -= 1;
        files.iter().for_each(LentFile::set_aside);
        descriptors.unused().waiting += 1;
        assert!(waiting[1].as_mut().now_or_never().is_some(), "the second one closes for the first");
        assert!(waiting[0].as_mut().now_or_never().is_some());
        assert_eq!(files.iter().filter(|file| is_open(file)).count(), 2);
    }

    #[tokio::test]
    async fn a_request_gets_all_descriptors_if_there_are_fewer_than_it_needs() {
        for total in [0, 1, 4] {
            let descriptors = descriptors(total);
            assert!(descriptors.take(5).now_or_never().is_some(), "{total}");
        }
        let unlimited: &'static _ = Box::leak(Box::new(RequestDescriptors::new(None)));
        let _taken = [unlimited.take(5).await, unlimited.take(5).await];
    }
}
