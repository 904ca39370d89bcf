//! Globs of paths, as exemptions and scopes use them.

mod check;
mod suggest;
mod tree;

use self::check::check_glob;
pub(crate) use self::check::check_path;
use self::tree::GlobTree;
use crate::invalid_value::InvalidValue;

/// The maximum length of a path or glob in the file, in bytes. Clients and servers accept 2,000 to 8,000 bytes.
pub const MAX_PATH: usize = 1000;
/// The maximum number of `*` and `?` in a list of globs. A request may have to be compared with each.
pub const MAX_WILDCARDS: usize = 50_000;

/// A list of path globs. `*` and `?` match within a segment. `**` must be a whole segment, and matches any number of them.
/// `/admin/**` covers `/admin`, too.
#[derive(Clone, Debug, Default)]
pub struct PathGlobs {
    tree: GlobTree,
}

impl PathGlobs {
    /// Compiles a list.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, InvalidValue> {
        let texts: Vec<_> = texts.into_iter().collect();
        texts.iter().try_for_each(|text| check_glob(text))?;
        Self::compile(&texts)
    }

    /// Compiles a list of globs that are checked, or were made of such globs.
    pub(super) fn compile<T: AsRef<str>>(texts: &[T]) -> Result<Self, InvalidValue> {
        let wildcards: usize = texts.iter().map(|text| text.as_ref().matches(['*', '?']).count()).sum();
        if wildcards > MAX_WILDCARDS {
            let message =
                format!("this list has {wildcards} `*` and `?`: at most {MAX_WILDCARDS} are allowed");
            return Err(InvalidValue::new(message, "write fewer globs; `/a/**` covers everything below /a"));
        }
        Ok(Self::join(texts.iter().map(AsRef::as_ref)))
    }

    /// Compiles the globs of several lists, which together may have more wildcards than one.
    pub(super) fn join<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self { tree: GlobTree::new(texts) }
    }

    /// Checks the text of one glob.
    pub fn check(text: &str) -> Result<(), InvalidValue> {
        check_glob(text)
    }

    /// Returns true if a glob of the list matches a decoded path, or if it would take too long to find out.
    pub fn may_match(&self, path: &str) -> bool {
        self.tree.search(path, |_| true).unwrap_or(true)
    }

    /// Returns the indices, in order, of all globs that match a decoded path; `None` if it would take too long to find out.
    pub fn find_all(&self, path: &str) -> Option<Vec<usize>> {
        let mut found = Vec::new();
        let collect = |globs: &[usize]| {
            found.extend_from_slice(globs);
            false
        };
        self.tree.search(path, collect).ok()?;
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    /// Returns the index of the first glob that matches a decoded path; `None` if none does, or if it would take too long to find out.
    pub fn find(&self, path: &str) -> Option<usize> {
        let mut first = None;
        let keep_first = |globs: &[usize]| {
            first = globs.iter().copied().chain(first).min();
            false
        };
        self.tree.search(path, keep_first).ok()?;
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_suggests_the_glob_that_was_meant() {
        const EXAMPLE: &str = "write a path such as `/admin/login`";
        const REGEX: &str = "for example `/admin/**` for everything below /admin, or `/**/*.php` for everything that ends in .php";
        for (text, help) in [
            ("admin/**", "write `/admin/**`"),
            ("./admin", "write `/admin`"),
            (" /admin", "write `/admin`"),
            ("", EXAMPLE),
            ("admin panel", EXAMPLE),
            ("= /admin", "did you mean `/admin`?"),
            ("location /admin/ {", "did you mean `/admin/`?"),
            ("shop.example.com/admin/**", "did you mean `/shop.example.com/admin/**` or `/admin/**`?"),
            ("!/admin/**", "a list cannot have exceptions: write only what it should cover"),
            ("^/admin", "did you mean `/admin/**`?"),
            ("^/admin/", "did you mean `/admin/**`?"),
            ("^/admin$", "did you mean `/admin`?"),
            ("^/admin/.*$", "did you mean `/admin/**`?"),
            ("/admin/.+", "did you mean `/admin/**`?"),
            ("~ ^/admin", "did you mean `/admin/**`?"),
            ("~* \\.php$", "did you mean `/**/*.php`?"),
            ("^/(a|b)/", REGEX),
            ("/a/**, /b/**", "write each in quotes: `\"/a/**\", \"/b/**\"`"),
            ("/a /b", "write each in quotes: `\"/a\", \"/b\"`"),
            ("/**.css", "did you mean `/**/*.css`?"),
            ("/***", "did you mean `/**`?"),
            ("/admin**", "did you mean `/admin/**`?"),
            ("/admin/**?x=1", "did you mean `/admin/**`?"),
            ("/a**b", "write `/**/` between segments, `/**` at the end, or a single `*`"),
        ] {
            let fault = PathGlobs::check(text).unwrap_err();
            assert_eq!(fault.help, help, "{text}: {}", fault.message);
        }
    }
}
