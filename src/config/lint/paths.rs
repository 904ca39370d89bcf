//! Warns of path globs that cover less than they seem to, in an exemption or in the scope of a period.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;

use super::LintInput;
use crate::config::diagnostic::Severity;
use crate::config::document::Texts;

/// At most this many parent directories of one glob are recorded.
const MAX_DEPTH: usize = 64;

/// The list that a glob is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GlobList {
    /// `[exempt] paths`: other paths are down.
    Exempt,
    /// `[[period]] paths`: other paths stay up.
    Scope,
    /// `[[bypass]] paths`: other paths stay down for testers.
    Bypass,
}

/// The paths that a glob covers although it looks as if it should cover everything below a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GlobReach<'t> {
    /// One path: `/shop`.
    Path,
    /// One level: `/shop/*`, with the directory.
    Level(&'t str),
    /// One segment with this prefix: `/shop*`.
    Prefix(&'t str),
    /// Names that begin with a dot, probably meant as a regular expression: `/shop/.*`, with the directory.
    Dots(&'t str),
    /// Paths that end in a slash: `/shop/**/`, with the directory.
    Slash(&'t str),
    /// One character, probably meant as a query: `/shop?a=b`, with the path and the query.
    Query(&'t str, &'t str),
}

/// The globs of one list.
pub(super) struct Globs<'t> {
    list: GlobList,
    /// The directories below which one of them names something.
    parents: HashSet<&'t str>,
}

impl<'t> Globs<'t> {
    pub(super) fn new(list: GlobList, texts: impl Iterator<Item = &'t str>) -> Self {
        Self { list, parents: texts.flat_map(parents).collect() }
    }

    /// Reports a glob of the list that probably covers less than was meant.
    pub(super) fn lint(&self, value: &Spanned<String>, input: &LintInput<'_>) {
        let text = value.get_ref().as_str();
        let Some(reach) = reach(text).filter(|reach| !self.is_meant(text, *reach)) else { return };
        let what = if self.list == GlobList::Exempt { "exempts" } else { "covers" };
        let message = match reach {
            GlobReach::Path => format!("this {what} only `{text}`, and nothing below it"),
            GlobReach::Level("") => format!("this {what} only one level: `/a`, but not `/a/b`"),
            GlobReach::Level(stem) => format!("this {what} only one level: `{stem}/a`, but not `{stem}/a/b`"),
            GlobReach::Prefix(stem) => {
                format!("this {what} only one level: `{stem}x`, but not `{stem}/a`")
            }
            GlobReach::Dots(stem) => {
                format!("this {what} only names that begin with a dot: `{stem}/.a`, but not `{stem}/a`")
            }
            GlobReach::Slash(stem) => {
                format!("this {what} only paths that end in `/`: `{stem}/a/`, but not `{stem}/a`")
            }
            GlobReach::Query(stem, rest) => {
                format!(
                    "a glob cannot match a query: `?` is any one character, so this {what} `{stem}x{rest}`"
                )
            }
        };
        input.add(self.severity(reach), value.span(), message, self.help(reach, text));
    }

    /// Returns the severity. An exemption or a bypass of one level is only noted: it is often intended, and a mistake leaves paths
    /// down rather than open.
    fn severity(&self, reach: GlobReach<'_>) -> Severity {
        match (self.list, reach) {
            (GlobList::Exempt | GlobList::Bypass, GlobReach::Level(_) | GlobReach::Prefix(_)) => {
                Severity::Note
            }
            _ => Severity::Warning,
        }
    }

    fn help(&self, reach: GlobReach<'_>, text: &str) -> String {
        match (self.list, reach) {
            (GlobList::Exempt, GlobReach::Path) => {
                let stem = text.trim_end_matches('/');
                format!("write `{stem}/**`, which also covers `{stem}`; or move it to `exact`")
            }
            (GlobList::Scope, GlobReach::Path) => {
                let stem = text.trim_end_matches('/');
                format!("write `{stem}/**`, which also covers `{stem}`: paths that are not covered stay up")
            }
            (GlobList::Bypass, GlobReach::Path) => {
                let stem = text.trim_end_matches('/');
                format!("write `{stem}/**`, which also covers `{stem}`: testers get the down page elsewhere")
            }
            (_, GlobReach::Level(stem)) => {
                format!("did you mean `{stem}/**`, which covers everything below?")
            }
            (_, GlobReach::Prefix(stem) | GlobReach::Dots(stem) | GlobReach::Slash(stem)) => {
                format!("did you mean `{stem}/**`, which covers `{stem}` and everything below?")
            }
            (GlobList::Exempt, GlobReach::Query(stem, _)) => {
                format!("write `{stem}` in `exact`: it matches with any query")
            }
            (GlobList::Scope | GlobList::Bypass, GlobReach::Query(stem, _)) => {
                format!("write `{stem}/**`, which also covers `{stem}`, with any query")
            }
        }
    }

    /// Returns true if another glob names something below it, so that somebody thought of the paths below.
    fn is_meant(&self, text: &str, reach: GlobReach<'_>) -> bool {
        match reach {
            GlobReach::Path => self.parents.contains(text.trim_end_matches('/')),
            GlobReach::Level(_) => self.parents.contains(text),
            GlobReach::Prefix(stem) => self.parents.contains(stem) || self.parents.contains(text),
            // A scope ignores a slash at the end.
            GlobReach::Slash(_) => self.list == GlobList::Scope,
            GlobReach::Dots(_) | GlobReach::Query(..) => false,
        }
    }
}

/// Checks the paths of all periods that are not over.
pub(super) fn lint(input: &LintInput<'_>) {
    for (table, _) in input.live_periods() {
        lint_list(GlobList::Scope, &table.paths, input);
    }
}

/// Checks the paths of one scope.
pub(super) fn lint_list(list: GlobList, paths: &Texts, input: &LintInput<'_>) {
    let globs = Globs::new(list, texts(paths));
    for value in paths.iter().flat_map(Spanned::get_ref) {
        globs.lint(value, input);
    }
}

/// Warns of a star in an exact path, which is not a glob.
pub(super) fn warn_of_star(value: &Spanned<String>, input: &LintInput<'_>) {
    let text = value.get_ref();
    let message = format!("this exempts only a path with a literal `*`: `{text}` is not a glob in `exact`");
    input.warn(value.span(), message, "move it to `paths`");
}

fn texts(list: &Texts) -> impl Iterator<Item = &str> {
    list.iter().flat_map(Spanned::get_ref).map(|text| text.get_ref().as_str())
}

fn reach(text: &str) -> Option<GlobReach<'_>> {
    if let Some((stem, rest)) = text.split_once('?')
        && rest.contains(['=', '&'])
    {
        return Some(GlobReach::Query(stem, rest));
    }
    if let Some(stem) = text.strip_suffix("/**/") {
        return Some(GlobReach::Slash(stem));
    }
    if text.contains("**") {
        return None;
    }
    let whole = text.trim_end_matches('/');
    let Range { start, end } = last_segment(whole);
    let last = whole.get(start..end).unwrap_or_default();
    let directory = text.get(..start.saturating_sub(1)).unwrap_or_default();
    match last.strip_suffix('*') {
        _ if last.is_empty() => None,
        Some("") => Some(GlobReach::Level(directory)),
        Some(".") if is_literal(directory) => Some(GlobReach::Dots(directory)),
        Some(name) if is_word(name) && !is_literal(directory) => None,
        Some(name) if is_word(name) => Some(GlobReach::Prefix(text.get(..end - 1)?)),
        None if !text.contains(['*', '?']) && !last.contains('.') => Some(GlobReach::Path),
        _ => None,
    }
}

fn last_segment(path: &str) -> Range<usize> {
    path.rfind('/').map_or(0, |at| at + 1)..path.len()
}

/// Returns true for a whole word: without an extension, and not a prefix as in `/img_*` or `/apple-touch-icon*`.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name != "favicon" && name.chars().all(char::is_alphanumeric)
}

fn is_literal(directory: &str) -> bool {
    !directory.contains(['*', '?'])
}

/// Returns the directories above the last segment of a glob, at most [`MAX_DEPTH`].
fn parents(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim_end_matches('/');
    text.match_indices('/').take(MAX_DEPTH).filter_map(|(at, _)| text.get(..at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_that_seems_to_cover_everything_below_is_recognized() {
        for (text, expected) in [
            ("/shop", Some(GlobReach::Path)),
            ("/shop/", Some(GlobReach::Path)),
            ("/a/shop", Some(GlobReach::Path)),
            ("/", None),
            ("/shop.html", None),
            ("/shop/**", None),
            ("/**", None),
            ("/**/shop", None),
            ("/*", Some(GlobReach::Level(""))),
            ("/shop/*", Some(GlobReach::Level("/shop"))),
            ("/a/*/*", Some(GlobReach::Level("/a/*"))),
            ("/shop*", Some(GlobReach::Prefix("/shop"))),
            ("/a/shop*", Some(GlobReach::Prefix("/a/shop"))),
            ("/shop/.*", Some(GlobReach::Dots("/shop"))),
            ("/.*", Some(GlobReach::Dots(""))),
            ("/**/.*", None),
            ("/shop/**/", Some(GlobReach::Slash("/shop"))),
            ("/*/shop", None),
            ("/*/shop*", None),
            ("/favicon*", None),
            ("/apple-touch-icon*", None),
            ("/img_*", None),
            ("/*.css", None),
            ("/a*b", None),
            ("/x?a=b", Some(GlobReach::Query("/x", "a=b"))),
            ("/x?a&b", Some(GlobReach::Query("/x", "a&b"))),
            ("/x?", None),
            ("/v?/a", None),
        ] {
            assert_eq!(reach(text), expected, "{text}");
        }
    }
}
