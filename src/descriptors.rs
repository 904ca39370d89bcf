//! The descriptors of this process: how many there may be, and how they are divided.
//!
//! A process that has none left can neither accept clients nor reach the upstream nor open files. So the descriptors that are
//! free when the gateway has started are divided: clients get half of them, and their requests share the other half
//! ([`RequestDescriptors`]). Some are kept for operators, and for what is opened for a moment.

mod lent_file;
mod limit;
mod requests;

use std::fs;
use std::num::NonZero;
use std::sync::{LazyLock, OnceLock};

pub use self::lent_file::{CountedFile, LentFile};
pub use self::limit::descriptor_limit;
pub use self::requests::{Descriptors, RequestDescriptors};

/// The descriptors that are kept for what is opened for a moment, such as the file at an edit, the pipes of a command, or the socket
/// of a webhook.
const SPARE: usize = 8;
/// How many descriptors it takes at most to find a file: for the root, the file, its three siblings with a content coding, and the one
/// of them that is just opened.
pub const MAX_FINDING: u32 = 6;
/// The descriptors that are kept for files, however many connections lead to the upstream. After a reload, files and an
/// upstream may both be in use.
const KEPT_FOR_FILES: usize = 2 * MAX_FINDING as usize;

/// The descriptors that all requests of the process share.
pub static REQUESTS: LazyLock<RequestDescriptors> =
    LazyLock::new(|| RequestDescriptors::new(shares().map(|shares| shares.requests)));

/// How many descriptors everybody gets.
#[derive(Clone, Copy, Debug)]
struct Shares {
    /// The connections of operators.
    management: usize,
    /// The connections of clients of a gateway without a site.
    clients_alone: usize,
    /// The connections of clients.
    clients: usize,
    /// The requests together.
    requests: usize,
    /// The connections to upstreams.
    upstream: usize,
}

impl Shares {
    /// Divides the descriptors of a process with this limit, which has `open` of them open at rest.
    fn new(limit: usize, open: usize, cores: usize) -> Self {
        let management = (limit / 64).clamp(8, 256);
        let free = limit.saturating_sub(open + SPARE + management);
        let clients = free / 2;
        let rest = free - clients;
        // A look at a file that is in the system's memory is not counted, since it takes no time; so some are kept for that.
        let requests = rest - (MAX_FINDING as usize * cores).min(rest / 4);
        let upstream = requests - KEPT_FOR_FILES.min(requests / 4);
        Self { management, clients_alone: free, clients, requests, upstream }
    }
}

/// Returns the shares; `None` if descriptors have no limit, or it is not known. They are computed once, at the start, when the
/// gateway has opened what it needs at rest.
fn shares() -> Option<Shares> {
    static SHARES: OnceLock<Option<Shares>> = OnceLock::new();
    let divide = || {
        let limit = usize::try_from(descriptor_limit()?.current?).ok()?;
        let open = fs::read_dir("/proc/self/fd").ok()?.count();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Some(Shares::new(limit, open, cores))
    };
    *SHARES.get_or_init(divide)
}

/// Returns a limit for the connections of clients: what was configured, but no more than there are descriptors for. Zero means no
/// limit. A gateway without a site needs descriptors for its clients alone.
pub fn limit_clients(configured: usize, has_site: bool) -> usize {
    let allowed = |shares: Shares| if has_site { shares.clients } else { shares.clients_alone };
    limited(configured, shares().map(allowed))
}

/// The same for the connections to upstreams.
pub fn limit_upstream(configured: usize) -> usize {
    limited(configured, shares().map(|shares| shares.upstream))
}

/// The same for the connections of operators, for which nothing is configured.
pub fn limit_management() -> usize {
    limited(0, shares().map(|shares| shares.management))
}

fn limited(configured: usize, allowed: Option<usize>) -> usize {
    match allowed.map(|allowed| allowed.max(1)) {
        Some(allowed) if configured == 0 || configured > allowed => allowed,
        _ => configured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_what_was_configured_but_no_more_than_there_are_descriptors_for() {
        for (configured, allowed, expected) in [
            (0, None, 0),
            (10, None, 10),
            (0, Some(100), 100),
            (10, Some(10), 10),
            (10, Some(11), 10),
            (10, Some(9), 9),
            (60, Some(0), 1),
        ] {
            assert_eq!(limited(configured, allowed), expected, "{configured} of {allowed:?}");
        }
    }

    #[test]
    fn the_shares_never_add_up_to_more_than_there_are() {
        for limit in [0, 40, 50, 64, 65, 70, 100, 1_000, 65_536, 1 << 20] {
            for cores in [1, 4, 64] {
                let (open, case) = (35 + 3 * cores, format!("{limit} with {cores} cores"));
                let Shares { management, clients_alone, clients, requests, upstream } =
                    Shares::new(limit, open, cores);
                assert!(clients + requests <= clients_alone && upstream <= requests, "{case}");
                let sum = open + management + SPARE + clients_alone;
                assert!(sum <= limit || clients_alone == 0, "{case}");
                assert!(requests < 4 || upstream < requests, "{case}: some are kept for files");
            }
        }
        let Shares { management, clients, requests, upstream, .. } = Shares::new(65_536, 40, 2);
        assert_eq!((management, clients, requests, upstream), (256, 32_616, 32_604, 32_592));
    }
}
