//! The Content-Security-Policy of an HTML page. It forbids everything except the page's own inline styles and scripts,
//! which it allows by hash (CSP Level 3, section 2.3.1).

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use html5gum::{HtmlString, Token, Tokenizer};
use http::HeaderValue;
use sha2::{Digest, Sha256};

use super::html::state_after;

const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The policy for an image, in case that it is opened as a page.
pub(super) const IMAGE: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Returns the policy for `html`. It does not allow `style="…"` and `onclick="…"` attributes.
pub(super) fn policy(html: &str) -> HeaderValue {
    let elements = inline_elements(html);
    let mut policy = POLICY.to_owned();
    for (directive, name) in [("style-src", "style"), ("script-src", "script")] {
        let contents = elements.iter().filter(|element| element.0 == name).map(|element| &element.1);
        let hashes: BTreeSet<String> =
            contents.map(|text| STANDARD.encode(Sha256::digest(&**text))).collect();
        if !hashes.is_empty() {
            let _ = write!(policy, "; {directive}");
        }
        for hash in hashes {
            let _ = write!(policy, " 'sha256-{hash}'");
        }
    }
    HeaderValue::from_maybe_shared(policy).unwrap_or(HeaderValue::from_static(POLICY))
}

/// Returns the policy for `html` with a form, which goes to the same origin.
pub fn policy_for_form(html: &str) -> HeaderValue {
    let policy = policy(html);
    let allowing = policy.to_str().map(|policy| policy.replace("form-action 'none'", "form-action 'self'"));
    allowing.ok().and_then(|policy| HeaderValue::try_from(policy).ok()).unwrap_or(policy)
}

/// Finds the `<style>` and `<script>` elements that contain text: their names, and the text as a browser hashes it.
fn inline_elements(html: &str) -> Vec<(&'static str, HtmlString)> {
    let mut tokenizer = Tokenizer::new(html);
    let mut elements = Vec::new();
    let mut open = None;
    while let Some(Ok(token)) = tokenizer.next() {
        match token {
            Token::StartTag(tag) => {
                open = ["style", "script"].into_iter().find(|name| tag.name.as_slice() == name.as_bytes());
                tokenizer.set_state(state_after(&tag.name));
            }
            Token::EndTag(_) => open = None,
            Token::String(text) => elements.extend(open.map(|name| (name, text.value))),
            _ => {}
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(html: &str) -> Vec<(&'static str, String)> {
        let text = |text: HtmlString| String::from_utf8(text.0).unwrap();
        inline_elements(html).into_iter().map(|(name, content)| (name, text(content))).collect()
    }

    #[test]
    fn inline_elements_are_found_as_a_browser_finds_them() {
        for (html, expected) in [
            ("<style>a</style><script>b</script>", &[("style", "a"), ("script", "b")][..]),
            ("<SCRIPT>a</sCrIpT><Style\n>b</STYLE\t>", &[("script", "a"), ("style", "b")]),
            (
                "<script>a</script ><script>b</script/><script>c</script x='>'>",
                &[("script", "a"), ("script", "b"), ("script", "c")],
            ),
            ("<script>a</scripty>b</script>", &[("script", "a</scripty>b")]),
            // Attributes
            ("<script type='a>b' async>x</script>", &[("script", "x")]),
            ("<style media = \"a>b\">x</style>", &[("style", "x")]),
            ("<style media=a\"b>x</style>", &[("style", "x")]),
            ("<style = '>x</style>", &[("style", "x")]),
            ("<style a='b'c=\"d\">x</style>", &[("style", "x")]),
            ("<div title='<script>a</script>'>", &[]),
            ("<div title=\"<script>\" id=x><script>b</script>", &[("script", "b")]),
            ("<br/><script/>b</script>", &[("script", "b")]),
            ("<script src='a.js'></script>", &[]),
            ("<script type=application/json>{}</script>", &[("script", "{}")]),
            // Comments
            ("<!-- <script>a</script> --><script>b</script>", &[("script", "b")]),
            ("<!--><script>b</script>-->", &[("script", "b")]),
            ("<!---><script>b</script>-->", &[("script", "b")]),
            ("<!-- --!><script>b</script>-->", &[("script", "b")]),
            ("<!-- a -- > <script>b</script>", &[]),
            ("<!doctype html><?xml <script?><script>b</script>", &[("script", "b")]),
            ("</ <script>><script>b</script>", &[("script", "b")]),
            ("a < b <script>b</script>", &[("script", "b")]),
            // Text elements
            ("<title><script>a</script></title><style>b</style>", &[("style", "b")]),
            ("<textarea><style>a</style></textarea>", &[]),
            ("<style><script>a</script></style>", &[("style", "<script>a</script>")]),
            ("<script>'<style>'</script>", &[("script", "'<style>'")]),
            ("<noscript><style>b</style></noscript>", &[("style", "b")]),
            ("<scripty>a</scripty><styles>b</styles>", &[]),
            ("<plaintext><script>a</script>", &[]),
            // Escaped scripts
            ("<script><!-- a --></script>b</script>", &[("script", "<!-- a -->")]),
            ("<script><!-- a </script>b", &[("script", "<!-- a ")]),
            ("<script><!-- <script> </script> --></script>b", &[("script", "<!-- <script> </script> -->")]),
            ("<script><!-- <script> --></script>b</script>", &[("script", "<!-- <script> -->")]),
            ("<script><!--><script></script>b</script>", &[("script", "<!--><script>")]),
            ("<script><!-- <scripty> </script>b", &[("script", "<!-- <scripty> ")]),
            // The end
            ("<style>a", &[("style", "a")]),
            ("<script", &[]),
            ("<script x='", &[]),
            ("<!-- <script>a</script>", &[]),
            ("<", &[]),
            ("", &[]),
            ("\u{1f642}<style>\u{1f642}</style>\u{1f642}", &[("style", "\u{1f642}")]),
        ] {
            let expected: Vec<_> = expected.iter().map(|&(name, text)| (name, text.to_owned())).collect();
            assert_eq!(found(html), expected, "{html}");
        }
    }

    #[test]
    fn the_policy_lists_each_hash_once() {
        // From `printf b | openssl dgst -sha256 -binary | base64`, and of "a\nb".
        let (b, lines) =
            ("PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0=", "fhj3NzEbLcOy8mndeDlrA1HxT7Zu+oefdoyyMYGIPHg=");
        for (html, expected) in [
            ("<p>", String::new()),
            ("<style>b</style><style>b</style>", format!("; style-src 'sha256-{b}'")),
            ("<script>b</script>", format!("; script-src 'sha256-{b}'")),
            (
                "<script>b</script><style>b</style>",
                format!("; style-src 'sha256-{b}'; script-src 'sha256-{b}'"),
            ),
            ("<style>a\r\nb</style>", format!("; style-src 'sha256-{lines}'")),
            ("<style>a\rb</style>", format!("; style-src 'sha256-{lines}'")),
            (
                "<script>\0</script>",
                "; script-src 'sha256-g9VEzMIjwFfSv4DT8qMpgsMsPA244mdIINpQZHg/sJc='".to_owned(),
            ),
        ] {
            assert_eq!(policy(html).to_str().unwrap(), format!("{POLICY}{expected}"), "{html}");
        }
    }
}
