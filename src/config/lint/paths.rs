//! Globs of paths that reach less far than they seem to, in an exemption as in the scope of a period.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;

use super::Subject;
use crate::config::diagnostic::Severity;
use crate::config::document::Texts;

/// No more folders of one glob are remembered.
const MAX_DEPTH: usize = 64;

/// Where a list of globs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// `[exempt] paths`: what is not reached is down.
    Exempt,
    /// `[[period]] paths`: what is not reached is open.
    Scope,
}

/// How far a glob reaches that looks as if it meant all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach<'t> {
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
    list: List,
    /// The folders that one of them names something in.
    parents: HashSet<&'t str>,
}

impl<'t> Globs<'t> {
    pub(super) fn new(list: List, texts: impl Iterator<Item = &'t str>) -> Self {
        Self { list, parents: texts.flat_map(parents).collect() }
    }

    /// Says so if a glob of the list probably reaches less far than was meant.
    pub(super) fn lint(&self, written: &Spanned<String>, subject: &Subject<'_>) {
        let text = written.get_ref().as_str();
        let Some(reach) = reach(text).filter(|reach| !self.is_meant(text, *reach)) else { return };
        let what = if self.list == List::Exempt { "exempts" } else { "covers" };
        let message = match reach {
            Reach::Path => format!("this {what} `{text}` alone, and nothing below it"),
            Reach::Level("") => format!("this {what} one level: `/a`, but not `/a/b`"),
            Reach::Level(stem) => format!("this {what} one level: `{stem}/a`, but not `{stem}/a/b`"),
            Reach::Prefix(stem) => {
                format!("this {what} what begins with `{stem}` in one segment: `{stem}x`, but not `{stem}/a`")
            }
            Reach::Dots(stem) => {
                format!("this {what} what begins with a dot: `{stem}/.a`, but not `{stem}/a`")
            }
            Reach::Slash(stem) => {
                format!("this {what} what ends in `/`: `{stem}/a/`, but not `{stem}/a`")
            }
            Reach::Query(stem, rest) => {
                format!("this {what} no query: `?` stands for one character, as in `{stem}x{rest}`")
            }
        };
        subject.tell(self.severity(reach), written.span(), message, self.help(reach, text));
    }

    /// An exemption of one level is often meant so, and closed where it is not.
    fn severity(&self, reach: Reach<'_>) -> Severity {
        match (self.list, reach) {
            (List::Exempt, Reach::Level(_) | Reach::Prefix(_)) => Severity::Note,
            _ => Severity::Warning,
        }
    }

    fn help(&self, reach: Reach<'_>, text: &str) -> String {
        match (self.list, reach) {
            (List::Exempt, Reach::Path) => {
                let stem = text.trim_end_matches('/');
                format!("write `{stem}/**`, which covers `{stem}` too; or move it to `exact`")
            }
            (List::Scope, Reach::Path) => {
                let stem = text.trim_end_matches('/');
                format!("write `{stem}/**`, which covers `{stem}` too: what it does not cover is open")
            }
            (_, Reach::Level(stem)) => format!("did you mean `{stem}/**`, which covers all below?"),
            (_, Reach::Prefix(stem) | Reach::Dots(stem) | Reach::Slash(stem)) => {
                format!("did you mean `{stem}/**`, which covers `{stem}` and all below?")
            }
            (List::Exempt, Reach::Query(stem, _)) => {
                format!("write `{stem}` in `exact`: it passes whatever the query is")
            }
            (List::Scope, Reach::Query(stem, _)) => {
                format!("write `{stem}/**`, which covers `{stem}` too, whatever the query is")
            }
        }
    }

    /// Another glob names something below it, so what is below was thought of.
    fn is_meant(&self, text: &str, reach: Reach<'_>) -> bool {
        match reach {
            Reach::Path => self.parents.contains(text.trim_end_matches('/')),
            Reach::Level(_) => self.parents.contains(text),
            Reach::Prefix(stem) => self.parents.contains(stem) || self.parents.contains(text),
            // A scope takes a slash at the end for none.
            Reach::Slash(_) => self.list == List::Scope,
            Reach::Dots(_) | Reach::Query(..) => false,
        }
    }
}

/// Looks at the paths of each period to come.
pub(super) fn lint(subject: &Subject<'_>) {
    for (table, _) in subject.live_periods() {
        let globs = Globs::new(List::Scope, texts(&table.paths));
        for written in table.paths.iter().flat_map(Spanned::get_ref) {
            globs.lint(written, subject);
        }
    }
}

/// Warns of a star in an exact path, which is not a glob.
pub(super) fn warn_of_star(written: &Spanned<String>, subject: &Subject<'_>) {
    let text = written.get_ref();
    let message =
        format!("this exempts one path, with a `*` in it: `exact` does not read `{text}` as a glob");
    subject.warn(written.span(), message, "move it to `paths`");
}

fn texts(list: &Texts) -> impl Iterator<Item = &str> {
    list.iter().flat_map(Spanned::get_ref).map(|text| text.get_ref().as_str())
}

fn reach(text: &str) -> Option<Reach<'_>> {
    if let Some((stem, rest)) = text.split_once('?')
        && rest.contains(['=', '&'])
    {
        return Some(Reach::Query(stem, rest));
    }
    if let Some(stem) = text.strip_suffix("/**/") {
        return Some(Reach::Slash(stem));
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
        Some("") => Some(Reach::Level(folder)),
        Some(".") if is_plain_folder(folder) => Some(Reach::Dots(folder)),
        Some(name) if is_plain(name) && !is_plain_folder(folder) => None,
        Some(name) if is_plain(name) => Some(Reach::Prefix(text.get(..end - 1)?)),
        None if !text.contains(['*', '?']) && !last.contains('.') => Some(Reach::Path),
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
            ("/shop", Some(Reach::Path)),
            ("/shop/", Some(Reach::Path)),
            ("/a/shop", Some(Reach::Path)),
            ("/", None),
            ("/shop.html", None),
            ("/shop/**", None),
            ("/**", None),
            ("/**/shop", None),
            ("/*", Some(Reach::Level(""))),
            ("/shop/*", Some(Reach::Level("/shop"))),
            ("/a/*/*", Some(Reach::Level("/a/*"))),
            ("/shop*", Some(Reach::Prefix("/shop"))),
            ("/a/shop*", Some(Reach::Prefix("/a/shop"))),
            ("/shop/.*", Some(Reach::Dots("/shop"))),
            ("/.*", Some(Reach::Dots(""))),
            ("/**/.*", None),
            ("/shop/**/", Some(Reach::Slash("/shop"))),
            ("/*/shop", None),
            ("/*/shop*", None),
            ("/favicon*", None),
            ("/apple-touch-icon*", None),
            ("/img_*", None),
            ("/*.css", None),
            ("/a*b", None),
            ("/x?a=b", Some(Reach::Query("/x", "a=b"))),
            ("/x?a&b", Some(Reach::Query("/x", "a&b"))),
            ("/x?", None),
            ("/v?/a", None),
        ] {
            assert_eq!(reach(text), expected, "{text}");
        }
    }
}
