//! The limit of open descriptors of this process, and how it is divided.

use std::fs;
use std::sync::OnceLock;

use rustix::process::Rlimit;

/// Returns the limit, if it is known. It is read from a file (proc_pid_limits(5)), because `getrlimit` of rustix has no error:
/// if a sandbox refuses the system call, it returns memory that nothing was written to.
pub fn descriptor_limit() -> Option<Rlimit> {
    parse(&fs::read_to_string("/proc/self/limits").ok()?)
}

/// The descriptors that are kept for the management address, for edits, and for what else is opened for a moment.
const SPARE: usize = 16;

/// Returns a limit for connections, each of which needs this number of descriptors: what was configured, but no more than there are
/// descriptors for. Zero means no limit.
pub fn limit_connections(configured: usize, each: usize) -> usize {
    static FREE: OnceLock<Option<usize>> = OnceLock::new();
    limited(configured, each, *FREE.get_or_init(free))
}

/// Returns how many descriptors are left for connections; `None` if they have no limit, or it is not known.
fn free() -> Option<usize> {
    let limit = usize::try_from(descriptor_limit()?.current?).ok()?;
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(limit.saturating_sub(open + SPARE))
}

fn limited(configured: usize, each: usize, free: Option<usize>) -> usize {
    match free.map(|free| (free / each).max(1)) {
        Some(allowed) if configured == 0 || configured > allowed => allowed,
        _ => configured,
    }
}

fn parse(limits: &str) -> Option<Rlimit> {
    let values = limits.lines().find_map(|line| line.strip_prefix("Max open files "))?;
    // There may be none: `unlimited`.
    let mut values = values.split_ascii_whitespace().map(|value| value.parse().ok());
    Some(Rlimit { current: values.next()?, maximum: values.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_has_a_soft_and_a_hard_value_and_may_be_unlimited() {
        let line = |name: &str, values: &str| format!("{name:<25} {values}\n");
        let limits = |values| {
            [
                line("Limit", "Soft Limit           Hard Limit           Units     "),
                line("Max processes", "1                    2                    processes "),
                line("Max open files", values),
            ]
            .concat()
        };
        for (values, expected) in [
            ("1024                 524288               files     ", Some((Some(1024), Some(524_288)))),
            ("64                   unlimited            files     ", Some((Some(64), None))),
            ("unlimited            unlimited            files     ", Some((None, None))),
            ("", None),
        ] {
            let found = parse(&limits(values)).map(|limit| (limit.current, limit.maximum));
            assert_eq!(found, expected, "{values}");
        }
        assert!(descriptor_limit().is_some());
    }

    #[test]
    fn connections_have_the_descriptors_that_each_needs() {
        for (configured, each, free, expected) in [
            (0, 2, None, 0),
            (10, 2, None, 10),
            (0, 1, Some(100), 100),
            (0, 2, Some(101), 50),
            (10, 2, Some(100), 10),
            (60, 2, Some(100), 50),
            (60, 2, Some(0), 1),
        ] {
            assert_eq!(limited(configured, each, free), expected, "{configured} of {each} in {free:?}");
        }
    }
}
