//! Descriptors that are kept for reading the files.

use std::fs::File;

/// The number of descriptors that are kept. The files are read one after the other, and other threads may be faster to take
/// what is released.
const COUNT: usize = 4;

/// Descriptors that are kept for reading the files, since the connections of clients may take all others: an operator must be
/// able to take the site down also then.
#[derive(Debug, Default)]
pub(super) struct SpareDescriptors(Vec<File>);

impl SpareDescriptors {
    /// Takes as many as are missing, if there are any.
    pub(super) fn fill(&mut self) {
        let missing = COUNT.saturating_sub(self.0.len());
        let taken = (0..missing).map_while(|_| File::open("/dev/null").ok());
        self.0.extend(taken);
    }

    /// Releases them all, for the files that are about to be read.
    pub(super) fn release(&mut self) {
        self.0.clear();
    }
}
