//! `[site] root` and the keys that go with it.

use std::path::{Path, PathBuf};

use http::HeaderValue;

use crate::matching::glob::PathGlobs;

/// Browsers must revalidate each time, so that visitors notice a downtime when it begins.
pub(super) const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// A directory that is served, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSettings {
    /// The directory. It may be a symbolic link that deployments swap.
    pub root: PathBuf,
    /// True if the site is one page, whose script shows something else for each path.
    pub is_single_page: bool,
    /// The Cache-Control fields.
    pub cache_control: CacheControl,
}

/// The values of Cache-Control by the path of the file.
#[derive(Clone, Debug, Default)]
pub struct CacheControl {
    globs: PathGlobs,
    rules: Vec<(String, HeaderValue)>,
}

impl CacheControl {
    /// Takes rules, of which the first that matches counts, with their globs in the same order.
    pub fn new(globs: PathGlobs, rules: Vec<(String, HeaderValue)>) -> Self {
        Self { globs, rules }
    }

    /// Returns the value for a file, by its path below the root.
    pub(super) fn value(&self, path: &Path) -> HeaderValue {
        let path = format!("/{}", path.to_string_lossy());
        let rule = self.globs.find(&path).and_then(|index| self.rules.get(index));
        rule.map_or(REVALIDATE, |(_, value)| value.clone())
    }
}

impl PartialEq for CacheControl {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}

impl Eq for CacheControl {}
