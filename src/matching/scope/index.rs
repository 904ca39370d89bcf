//! An index over many scopes.

use super::Scope;
use super::host_index::HostIndex;
use super::paths::spellings;
use crate::matching::glob::PathGlobs;
use crate::matching::request::Request;

/// Finds the scopes of a list that may cover a request, without a check of each. Empty scopes are not part of it.
#[derive(Clone, Debug, Default)]
pub struct ScopeIndex {
    /// The path globs of all scopes.
    globs: PathGlobs,
    /// The scope of each glob.
    glob_scopes: Vec<usize>,
    /// The hosts of the scopes that have hosts and no paths.
    hosts: HostIndex,
    /// The scopes with neither.
    others: Vec<usize>,
}

impl ScopeIndex {
    /// Indexes scopes.
    pub fn new<'s>(scopes: impl IntoIterator<Item = &'s Scope>) -> Self {
        let mut index = Self::default();
        let mut globs = Vec::new();
        for (at, scope) in scopes.into_iter().enumerate().filter(|(_, scope)| !scope.is_all()) {
            match (&scope.paths, &scope.hosts) {
                (Some(paths), _) => {
                    globs.extend(paths.folded.iter().map(String::as_str));
                    index.glob_scopes.resize(globs.len(), at);
                }
                (None, Some(hosts)) => index.hosts.add(at, hosts),
                (None, None) => index.others.push(at),
            }
        }
        Self { globs: PathGlobs::join(globs), ..index }
    }

    /// Returns the positions in the list, in order, of the scopes that may cover a request.
    pub fn candidates(&self, request: &Request<'_>) -> Vec<usize> {
        let mut found = self.by_path(request).unwrap_or_else(|| self.glob_scopes.clone());
        found.extend(self.hosts.candidates(&request.hosts));
        found.extend(&self.others);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Returns the scopes with a glob that matches. `None`: every path scope may cover the request, because its path is not canonical, or
    /// because it would take too long to find out.
    fn by_path(&self, request: &Request<'_>) -> Option<Vec<usize>> {
        let path = request.path.canonical()?;
        let globs: Option<Vec<_>> = spellings(path).map(|path| self.globs.find_all(&path)).collect();
        let scope = |glob| self.glob_scopes.get(glob).copied();
        Some(globs?.into_iter().flatten().filter_map(scope).collect())
    }
}
