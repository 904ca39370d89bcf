//! Globs of paths, as exemptions and scopes use them.

mod check;
mod suggest;

use globset::{Candidate, Glob, GlobBuilder, GlobSet};

use self::check::check_glob;
pub(crate) use self::check::check_path;
use crate::invalid_value::InvalidValue;

/// The maximum length of a path or glob in the file, in bytes. Clients and servers accept 2,000 to 8,000 bytes, but each `*`
/// or `?` of a glob takes about 500 bytes of memory while it is compiled.
pub const MAX_PATH: usize = 1000;
/// The maximum number of `*` and `?` in a list of globs.
pub const MAX_WILDCARDS: usize = 50_000;

/// A list of path globs. `*` and `?` match within a segment. `**` must be a whole segment, and matches any number of them.
/// `/admin/**` covers `/admin`, too.
#[derive(Clone, Debug, Default)]
pub struct PathGlobs {
    set: GlobSet,
    /// For each glob of the set, the index of its text in the list.
    indices: Vec<usize>,
}

impl PathGlobs {
    /// Compiles a list.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, InvalidValue> {
        let texts: Vec<_> = texts.into_iter().collect();
        texts.iter().try_for_each(|text| check_glob(text))?;
        Self::compile(texts)
    }

    /// Compiles a list of globs that are checked, or were made of such globs.
    pub(super) fn compile<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, InvalidValue> {
        let mut set = GlobSet::builder();
        let mut indices = Vec::new();
        let texts: Vec<_> = texts.into_iter().collect();
        let wildcards: usize = texts.iter().map(|text| text.matches(['*', '?']).count()).sum();
        if wildcards > MAX_WILDCARDS {
            let message =
                format!("this list has {wildcards} `*` and `?`: at most {MAX_WILDCARDS} are allowed");
            return Err(InvalidValue::new(message, "write fewer globs; `/a/**` covers everything below /a"));
        }
        for (index, text) in texts.into_iter().enumerate() {
            for glob in compile(text)? {
                set.add(glob);
                indices.push(index);
            }
        }
        let set = set.build().map_err(|_| {
            InvalidValue::new("the globs of this list are too large in total", "write fewer or shorter ones")
        })?;
        Ok(Self { set, indices })
    }

    /// Checks the text of one glob.
    pub fn check(text: &str) -> Result<(), InvalidValue> {
        check_glob(text)?;
        compile(text).map(drop)
    }

    /// Returns true if a glob of the list matches a decoded path.
    pub fn covers(&self, path: &str) -> bool {
        self.set.is_match(path)
    }

    /// Returns the indices, in order, of all globs that match a decoded path.
    pub fn find_all(&self, path: &str) -> Vec<usize> {
        let found = self.set.matches(path);
        let mut found: Vec<_> = found.iter().filter_map(|&glob| self.indices.get(glob)).copied().collect();
        found.dedup();
        found
    }

    /// Returns the index of the first glob that matches a decoded path.
    pub fn find(&self, path: &str) -> Option<usize> {
        let candidate = Candidate::new(path);
        if !self.set.is_match_candidate(&candidate) {
            return None;
        }
        self.set
            .matches_candidate(&candidate)
            .iter()
            .filter_map(|&glob| self.indices.get(glob))
            .min()
            .copied()
    }
}

/// Compiles a glob. One that ends in `/**` also gives the glob without that ending.
fn compile(text: &str) -> Result<Vec<Glob>, InvalidValue> {
    let mut stem = text;
    while let Some(shorter) = stem.strip_suffix("/**") {
        stem = shorter;
    }
    let covers_stem = stem != text && !stem.is_empty();
    std::iter::once(text).chain(covers_stem.then_some(stem)).map(build).collect()
}

fn build(text: &str) -> Result<Glob, InvalidValue> {
    let mut builder = GlobBuilder::new(text);
    builder.literal_separator(true).backslash_escape(false);
    builder.build().map_err(|error| InvalidValue::new(error.kind().to_string(), "write a simpler glob"))
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
