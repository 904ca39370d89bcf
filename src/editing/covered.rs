//! The requests that a downtime covers, in a form that can be compared and printed.

use std::collections::BTreeSet;
use std::fmt;

use crate::matching::scope::{Host, Scope};

/// The hosts, paths and methods of a scope, in any order. An empty set means all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    hosts: BTreeSet<String>,
    paths: BTreeSet<String>,
    methods: BTreeSet<String>,
}

impl Covered {
    /// Returns the scope of these hosts, paths and methods, as a file states them.
    pub fn from_texts(hosts: &[String], paths: &[String], methods: &[String]) -> Self {
        let host = |text: &String| Host::parse(text).map_or_else(|_| text.clone(), |host| host.to_string());
        Self {
            hosts: hosts.iter().map(host).collect(),
            paths: paths.iter().cloned().collect(),
            methods: methods.iter().map(|method| method.to_ascii_uppercase()).collect(),
        }
    }

    /// Returns the scope of a period.
    pub fn from_scope(scope: &Scope) -> Self {
        let [hosts, paths, methods] = scope.texts().map(|(_, list)| list.into_iter().flatten().collect());
        Self { hosts, paths, methods }
    }

    /// Replaces each set that `given` contains.
    pub fn with(&self, given: Self) -> Self {
        let or = |given: BTreeSet<String>, own: &BTreeSet<String>| {
            if given.is_empty() { own.clone() } else { given }
        };
        Self {
            hosts: or(given.hosts, &self.hosts),
            paths: or(given.paths, &self.paths),
            methods: or(given.methods, &self.methods),
        }
    }
}

impl fmt::Display for Covered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [("hosts", &self.hosts), ("paths", &self.paths), ("methods", &self.methods)];
        let part = |(key, texts): (&str, &BTreeSet<String>)| {
            let texts: Vec<_> = texts.iter().map(String::as_str).collect();
            (!texts.is_empty()).then(|| format!("{key} {}", texts.join(", ")))
        };
        let parts: Vec<_> = lists.into_iter().filter_map(part).collect();
        if parts.is_empty() { f.write_str("the whole site") } else { f.write_str(&parts.join(" and ")) }
    }
}
