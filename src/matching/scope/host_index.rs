//! An index over many lists of hosts.

use std::collections::HashMap;

use super::Host;
use crate::matching::request::Hosts;

/// Finds the lists of hosts that may cover a request, without a check of each.
#[derive(Clone, Debug, Default)]
pub(super) struct HostIndex {
    /// The positions of the lists, by the key of each host.
    lists: HashMap<String, Vec<usize>>,
    /// The length of the longest key, so that a long host of a request costs no more.
    max_length: usize,
}

/// The key of all IPv6 addresses, which a request may write in several forms.
const IPV6: &str = "[";

fn key(host: &Host) -> &str {
    let fixed = host.fixed_part();
    if fixed.starts_with(IPV6) { IPV6 } else { fixed }
}

impl HostIndex {
    /// Adds the list at this position.
    pub(super) fn add(&mut self, at: usize, hosts: &[Host]) {
        for key in hosts.iter().map(key) {
            self.max_length = self.max_length.max(key.len());
            self.lists.entry(key.to_owned()).or_default().push(at);
        }
    }

    /// Returns the positions of the lists that may cover a request for these hosts, in any order and perhaps repeatedly.
    pub(super) fn candidates(&self, hosts: &Hosts<'_>) -> Vec<usize> {
        // A host that is missing is covered by each list.
        if hosts.names().any(str::is_empty) {
            return self.lists.values().flatten().copied().collect();
        }
        hosts.names().flat_map(|name| self.of_name(&name.to_ascii_lowercase())).collect()
    }

    fn of_name(&self, name: &str) -> Vec<usize> {
        let whole = if name.starts_with(IPV6) { IPV6 } else { name };
        let ends = name.match_indices('.').map(|(at, _)| at).filter(|at| *at > 0);
        let ends = ends.filter_map(|at| name.get(at..)).filter(|end| end.len() <= self.max_length);
        let keys = std::iter::once(whole).chain(ends);
        keys.filter_map(|key| self.lists.get(key)).flatten().copied().collect()
    }
}
