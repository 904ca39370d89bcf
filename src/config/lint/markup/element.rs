//! Faults of the elements of a template and of their attributes.

use std::ops::Range;

use html5gum::StartTag;

use super::MarkupFault;
use super::url::{self, Asset};
use crate::matching::exempt::Exemptions;

/// Returns the faults of a start tag.
pub(super) fn faults(tag: &StartTag<usize>, exemptions: &Exemptions) -> Vec<MarkupFault> {
    let element = Element { tag, name: text(&tag.name), exemptions };
    let mut faults: Vec<_> = element.blocked().into_iter().collect();
    for (name, value) in &tag.attributes {
        let (name, start) = (text(name), value.span.start);
        faults.extend(element.attribute(name, text(value), start..start + name.len()));
    }
    faults
}

struct Element<'a> {
    tag: &'a StartTag<usize>,
    name: &'a str,
    exemptions: &'a Exemptions,
}

impl Element<'_> {
    /// Returns the fault of the element as a whole.
    fn blocked(&self) -> Option<MarkupFault> {
        let start = self.tag.span.start + 1;
        let span = start..start + self.name.len();
        let has = |name: &str| self.get(name).is_some();
        let (message, help) = match self.name {
            "iframe" | "frame" | "embed" if has("src") => {
                ("browsers block this frame", "put its content into the page, or link to it")
            }
            "object" if has("data") => {
                ("browsers block this object", "put its content into the page, or link to it")
            }
            "form" if !self.get("method").is_some_and(|method| method.eq_ignore_ascii_case("dialog")) => {
                ("browsers do not send this form", "link to a page of another site, or to a mailbox")
            }
            "base" if has("href") => ("browsers ignore this `<base>`", "write each URL in full"),
            _ => return None,
        };
        Some(MarkupFault::blocked(span, message, help))
    }

    /// Returns the faults of an attribute.
    fn attribute(&self, name: &str, value: &str, span: Range<usize>) -> Vec<MarkupFault> {
        if let Some(fault) = self.blocked_attribute(name, value, &span) {
            return vec![fault];
        }
        let fault = |url: &str| url::fault(url, Asset::Image, span.clone(), self.exemptions);
        match (self.name, name) {
            ("img" | "source", "srcset") => url::of_source_set(value).filter_map(fault).take(1).collect(),
            ("link", "href") if self.is_link_to(&["preload"]) && self.get("as") == Some("font") => {
                url::fault(value, Asset::Font, span, self.exemptions).into_iter().collect()
            }
            ("link", "href") if self.is_icon() => fault(value).into_iter().collect(),
            ("img" | "input", "src") | ("video", "poster") | ("image" | "use", "href" | "xlink:href") => {
                fault(value).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the fault of an attribute that browsers ignore, whatever its value.
    fn blocked_attribute(&self, name: &str, value: &str, span: &Range<usize>) -> Option<MarkupFault> {
        let ignored = format!("browsers ignore `{name}=` here");
        let (message, help) = match (self.name, name) {
            (_, "style") => {
                (&*ignored, "use a class, and put its style into a `<style>` element of the page")
            }
            (_, _) if name.starts_with("on") && name.len() > 2 && !value.is_empty() => {
                (&*ignored, "add the listener in a `<script>` element of the page")
            }
            ("a", "href") if is_script(value) => {
                ("browsers ignore this link", "add a listener for it in a `<script>` element of the page")
            }
            (_, "formaction") => {
                ("browsers do not send this form", "link to a page of another site, or to a mailbox")
            }
            ("script", "src") => ("browsers block this script", "copy it into the `<script>` element"),
            ("video" | "audio" | "source" | "track", "src") => {
                ("browsers block audio and video", "use an image, or link to it")
            }
            ("link", "href") if self.is_style_sheet() => {
                ("browsers block this style sheet", "copy it into a `<style>` element of the page")
            }
            ("link", "href")
                if self.is_link_to(&["manifest", "modulepreload", "preload", "prefetch"])
                    && !self.is_asset() =>
            {
                ("browsers block this file", "remove the link")
            }
            _ => return None,
        };
        Some(MarkupFault::blocked(span.clone(), message, help))
    }

    fn is_style_sheet(&self) -> bool {
        self.is_link_to(&["stylesheet"]) || self.is_link_to(&["preload"]) && self.get("as") == Some("style")
    }

    /// Returns true for the preload of an image or a font.
    fn is_asset(&self) -> bool {
        self.is_link_to(&["preload"]) && matches!(self.get("as"), Some("image" | "font"))
    }

    fn is_icon(&self) -> bool {
        self.is_link_to(&["icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon"])
            || self.is_asset()
    }

    /// Returns true if `rel` has one of these values.
    fn is_link_to(&self, kinds: &[&str]) -> bool {
        let mut found = self.get("rel").unwrap_or_default().split_ascii_whitespace();
        found.any(|found| kinds.iter().any(|kind| kind.eq_ignore_ascii_case(found)))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.tag.attributes.get(name.as_bytes()).map(|value| text(value))
    }
}

fn is_script(url: &str) -> bool {
    let scheme = "javascript:";
    url.trim_start().get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// The text comes from a string, so it is UTF-8.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
