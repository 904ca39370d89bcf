//! The parts of a page. Styles, scripts and images are the same for all visitors, and most of a page: each is compressed and kept
//! once for all pages of the process.

use std::io;
use std::sync::{Arc, LazyLock, Weak};

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};

use super::compression::CompressedPart;

/// What begins a text that does not depend on the visitor, and what ends it.
const COMMON: [(&str, &str); 3] = [("<style", "</style"), ("<script", "</script"), ("data:", "\"")];
/// Shorter ones are not worth a part. In bytes.
const MIN_COMMON: usize = 512;
/// The most that are looked at, so that a large template takes no minutes.
const MAX_COMMON: usize = 64;

/// A part that some page has, by the SHA-256 of its text.
#[derive(Clone)]
struct KnownPart {
    digest: [u8; 32],
    part: Weak<CompressedPart>,
}

/// Compresses a page.
pub(super) fn compress(html: &str) -> io::Result<Box<[Arc<CompressedPart>]>> {
    let compress =
        |(text, is_common)| if is_common { common(text) } else { CompressedPart::new(text).map(Arc::new) };
    split(html).into_iter().map(compress).collect()
}

/// Returns the parts of a page, and true with those that other pages have too. They may be wrong, as in a page that quotes HTML: any
/// parts make the same page.
fn split(html: &str) -> Vec<(&str, bool)> {
    let mut parts = Vec::new();
    let (mut rest, mut from) = (html, 0);
    for _ in 0..MAX_COMMON {
        let Some((start, end)) = next_common(&rest[from..]) else { break };
        let (start, end) = (from + start, from + end);
        if end - start < MIN_COMMON {
            from = end;
            continue;
        }
        parts.push((&rest[..start], false));
        parts.push((&rest[start..end], true));
        (rest, from) = (&rest[end..], 0);
    }
    parts.push((rest, false));
    parts.retain(|(text, _)| !text.is_empty());
    parts
}

/// Finds the first text that begins and ends as one of [`COMMON`]. It has the content of an element, without its attributes.
fn next_common(html: &str) -> Option<(usize, usize)> {
    let found = COMMON.iter().filter_map(|(begin, end)| Some((html.find(begin)?, begin, end)));
    let (at, begin, end) = found.min()?;
    let start = if begin.starts_with('<') { at + html[at..].find('>')? + 1 } else { at };
    Some((start, start + html[start..].find(end)?))
}

/// Returns the part with this text, from another page if one has it.
fn common(text: &str) -> io::Result<Arc<CompressedPart>> {
    static KNOWN: LazyLock<ArcSwap<Vec<KnownPart>>> = LazyLock::new(ArcSwap::default);
    let digest = Sha256::digest(text).into();
    let known = KNOWN.load();
    if let Some(part) =
        known.iter().find_map(|known| (known.digest == digest).then(|| known.part.upgrade())?)
    {
        return Ok(part);
    }
    let part = Arc::new(CompressedPart::new(text)?);
    KNOWN.rcu(|known| {
        let used = known.iter().filter(|known| known.part.strong_count() > 0).cloned();
        used.chain([KnownPart { digest, part: Arc::downgrade(&part) }]).collect::<Vec<_>>()
    });
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_texts_are_the_content_of_long_styles_and_scripts_and_images() {
        let long = "x".repeat(MIN_COMMON);
        for (html, expected) in [
            (String::new(), vec![]),
            ("<style>a</style>".to_owned(), vec![("<style>a</style>", false)]),
            (
                format!("<style a='b'>{long}</style><p>"),
                vec![("<style a='b'>", false), (&long, true), ("</style><p>", false)],
            ),
            (
                format!("<style>a</style><script data-back=\"c\">{long}</script>"),
                vec![
                    ("<style>a</style><script data-back=\"c\">", false),
                    (&long, true),
                    ("</script>", false),
                ],
            ),
            (
                format!("<img src=\"data:{long}\"><script>{long}</script>"),
                vec![
                    ("<img src=\"", false),
                    (&format!("data:{long}"), true),
                    ("\"><script>", false),
                    (&long, true),
                    ("</script>", false),
                ],
            ),
            (format!("<script>{long}"), vec![(&*format!("<script>{long}"), false)]),
            (format!("<script{long}"), vec![(&*format!("<script{long}"), false)]),
            ("<script>a</script>".repeat(2000), vec![(&*"<script>a</script>".repeat(2000), false)]),
            (format!("data:{long}ü"), vec![(&*format!("data:{long}ü"), false)]),
        ] {
            assert_eq!(split(&html), expected);
            assert_eq!(split(&html).into_iter().map(|(text, _)| text).collect::<String>(), html);
        }
    }

    #[test]
    fn pages_share_what_they_have_in_common() {
        let [style, script] = ["a", "b"].map(|letter| letter.repeat(MIN_COMMON));
        let [page, other] = ["Hello", "Hallo"]
            .map(|text| compress(&format!("<style>{style}</style>{text}<script>{script}</script>")).unwrap());
        let is_same: Vec<_> = page.iter().zip(&other).map(|(part, other)| Arc::ptr_eq(part, other)).collect();
        assert_eq!(is_same, [false, true, false, true, false]);
    }
}
