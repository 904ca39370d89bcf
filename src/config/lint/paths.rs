//! Globs of paths that reach less far than they seem to, in an exemption as in the scope of a period.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;

use super::LintInput;
use crate::config::diagnostic::Severity;
use crate::config::document::Texts;

/// No more folders of one glob are remembered.
const MAX_DEPTH: usize = 64;

/// Where a list of globs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GlobList {
    /// `[exempt] paths`: what is not reached is down.
    Exempt,
    /// `[[period]] paths`: what is not reached is open.
    Scope,
}

/// How far a glob reaches that looks as if it meant all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GlobReach<'t> {
    /// One path: `/shop`.
    Path,
    /// One level: `/shop/*`, of this folder.
    Level(&'t str),
    /// What begins with this, in one segment: `/shop*`.
    Prefix(&'t str),
    /// What begins with a dot, where a regular expression was meant: `/shop/.*`, of this folder.
    Dots(&'t str),
    /// What ends in a slash: `/shop/**/`, of this folder.
    Slash(&'t str),
    /// One character where a query was meant: `/shop?a=b`, of this path and with this query.
    Query(&'t str, &'t str),
}

/// What the globs of one list reach together.
pub(super) struct Globs<'t> {
    list: GlobList,
    /// The folders that one of them names something in.
    parents: HashSet<&'t str>,
}

impl<'t> Globs<'t> {
    pub(super) fn new(list: GlobList, texts: impl Iterator<Item = &'t str>) -> Self {
        Self { list, parents: texts.flat_map(parents).collect() }
    }

    /// Says so if a glob of the list probably reaches less far than was meant.
    pub(super) fn lint(&self, written: &Spanned<String>, subject: &LintInput<'_>) {
        let text = written.get_ref().as_str();
        let Some(reach) = reach(text).filter(|reach| !self.is_meant(text, *reach)) else { return };
        let what = if self.list == GlobList::Exempt { "exempts" } else { "covers" };
        let message = match reach {
            GlobReach::Path => format!("this {what} `{text}` alone, and nothing below it"),
            GlobReach::Level("") => format!("this {what} one level: `/a`, but not `/a/b`"),
            GlobReach::Level(stem) => format!("this {what} one level: `{stem}/a`, but not `{stem}/a/b`"),
            GlobReach::Prefix(stem) => {
                format!("this {what} what begins with `{stem}` in one segment: `{stem}x`, but not `{stem}/a`")
            }
            GlobReach::Dots(stem) => {
                format!("this {what} what begins with a dot: `{stem}/.a`, but not `{stem}/a`")
            }
            GlobReach::Slash(stem) => {
                format!("this {what} what ends in `/`: `{stem}/a/`, but not `{stem}/a`")
            }
            GlobReach::Query(stem, rest) => {
                format!("this {what} no query: `?` stands for one character, as in `{stem}x{rest}`")
            }
        };
        subject.tell(self.severity(reach), written.span(), message, self.help(reach, text));
    }

    /// An exemption of one level is often meant so, and closed where it is not.
    fn severity(&self, reach: GlobReach<'_>) -> Severity {
        match (self.list, reach) {
            (GlobList::Exempt, GlobReach::Level(_) | GlobReach::Prefix(_)) => Severity::Note,
            _ => Severity::Warning,
        }
    }

    fn help(&self, reach: GlobReach<'_>, text: &str) -> String {
        match (self.list, reach) {
            (GlobList::Exempt, GlobReach::Path) => {
                let stem = text.trim_end_matches('/');
                format!("write `{stem}/**`, which covers `{stem}` too; or move it to `exact`")
            }
            (GlobList::Scope, GlobReach::Path) => {
                let stem = text.trim_end_matches('/');
                format!("write `{stem}/**`, which covers `{stem}` too: what it does not cover is open")
            }
            (_, GlobReach::Level(stem)) => format!("did you mean `{stem}/**`, which covers all below?"),
            (_, GlobReach::Prefix(stem) | GlobReach::Dots(stem) | GlobReach::Slash(stem)) => {
                format!("did you mean `{stem}/**`, which covers `{stem}` and all below?")
            }
            (GlobList::Exempt, GlobReach::Query(stem, _)) => {
                format!("write `{stem}` in `exact`: it passes whatever the query is")
            }
            (GlobList::Scope, GlobReach::Query(stem, _)) => {
                format!("write `{stem}/**`, which covers `{stem}` too, whatever the query is")
            }
        }
    }

    /// Another glob names something below it, so what is below was thought of.
    fn is_meant(&self, text: &str, reach: GlobReach<'_>) -> bool {
        match reach {
            GlobReach::Path => self.parents.contains(text.trim_end_matches('/')),
            GlobReach::Level(_) => self.parents.contains(text),
            GlobReach::Prefix(stem) => self.parents.contains(stem) || self.parents.contains(text),
            // A scope takes a slash at the end for none.
            GlobReach::Slash(_) => self.list == GlobList::Scope,
            GlobReach::Dots(_) | GlobReach::Query(..) => false,
        }
    }
}

/// Looks at the paths of each period to come.
pub(super) fn lint(subject: &LintInput<'_>) {
    for (table, _) in subject.live_periods() {
        let globs = Globs::new(GlobList::Scope, texts(&table.paths));
        for written in table.paths.iter().flat_map(Spanned::get_ref) {
            globs.lint(written, subject);
        }
    }
}

/// Warns of a star in an exact path, which is not a glob.
pub(super) fn warn_of_star(written: &Spanned<String>, subject: &LintInput<'_>) {
    let text = written.get_ref();
    let message =
        format!("this exempts one path, with a `*` in it: `exact` does not read `{text}` as a glob");
    subject.warn(written.span(), message, "move it to `paths`");
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
    let folder = text.get(..start.saturating_sub(1)).unwrap_or_default();
    match last.strip_suffix('*') {
        _ if last.is_empty() => None,
        Some("") => Some(GlobReach::Level(folder)),
        Some(".") if is_plain_folder(folder) => Some(GlobReach::Dots(folder)),
        Some(name) if is_plain(name) && !is_plain_folder(folder) => None,
        Some(name) if is_plain(name) => Some(GlobReach::Prefix(text.get(..end - 1)?)),
        None if !text.contains(['*', '?']) && !last.contains('.') => Some(GlobReach::Path),
        _ => None,
    }
}

fn last_segment(path: &str) -> Range<usize> {
    path.rfind('/').map_or(0, |at| at + 1)..path.len()
}

/// A word: no extension, and nothing that names go on from, as in `/img_*` or `/apple-touch-icon*`.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "favicon" && name.chars().all(char::is_alphanumeric)
}

fn is_plain_folder(folder: &str) -> bool {
    !folder.contains(['*', '?'])
}

/// The folders that a text names something in, down to [`MAX_DEPTH`].
fn parents(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim_end_matches('/');
    text.match_indices('/').take(MAX_DEPTH).filter_map(|(at, _)| text.get(..at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_that_looks_as_if_it_meant_all_below_is_known_by_how_far_it_reaches() {
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
