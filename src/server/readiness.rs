//! Whether load balancers should send new requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells the services of a process when it begins to stop. Clones share the state.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Records that the process is stopping.
    pub fn begin_stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns true once the process is stopping.
    pub fn is_stopping(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
