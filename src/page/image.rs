//! The formats of images that browsers show, recognised by content.

use std::fmt;

/// An image that cannot be a logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusableImage {
    /// It has no bytes.
    Empty,
    /// An SVG whose root element has no `xmlns`. Browsers do not show it as an image.
    NoNamespace,
    /// An SVG that is compressed. Browsers show it only with `Content-Encoding`, which a `data:` URL does not have.
    Compressed,
    /// Another format.
    UnknownFormat,
}

impl UnusableImage {
    /// Returns what to do about it.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Empty => "restore it from a backup, or name another file",
            Self::NoNamespace => {
                "add the attribute `xmlns=\"http://www.w3.org/2000/svg\"` to its `<svg>` element"
            }
            Self::Compressed => "decompress it: `gunzip -c logo.svgz > logo.svg`",
            Self::UnknownFormat => "convert it to SVG, PNG, JPEG, WebP, GIF or AVIF",
        }
    }
}

impl fmt::Display for UnusableImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::NoNamespace => "is an SVG without `xmlns`, which browsers do not show as an image",
            Self::Compressed => "is compressed",
            Self::UnknownFormat => "is not an image in a known format",
        })
    }
}

/// Returns the media type of an image.
pub fn media_type(bytes: &[u8]) -> Result<&'static str, UnusableImage> {
    match bytes {
        [] => Err(UnusableImage::Empty),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok("image/png"),
        [0xff, 0xd8, 0xff, ..] => Ok("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok("image/webp"),
        [0x1f, 0x8b, ..] => Err(UnusableImage::Compressed),
        _ if is_avif(bytes) => Ok("image/avif"),
        _ => svg(bytes),
    }
}

/// Returns true for a file type box (ISO/IEC 14496-12, section 4.3) with a brand of AVIF.
fn is_avif(bytes: &[u8]) -> bool {
    let Some(([a, b, c, d, b'f', b't', b'y', b'p'], rest)) = bytes.split_first_chunk() else { return false };
    let length = u32::from_be_bytes([*a, *b, *c, *d]).saturating_sub(8);
    let brands = rest.get(..length.try_into().unwrap_or(usize::MAX)).unwrap_or_default();
    brands.chunks_exact(4).any(|brand| matches!(brand, b"avif" | b"avis"))
}

fn svg(bytes: &[u8]) -> Result<&'static str, UnusableImage> {
    let root = std::str::from_utf8(bytes).ok().and_then(root_element).ok_or(UnusableImage::UnknownFormat)?;
    if root.contains("http://www.w3.org/2000/svg") {
        Ok("image/svg+xml")
    } else {
        Err(UnusableImage::NoNamespace)
    }
}

/// Returns the start tag of the root element if that is `<svg …>`.
fn root_element(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while rest.starts_with("<?") || rest.starts_with("<!") {
        rest = after_prolog(rest)?.trim_start();
    }
    let name = rest.strip_prefix('<')?.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next()?;
    let is_svg = name == "svg" || name.ends_with(":svg");
    is_svg.then(|| rest.split_once('>').map_or(rest, |(tag, _)| tag))
}

/// Returns what follows a comment, a processing instruction or a document type (XML 1.0, section 2.8).
fn after_prolog(text: &str) -> Option<&str> {
    let end = if text.starts_with("<!--") {
        "-->"
    } else if text.starts_with("<?") {
        "?>"
    } else if text.split('>').next()?.contains('[') {
        "]>"
    } else {
        ">"
    };
    text.split_once(end).map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_recognised_by_its_content() {
        const NS: &str = "xmlns=\"http://www.w3.org/2000/svg\"";
        let svg = |start: &str| format!("{start}<svg {NS} viewBox='0 0 1 1'><path/></svg>").into_bytes();
        for (bytes, expected) in [
            (b"\x89PNG\r\n\x1a\n....".to_vec(), Ok("image/png")),
            (b"\xff\xd8\xff\xe0".to_vec(), Ok("image/jpeg")),
            (b"GIF87a".to_vec(), Ok("image/gif")),
            (b"GIF89a".to_vec(), Ok("image/gif")),
            (b"RIFF\x01\x00\x00\x00WEBPVP8 ".to_vec(), Ok("image/webp")),
            (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif".to_vec(), Ok("image/avif")),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avis".to_vec(), Ok("image/avif")),
            (svg(""), Ok("image/svg+xml")),
            (svg("\u{feff}\n "), Ok("image/svg+xml")),
            (svg("<?xml version=\"1.0\"?>\n<!-- <html> -->\n"), Ok("image/svg+xml")),
            (svg("<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"svg11.dtd\">"), Ok("image/svg+xml")),
            (svg("<!DOCTYPE svg [ <!ENTITY a \"b\"> ]>"), Ok("image/svg+xml")),
            (b"<s:svg xmlns:s='http://www.w3.org/2000/svg'/>".to_vec(), Ok("image/svg+xml")),
            (b"<svg viewBox='0 0 1 1'></svg>".to_vec(), Err(UnusableImage::NoNamespace)),
            (b"<svg>".to_vec(), Err(UnusableImage::NoNamespace)),
            (b"\x1f\x8b\x08".to_vec(), Err(UnusableImage::Compressed)),
            (b"".to_vec(), Err(UnusableImage::Empty)),
        ] {
            assert_eq!(media_type(&bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_browsers_do_not_show_as_an_image_is_refused() {
        for bytes in [
            &b"<html><svg xmlns='http://www.w3.org/2000/svg'></svg>"[..],
            b"<!doctype html><svg>",
            b"<svgs>",
            b"<?xml",
            b"<!-- <svg> --",
            b"<!",
            b"<",
            b"   ",
            b"svg",
            b"<svg \xff>",
            b"\x89PNG",
            b"\xff\xd8",
            b"GIF88a",
            b"RIFF....WAVE",
            b"%PDF-1.7",
            b"BM....",
            b"II*\0",
            b"\0\0\x01\0",
            b"\0\0\0\x18ftypisom\0\0\0\0mp41iso2",
            b"\0\0\0\x0cftypisomavif",
            b"\0\0\0\0ftypavif",
            b"\xff\xff\xff\xffftypavif",
        ] {
            let refused = media_type(bytes).unwrap_err();
            assert_ne!(refused, UnusableImage::Empty);
            assert!(!refused.help().is_empty() && !refused.to_string().is_empty());
        }
    }
}
