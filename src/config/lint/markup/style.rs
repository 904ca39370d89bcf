//! Faults in the style sheets of a template.

use super::MarkupFault;
use super::url::{self, Asset};
use crate::matching::exempt::Exemptions;

/// Returns the faults of the content of a `<style>` element, which begins at `offset` in the template.
pub(super) fn faults(css: &str, offset: usize, exemptions: &Exemptions) -> Vec<MarkupFault> {
    let css = without_comments(css).to_ascii_lowercase();
    let mut faults = Vec::new();
    let mut from = 0;
    while let Some((start, is_import)) = next(&css, from) {
        let rest = css.get(start..).unwrap_or_default();
        if is_import {
            let span = offset + start..offset + start + IMPORT.len();
            faults.push(MarkupFault::blocked(
                span,
                "browsers block this style sheet",
                "copy it into the page",
            ));
            from = start + rest.find(';').unwrap_or(rest.len());
            continue;
        }
        let Some(end) = rest.find(')') else { break };
        let url = rest.get(URL.len()..end).unwrap_or_default().trim().trim_matches(['"', '\'']);
        let span = offset + start..offset + start + end + 1;
        let asset = if is_in_font_face(&css, start) { Asset::Font } else { Asset::Image };
        faults.extend(url::fault(url, asset, span, exemptions));
        from = start + end;
    }
    faults
}

const IMPORT: &str = "@import";
const URL: &str = "url(";

/// Returns the next place of `@import` or `url(`, and true if it is the first of them.
fn next(css: &str, from: usize) -> Option<(usize, bool)> {
    let find = |text: &str| css.get(from..).and_then(|rest| rest.find(text)).map(|at| from + at);
    let found = [(find(IMPORT), true), (find(URL), false)];
    found.into_iter().filter_map(|(at, is_import)| Some((at?, is_import))).min()
}

/// Returns true if the innermost block at this place is that of a `@font-face` rule.
fn is_in_font_face(css: &str, at: usize) -> bool {
    let before =
        css.get(..at).and_then(|before| before.rfind("@font-face").and_then(|rule| before.get(rule..)));
    before.is_some_and(|rule| !rule.contains('}'))
}

/// Replaces comments with spaces, so that all places stay the same.
fn without_comments(css: &str) -> String {
    let mut text = css.to_owned();
    while let Some(start) = text.find("/*") {
        let comment = text.get(start..).unwrap_or_default();
        let length = comment.find("*/").map_or(comment.len(), |end| end + 2);
        text.replace_range(start..start + length, &" ".repeat(length));
    }
    text
}
