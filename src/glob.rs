//! Globs of paths, as exemptions and scopes write them.

use globset::{Candidate, Glob, GlobBuilder, GlobSet};

use crate::path::RequestPath;

/// Why a text is nothing that a request could match: the fault, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Fault {
    /// A fault and its remedy.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// A list of globs of paths: `*` and `?` stay within a segment, `**` is a segment of its own and crosses; `/admin/**`
/// covers `/admin` too.
#[derive(Clone, Debug, Default)]
pub struct PathGlobs {
    set: GlobSet,
    /// The text of each glob in the set, by its index in the list.
    texts: Vec<usize>,
}

impl PathGlobs {
    /// Compiles a list.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, Fault> {
        let mut set = GlobSet::builder();
        let mut indices = Vec::new();
        for (index, text) in texts.into_iter().enumerate() {
            for glob in compile(text)? {
                set.add(glob);
                indices.push(index);
            }
        }
        let set = set.build().map_err(|error| Fault::new(error.to_string(), "write shorter globs"))?;
        Ok(Self { set, texts: indices })
    }

    /// Checks one text.
    pub fn check(text: &str) -> Result<(), Fault> {
        compile(text).map(drop)
    }

    /// All globs of the list that a decoded path matches, by their indices, in order.
    pub fn find_all(&self, path: &str) -> Vec<usize> {
        let found = self.set.matches(path);
        let mut found: Vec<_> = found.iter().filter_map(|&glob| self.texts.get(glob)).copied().collect();
        found.dedup();
        found
    }

    /// The first glob of the list that a decoded path matches, by its index.
    pub fn find(&self, path: &str) -> Option<usize> {
        let candidate = Candidate::new(path);
        if !self.set.is_match_candidate(&candidate) {
            return None;
        }
        self.set.matches_candidate(&candidate).iter().filter_map(|&glob| self.texts.get(glob)).min().copied()
    }
}

/// Checks a text for a path as it is after percent-decoding.
pub(crate) fn check_path(text: &str) -> Result<(), Fault> {
    if let Some((_, rest)) = text.split_once("://") {
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        return Err(Fault::new("this is a URL, where a path is expected", format!("write `{path}`")));
    }
    let path = RequestPath::new(text);
    match path.canonical() {
        Some(decoded) if decoded == text => Ok(()),
        Some(decoded) => {
            Err(Fault::new("paths are compared after percent-decoding", format!("write `{decoded}`")))
        }
        None if !text.starts_with('/') => {
            Err(Fault::new("a path begins with `/`", format!("write `/{text}`")))
        }
        None => Err(Fault::new(
            format!(
                "no request can match this: it {}",
                path.fault().map_or(String::new(), |f| f.to_string())
            ),
            "write the path in its plain form, such as `/admin/login`",
        )),
    }
}

fn compile(text: &str) -> Result<Vec<Glob>, Fault> {
    if text == "**" {
        return Err(Fault::new("a path begins with `/`", "write `/**`"));
    }
    check_path(text)?;
    if let Some(special) = text.chars().find(|c| matches!(c, '[' | ']' | '{' | '}')) {
        let message = format!("`{special}` is not known in globs: only `*`, `?` and `**` are");
        return Err(Fault::new(message, "write one glob for each path that is meant"));
    }
    if let Some(segment) = text.split('/').find(|segment| segment.contains("**") && *segment != "**") {
        let message = format!("`**` must be a segment of its own, not a part of `{segment}`");
        return Err(Fault::new(message, "write `/**/` between segments, `/**` at the end, or a single `*`"));
    }
    let mut stem = text;
    while let Some(shorter) = stem.strip_suffix("/**") {
        stem = shorter;
    }
    let covers_stem = stem != text && !stem.is_empty();
    std::iter::once(text).chain(covers_stem.then_some(stem)).map(glob).collect()
}

fn glob(text: &str) -> Result<Glob, Fault> {
    let mut builder = GlobBuilder::new(text);
    builder.literal_separator(true).backslash_escape(false);
    builder.build().map_err(|error| Fault::new(error.kind().to_string(), "write a simpler glob"))
}
