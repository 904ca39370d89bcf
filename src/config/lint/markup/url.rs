//! The URLs of images and fonts in a template.

use std::ops::Range;

use super::{MarkupFault, VALUE};
use crate::matching::exempt::Exemptions;
use crate::matching::path::RequestPath;
use crate::page::FAVICON;

/// The kind of file at a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asset {
    /// From this site, or a `data:` URL.
    Image,
    /// From this site alone.
    Font,
}

/// Returns the fault of the URL of an image or a font, if it has one. `span` is the place that is marked.
pub(super) fn fault(
    url: &str,
    asset: Asset,
    span: Range<usize>,
    exemptions: &Exemptions,
) -> Option<MarkupFault> {
    let url = url.trim();
    let is_data = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    if url.is_empty() || url.starts_with('#') || url.contains(VALUE) || is_data && asset == Asset::Image {
        return None;
    }
    if url.starts_with("//") || has_scheme(url) {
        return Some(match asset {
            Asset::Image => MarkupFault::blocked(
                span,
                "browsers block this image",
                "write it as a `data:` URL, or serve it from this site and exempt its path",
            ),
            Asset::Font => MarkupFault::blocked(
                span,
                "browsers block this font",
                "serve it from this site and exempt its path, or use a font of the system",
            ),
        });
    }
    let path = url.split(['?', '#']).next().unwrap_or_default();
    if !path.starts_with('/') {
        let message = format!("`{path}` is relative to the page that a visitor opens");
        let absolute = path.trim_start_matches(['.', '/']);
        let help = format!("write the absolute path, such as `/{absolute}`, and exempt it");
        return Some(MarkupFault::new(span, message, help));
    }
    let passes = path == FAVICON || exemptions.find(&RequestPath::new(path), None).is_some();
    (!passes).then(|| not_exempt(path, asset, span))
}

fn not_exempt(path: &str, asset: Asset, span: Range<usize>) -> MarkupFault {
    let message = format!("visitors do not get `{path}` while the site is down: it is not exempt");
    let or_data = match asset {
        Asset::Image => ", or write the image as a `data:` URL",
        Asset::Font => "",
    };
    MarkupFault::new(span, message, format!("add `\"{path}\"` to `exact` in [exempt]{or_data}"))
}

/// Returns true for an absolute URL (RFC 3986, section 3.1).
fn has_scheme(url: &str) -> bool {
    let Some((scheme, _)) = url.split_once(':') else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Returns the URLs in a `srcset` attribute, whose descriptors are such as `2x` and `640w`.
pub(super) fn of_source_set(value: &str) -> impl Iterator<Item = &str> {
    let candidates = value.split_ascii_whitespace().map(|part| part.trim_end_matches(','));
    candidates.filter(|part| !is_descriptor(part))
}

fn is_descriptor(text: &str) -> bool {
    let number = text.strip_suffix(['w', 'x', 'h']);
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}
