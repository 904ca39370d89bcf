//! Warns of markup in templates that browsers block, that lets a message break the page, or that needs a file which visitors
//! do not get while the site is down.

mod element;
mod style;
mod url;

use std::ops::Range;
use std::sync::Arc;

use html5gum::{DefaultEmitter, Token, Tokenizer};

use super::LintInput;
use crate::config::diagnostic::{Diagnostic, Location, Severity};
use crate::matching::exempt::Exemptions;
use crate::page::html::state_after;

/// What is wrong with a template that renders.
#[derive(Debug, PartialEq, Eq)]
struct MarkupFault {
    /// The place of it.
    span: Range<usize>,
    message: String,
    help: String,
}

impl MarkupFault {
    fn new(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: help.into() }
    }

    /// Creates the fault of something that browsers block, which `message` says.
    fn blocked(span: Range<usize>, message: &str, help: &str) -> Self {
        Self::new(span, format!("{message}: the page's Content-Security-Policy forbids it"), help)
    }
}

pub(super) fn lint(input: &LintInput<'_>) {
    for source in input.templates {
        for MarkupFault { span, message, help } in faults(&source.text, &input.config.rules.exemptions) {
            let place = Some(Location { source: Arc::clone(source), span });
            input.report.push(Diagnostic { severity: Severity::Warning, message, place, help: Some(help) });
        }
    }
}

/// Returns the faults of a template, in its order.
fn faults(template: &str, exemptions: &Exemptions) -> Vec<MarkupFault> {
    let (html, expressions) = without_statements(template);
    let mut faults: Vec<_> = expressions.into_iter().filter_map(|span| unescaped(template, span)).collect();
    let mut tokenizer = Tokenizer::new_with_emitter(html.as_str(), DefaultEmitter::<usize>::new_with_span());
    let mut in_style = false;
    while let Some(Ok(token)) = tokenizer.next() {
        match token {
            Token::StartTag(tag) => {
                in_style = &**tag.name == b"style";
                tokenizer.set_state(state_after(&tag.name));
                faults.extend(element::faults(&tag, exemptions));
            }
            Token::EndTag(_) => in_style = false,
            Token::String(text) if in_style => {
                let css = html.get(text.span.start..text.span.end).unwrap_or_default();
                faults.extend(style::faults(css, text.span.start, exemptions));
            }
            _ => {}
        }
    }
    faults.sort_by_key(|fault| fault.span.start);
    faults
}

/// Stands for a value that is known only when the page is rendered.
const VALUE: char = '\u{1}';

/// Replaces what is the template engine's with characters of one byte, so that all places stay the same: expressions by
/// [`VALUE`], comments and statements by spaces. Returns the places of the expressions too.
fn without_statements(template: &str) -> (String, Vec<Range<usize>>) {
    let mut html = String::with_capacity(template.len());
    let mut expressions = Vec::new();
    let mut rest = template;
    while let Some((start, close, filler)) = next_tag(rest) {
        let (before, tag) = rest.split_at(start);
        let length = tag.find(close).map_or(tag.len(), |end| end + close.len());
        let (tag, after) = tag.split_at(length);
        html.push_str(before);
        if filler == VALUE {
            expressions.push(html.len()..html.len() + tag.len());
        }
        html.extend(std::iter::repeat_n(filler, tag.len()));
        rest = after;
    }
    html.push_str(rest);
    (html, expressions)
}

/// Returns the next place of a tag of the engine, the end of such a tag, and the character that replaces it.
fn next_tag(text: &str) -> Option<(usize, &'static str, char)> {
    let kinds = [("{{", "}}", VALUE), ("{%", "%}", ' '), ("{#", "#}", ' ')];
    let found = kinds.into_iter().filter_map(|(open, close, filler)| Some((text.find(open)?, close, filler)));
    found.min_by_key(|(start, ..)| *start)
}

/// Finds `{{ message|safe }}`, of which `span` is the whole.
fn unescaped(template: &str, span: Range<usize>) -> Option<MarkupFault> {
    let expression = template.get(span.clone())?.strip_prefix("{{")?.strip_suffix("}}")?;
    let mut parts = expression.split('|');
    let value = parts.next()?;
    let mut start = span.start + 2 + value.len() + 1;
    for filter in parts {
        let is_safe = filter.trim().trim_end_matches('-').trim_end() == "safe";
        if is_safe && value.trim_start_matches('-').trim() == "message" {
            let start = start + filter.len() - filter.trim_start().len();
            let message =
                "`safe` puts the message on the page as HTML, unescaped: a `<` in it may break the page";
            return Some(MarkupFault::new(start..start + 4, message, "remove `|safe`"));
        }
        start += filter.len() + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::matching::exempt::{Rule, RuleKind};

    /// Returns the marked texts of a template while `/images/**` is exempt.
    fn marked(template: &str) -> Vec<String> {
        let text = |fault: MarkupFault| template.get(fault.span).unwrap().to_owned();
        faults(template, &exemptions()).into_iter().map(text).collect()
    }

    fn exemptions() -> Exemptions {
        let rule = Rule { kind: RuleKind::Path, text: "/images/**".to_owned(), line: 1 };
        Exemptions::new(vec![rule]).unwrap()
    }

    #[test]
    fn forbidden_and_unescaped_markup_is_found_in_markup_alone() {
        for (template, found) in [
            ("<p style=\"color: red\">", &["style"][..]),
            ("<a href='/' onclick=\"go()\" STYLE=x>", &["onclick", "STYLE"]),
            ("<p class=\"a style=b\">", &[]),
            ("<p data-style=a one>", &[]),
            ("style=\"a\"", &[]),
            ("<!-- <p style=a> -->", &[]),
            ("{# <p style=a> {{ message|safe }} #}", &[]),
            ("<script>x = '<p onclick=a>'</script>", &[]),
            ("<style>p{}</style><p onload=a>", &["onload"]),
            ("<textarea><p onload=a></textarea>", &[]),
            ("<noscript><p onload=a></noscript>", &["onload"]),
            ("{% if 1 < 2 %}<p {% if until %}style=a{% endif %}>{% endif %}", &["style"]),
            ("é{{ message|safe }}", &["safe"]),
            ("{{ message | trim | safe }}", &["safe"]),
            ("{{- message|safe -}}", &["safe"]),
            ("<p title=\"{{ message|safe }}\" style=a>", &["safe", "style"]),
            ("{{ message }} {{ until|safe }}", &[]),
            ("{{ message", &[]),
            ("{% if", &[]),
            ("<p style", &[]),
            ("", &[]),
        ] {
            assert_eq!(marked(template), found, "{template}");
        }
    }

    #[test]
    fn what_the_policy_blocks_is_found() {
        for (template, found) in [
            // Styles and scripts
            ("<link rel=stylesheet href=/images/a.css>", &["href"][..]),
            ("<link rel='alternate StyleSheet' href=a.css>", &["href"]),
            ("<link rel=preload as=style href=/images/a.css>", &["href"]),
            ("<link rel=modulepreload href=/images/a.js>", &["href"]),
            ("<link rel=manifest href=/images/a.json>", &["href"]),
            ("<link rel=canonical href=https://a.example/>", &[]),
            ("<script src=/images/a.js></script>", &["src"]),
            ("<script src='{{ status }}.js' async></script>", &["src"]),
            ("<script type=module>1</script>", &[]),
            ("<a href='javascript:history.back()'>", &["href"]),
            ("<a href=' JavaScript:x'>", &["href"]),
            // Images
            ("<img src=https://cdn.example/a.png>", &["src"]),
            ("<img src=//cdn.example/a.png>", &["src"]),
            ("<img src='HTTPS://cdn.example/a.png'>", &["src"]),
            ("<img src=data:image/png;base64,AA== alt=x>", &[]),
            ("<img src='{{ logo }}'><img src={{ logo }}>", &[]),
            ("<img srcset='data:image/png;base64,AA== 1x, //cdn.example/a.png 2x'>", &["srcset"]),
            (
                "<picture><source srcset='/images/a.avif, /images/b.avif 2x'><img src=/images/a.png></picture>",
                &[],
            ),
            ("<picture><source srcset=https://cdn.example/a.avif></picture>", &["srcset"]),
            ("<input type=image src=//cdn.example/a.png>", &["src"]),
            ("<svg><image href=//cdn.example/a.png /></svg>", &["href"]),
            ("<svg><image xlink:href=//cdn.example/a.png /><use href=#a /></svg>", &["xlink:href"]),
            ("<link rel=icon href=https://cdn.example/a.ico>", &["href"]),
            ("<link rel='shortcut icon' href=data:,>", &[]),
            ("<link rel=apple-touch-icon href=//cdn.example/a.png>", &["href"]),
            // Media and frames
            ("<video src=/images/a.mp4 poster=//cdn.example/a.png></video>", &["src", "poster"]),
            ("<audio src=/images/a.mp3></audio>", &["src"]),
            ("<video><source src=/images/a.mp4><track src=/images/a.vtt></video>", &["src", "src"]),
            ("<iframe src=/images/></iframe>", &["iframe"]),
            ("<object data=/images/a.svg></object><embed src=/images/a.svg>", &["object", "embed"]),
            // Forms and base
            ("<form action=/images/ method=post><button formaction=/>", &["form", "formaction"]),
            ("<form>", &["form"]),
            ("<form method=dialog>", &[]),
            ("<base href=/images/>", &["base"]),
            ("<base target=_blank>", &[]),
            // Styles
            ("<style>@import 'a.css'; p { color: red }</style>", &["@import"]),
            ("<style>@IMPORT url(a.css);</style>", &["@IMPORT"]),
            ("<style>p { background: url(//cdn.example/a.png) }</style>", &["url(//cdn.example/a.png)"]),
            ("<style>p { background: url('/images/a.png'), url(data:image/png;base64,AA==) }</style>", &[]),
            ("<style>@font-face { src: url(https://a.example/b) }</style>", &["url(https://a.example/b)"]),
            (
                "<style>@font-face { src: url(\"data:font/woff2,A\") }</style>",
                &["url(\"data:font/woff2,A\")"],
            ),
            (
                "<style>@font-face { src: local(A), url(/images/a.woff2) } p { background: url(data:,) }</style>",
                &[],
            ),
            ("<style>/* @import 'a.css'; url(//a.example) */ p { fill: url(#a) }</style>", &[]),
            ("<style>p { background: url(</style>", &[]),
            ("url(//cdn.example/a.png) @import", &[]),
            ("<style></style>url(//cdn.example/a.png)", &[]),
        ] {
            assert_eq!(marked(template), found, "{template}");
        }
    }

    #[test]
    fn a_file_of_this_site_must_be_exempt_and_its_path_absolute() {
        let fault = |template: &str| {
            let mut found = faults(template, &exemptions());
            found.pop().map(|fault| (fault.message, fault.help))
        };
        let not_exempt = |path: &str, help: &str| {
            let message = format!("visitors do not get `{path}` while the site is down: it is not exempt");
            Some((message, format!("add `\"{path}\"` to `exact` in [exempt]{help}")))
        };
        let data = ", or write the image as a `data:` URL";
        let relative = |path: &str, absolute: &str| {
            let message = format!("`{path}` is relative to the page that a visitor opens");
            Some((message, format!("write the absolute path, such as `{absolute}`, and exempt it")))
        };
        for (template, expected) in [
            ("<img src=/logo.png>", not_exempt("/logo.png", data)),
            ("<img src='/logo.png?v=2#x'>", not_exempt("/logo.png", data)),
            ("<img srcset='/images/a.png 1x, /b.png 2x'>", not_exempt("/b.png", data)),
            ("<link rel=icon href=/icon.svg>", not_exempt("/icon.svg", data)),
            ("<style>p { background: url(/a.png) }</style>", not_exempt("/a.png", data)),
            ("<style>@font-face { src: url(/a.woff2) }</style>", not_exempt("/a.woff2", "")),
            ("<img src=logo.png>", relative("logo.png", "/logo.png")),
            ("<img src='./a/logo.png'>", relative("./a/logo.png", "/a/logo.png")),
            ("<style>p { background: url( '../a.png' ) }</style>", relative("../a.png", "/a.png")),
            ("<img src=/images/logo.png>", None),
            ("<link rel=icon href=/favicon.ico>", None),
            ("<img src='/{{ lang }}.png'>", None),
            ("<img src=''><img src=#a>", None),
        ] {
            assert_eq!(fault(template), expected, "{template}");
        }
    }

    #[test]
    fn the_shipped_templates_have_none() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        // The page that takes a bypass has a form, a policy of its own, and its styles in another file.
        let is_page =
            |path: &PathBuf| path.extension() == Some("html".as_ref()) && !path.ends_with("enter.html");
        let pages: Vec<_> = paths.filter(is_page).collect();
        assert!(!pages.is_empty());
        for page in pages {
            let template = std::fs::read_to_string(&page).unwrap();
            assert_eq!(faults(&template, &Exemptions::default()), [], "{}", page.display());
        }
    }
}
