//! An index over many scopes.

use super::Scope;
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
    /// The scopes without paths.
    without_paths: Vec<usize>,
    /// All scopes.
    all: Vec<usize>,
}

impl ScopeIndex {
    /// Indexes scopes.
    pub fn new<'s>(scopes: impl IntoIterator<Item = &'s Scope>) -> Self {
        let mut index = Self::default();
        let mut globs = Vec::new();
        for (at, scope) in scopes.into_iter().enumerate().filter(|(_, scope)| !scope.is_all()) {
            index.all.push(at);
            match &scope.paths {
                None => index.without_paths.push(at),
                Some(paths) => {
                    globs.extend(paths.folded.iter().map(String::as_str));
                    index.glob_scopes.resize(globs.len(), at);
                }
            }
        }
        Self { globs: PathGlobs::join(globs), ..index }
    }

    /// Returns the positions in the list, in order, of the scopes that may cover a request: all of them if it would take too long to
    /// find out.
    pub fn candidates(&self, request: &Request<'_>) -> Vec<usize> {
        let Some(path) = request.path.canonical() else { return self.all.clone() };
        let globs: Option<Vec<_>> = spellings(path).map(|path| self.globs.find_all(&path)).collect();
        let Some(globs) = globs else { return self.all.clone() };
        let by_path = globs.into_iter().flatten().filter_map(|glob| self.glob_scopes.get(glob).copied());
        let mut found: Vec<_> = by_path.chain(self.without_paths.iter().copied()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}
