//! The limit of open descriptors of this process.

use std::fs;

use rustix::process::Rlimit;

/// Returns the limit, if it is known. It is read from a file (proc_pid_limits(5)), because `getrlimit` of rustix has no error:
/// if a sandbox refuses the system call, it returns memory that nothing was written to.
pub fn descriptor_limit() -> Option<Rlimit> {
    parse(&fs::read_to_string("/proc/self/limits").ok()?)
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
}
