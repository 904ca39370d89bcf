//! Hides secrets in the lines of the file that diagnostics show: those of bypasses, and the paths of webhooks' URLs.

use std::borrow::Cow;
use std::ops::Range;

/// Keys whose value may be the secret of a bypass, by mistake: the file has only the hash of it.
const KEYS: [&str; 2] = ["hash", "secret"];
const PREFIX: &str = "sha256:";

/// Replaces each byte of a secret by `*`, so that places in the line stay where they are.
pub(super) fn without_secrets(line: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(line);
    let of_bypasses = KEYS.iter().flat_map(|key| values(line, key)).map(|value| secret(line, value));
    for secret in of_bypasses.chain(values(line, "url").map(|value| path(line, value))) {
        shown.to_mut().replace_range(secret.clone(), &"*".repeat(secret.len()));
    }
    shown
}

/// Finds what follows the equals signs of a key: up to the quotation mark that ends it, or to the end of the line.
fn values<'l>(line: &'l str, key: &'l str) -> impl Iterator<Item = Range<usize>> + 'l {
    line.match_indices(key).filter_map(move |(at, _)| {
        let after = at + key.len();
        let rest = line.get(after..)?.trim_start_matches(['"', '\'', ' ', '\t']);
        let value = rest.strip_prefix('=')?.trim_start();
        let start = line.len() - value.len();
        let Some(quote) = value.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
            return Some(start..line.len());
        };
        let text = value.trim_start_matches(quote);
        let start = line.len() - text.len();
        Some(start..text.find(quote).map_or(line.len(), |length| start + length))
    })
}

/// Returns the part of a value that may be a secret: not the digits of a hash.
fn secret(line: &str, value: Range<usize>) -> Range<usize> {
    let text = line.get(value.clone()).unwrap_or_default();
    let digits = text.strip_prefix(PREFIX);
    let is_hash = digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_hash { value.end..value.end } else { value }
}

/// Returns what follows the host of a URL; or the scheme, if there is a user name or a password.
fn path(line: &str, value: Range<usize>) -> Range<usize> {
    let text = line.get(value.clone()).unwrap_or_default();
    let authority = text.find("://").map_or(0, |at| at + "://".len());
    let rest = text.get(authority..).unwrap_or_default();
    let length = rest.find(['/', '?', '#']).map_or(rest.len(), |length| length + 1);
    let shown = if rest.contains('@') { 0 } else { length };
    // A list is the value of another key, under the wrong name.
    if text.starts_with('[') { value.end..value.end } else { value.start + authority + shown..value.end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_a_secret_is_hidden() {
        for (line, shown) in [
            ("hash = \"correct horse\" # of QA", "hash = \"*************\" # of QA"),
            ("hash = 'abc'", "hash = '***'"),
            ("hash=\"unterminated", "hash=\"************"),
            ("hash = bare", "hash = ****"),
            ("\"hash\" = \"abc\"", "\"hash\" = \"***\""),
            ("bypass = [{ hash = \"abc\", until = 1 }]", "bypass = [{ hash = \"***\", until = 1 }]"),
            ("secret = \"d\u{e9}j\u{e0}\"", "secret = \"******\""),
            ("hash = \"sha256:9f86\"", "hash = \"sha256:9f86\""),
            ("hash = \"sha256:my secret\"", "hash = \"****************\""),
            ("hash = \"\"\"abc\"\"\"", "hash = \"\"\"***\"\"\""),
            ("name = \"hash\"", "name = \"hash\""),
            ("url = \"https://a.example/x?y\"", "url = \"https://a.example/***\""),
            ("url = \"https://a.example\" # it", "url = \"https://a.example\" # it"),
            ("url = \"a.example/x\"", "url = \"a.example/*\""),
            (
                "{ url = 'http://127.0.0.1/x', events = ['down'] }",
                "{ url = 'http://127.0.0.1/*', events = ['down'] }",
            ),
            ("url = \"https://user:pw@a.example\"", "url = \"https://*****************\""),
            ("url = [\"/admin/**\"]", "url = [\"/admin/**\"]"),
            ("[\"url\", \"x\"]", "[\"url\", \"x\"]"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(line), shown, "{line}");
        }
    }
}
