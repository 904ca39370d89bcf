//! The limit of open descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::info;

/// Raises the limit to the hard limit: the usual soft limit of 1,024 is for programs that use `select(2)`. If that is refused,
/// for example by a sandbox, the gateway works with what it has.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        let current = limit.current.unwrap_or(u64::MAX);
        info!(
            "cannot raise the limit of {current} open files: {error}; set `LimitNOFILE=` in the unit instead"
        );
    }
}
