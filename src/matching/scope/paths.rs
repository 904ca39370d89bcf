//! The paths of a scope, and the spellings in which a site may accept them.

use std::borrow::Cow;

use crate::invalid_value::InvalidValue;
use crate::matching::glob::PathGlobs;

/// The paths of a scope.
///
/// A site may accept several spellings of a path, so all of them are covered: case is ignored, and so are dots and spaces at
/// the end of a segment and a trailing slash. A path that is not canonical, or takes too long to compare, is always covered: when in
/// doubt, it is down.
#[derive(Clone, Debug, Default)]
pub struct ScopePaths {
    texts: Vec<String>,
    /// The globs in the forms that are compared.
    pub(super) folded: Vec<String>,
    globs: PathGlobs,
}

impl ScopePaths {
    /// Compiles globs that [`PathGlobs::check`] accepts.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, InvalidValue> {
        let texts: Vec<_> = texts.into_iter().map(str::to_owned).collect();
        let forms = texts.iter().flat_map(|text| case_foldings(text));
        let folded: Vec<_> = forms.map(|text| without_endings(&text).into_owned()).collect();
        Ok(Self { globs: PathGlobs::compile(&folded)?, texts, folded })
    }

    /// Returns the globs, as they are in the file.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Returns true if a glob matches a spelling of a decoded path.
    pub(super) fn covers(&self, path: &str) -> bool {
        spellings(path).any(|path| self.globs.may_match(&path))
    }
}

/// Returns the forms of a path that globs are compared with. Endings are kept and removed in turn: a glob such as `/a/*` may
/// match the ending of `/a/`, and a site may ignore some endings and not others.
pub(super) fn spellings(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let plain = is_plain(path);
    let others = (!plain).then(|| other_spellings(path)).into_iter().flatten().map(Cow::Owned);
    plain.then_some(Cow::Borrowed(path)).into_iter().chain(others)
}

/// Returns true if a path has only one spelling. This is the fast path: it holds for most requests.
fn is_plain(path: &str) -> bool {
    let is_ending = |byte: u8| matches!(byte, b'/' | b'.' | b' ');
    let mut last = b'.';
    for (at, byte) in path.bytes().enumerate() {
        if !byte.is_ascii() || byte.is_ascii_uppercase() || at > 0 && byte == b'/' && is_ending(last) {
            return false;
        }
        last = byte;
    }
    path.len() == 1 || !is_ending(last)
}

fn other_spellings(path: &str) -> impl Iterator<Item = String> {
    case_foldings(path).into_iter().chain(in_single_bytes(path)).flat_map(|path| {
        let shorter = |bare: &str| (bare.len() < path.len() && !bare.is_empty()).then(|| bare.to_owned());
        let without_slash = shorter(path.trim_end_matches('/'));
        let without_end = shorter(path.trim_end_matches(['/', '.', ' ']));
        let bare = match without_endings(&path) {
            Cow::Owned(bare) => Some(bare),
            Cow::Borrowed(_) => None,
        };
        [Some(path.into_owned()), without_slash, without_end, bare].into_iter().flatten()
    })
}

/// Returns the forms of a text without differences in case. Outside of ASCII there are two: one maps each character to one
/// character, the other maps `ß` to `ss`.
fn case_foldings(text: &str) -> Vec<Cow<'_, str>> {
    if text.is_ascii() {
        let has_case = text.bytes().any(|byte| byte.is_ascii_uppercase());
        return vec![if has_case { text.to_ascii_lowercase().into() } else { text.into() }];
    }
    let fold = |c| map_to_one(map_to_one(c, char::to_uppercase), char::to_lowercase);
    let by_character: String = text.chars().map(fold).collect();
    // Some letters share an upper-case form, and some a lower-case form.
    let lower = text.chars().flat_map(char::to_lowercase);
    let whole: String = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    let differs = whole != by_character;
    [by_character].into_iter().chain(differs.then_some(whole)).map(Cow::Owned).collect()
}

/// Returns the text with one byte for each character, because a `?` in a glob matches one byte.
fn in_single_bytes(text: &str) -> Option<Cow<'_, str>> {
    // No canonical path contains this character.
    let one_byte = |c: char| if c.is_ascii() { c.to_ascii_lowercase() } else { '\u{1}' };
    (!text.is_ascii()).then(|| text.chars().map(one_byte).collect())
}

/// Maps a character, unless the result is more than one character.
fn map_to_one<I: Iterator<Item = char>>(c: char, to: impl Fn(char) -> I) -> char {
    let mut mapped = to(c);
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// Removes dots and spaces at the end of each segment, and trailing slashes.
fn without_endings(path: &str) -> Cow<'_, str> {
    let has_ending =
        path.len() > 1 && path.ends_with(['/', '.', ' ']) || path.contains("./") || path.contains(" /");
    if !has_ending {
        return Cow::Borrowed(path);
    }
    let segments: Vec<_> = path.split('/').map(|segment| segment.trim_end_matches(['.', ' '])).collect();
    let path = segments.join("/");
    let bare = path.trim_end_matches('/');
    Cow::Owned(if bare.is_empty() { "/".to_owned() } else { bare.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_covered_in_each_of_its_cases() {
        for c in ('\0'..=char::MAX).filter(|c| c.to_lowercase().ne([*c]) || c.to_uppercase().ne([*c])) {
            let (own, lower, upper) =
                (format!("/{c}"), c.to_lowercase().to_string(), c.to_uppercase().to_string());
            let paths = ScopePaths::new([own.as_str()]).unwrap();
            for case in [lower, upper] {
                assert!(paths.covers(&format!("/{case}")), "{c} {case}");
                assert!(ScopePaths::new([format!("/{case}").as_str()]).unwrap().covers(&own), "{case} {c}");
            }
        }
    }

    /// Without their endings, these would be refused in a file: as a list of paths, and as a regular expression.
    #[test]
    fn a_valid_glob_is_compiled_in_whatever_form_it_is_compared() {
        for glob in ["/,./:", "/a.+.", "/a/(.*)."] {
            PathGlobs::check(glob).unwrap();
            assert!(ScopePaths::new([glob]).unwrap().covers(glob), "{glob}");
        }
    }
}
