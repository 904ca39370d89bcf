//! Content negotiation by `Accept-Encoding` (RFC 9110, section 12.5.3).

use super::weighted::weighted;

/// Returns the index of the offered coding that the client weighs most; among equals, the first. `None` means the identity,
/// also if the client refuses it, which is more useful than a 406.
///
/// `lines` returns the values of all Accept-Encoding fields, and `offered` are names in lower case.
pub fn choose_coding<'l, L>(lines: impl Fn() -> L, offered: &[&str]) -> Option<usize>
where
    L: Iterator<Item = &'l [u8]>,
{
    if offered.is_empty() {
        return None;
    }
    let weight_of = |coding: &str| {
        let weights = weighted(lines());
        weights
            .filter(|(name, _)| canonical_name(name).eq_ignore_ascii_case(coding))
            .last()
            .map(|(_, weight)| weight)
    };
    let others = weight_of("*").unwrap_or(0);
    let mut best = None;
    for (index, coding) in offered.iter().enumerate() {
        let weight = weight_of(coding).unwrap_or(others);
        if best.is_none_or(|(_, greatest)| weight > greatest) {
            best = Some((index, weight));
        }
    }
    // The identity is acceptable without being named, but never preferred for that.
    let least = weight_of("identity").unwrap_or(1).max(1);
    best.filter(|(_, weight)| *weight >= least).map(|(index, _)| index)
}

/// Returns the name of a coding that has another one for old clients.
fn canonical_name(name: &str) -> &str {
    if name.eq_ignore_ascii_case("x-gzip") { "gzip" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_with_the_greatest_weight_is_chosen() {
        let offered = ["br", "gzip"];
        for (field, expected) in [
            ("gzip, deflate, br, zstd", "br"),
            ("gzip, deflate", "gzip"),
            ("GZIP", "gzip"),
            ("x-gzip", "gzip"),
            ("br;q=0.5, gzip", "gzip"),
            ("br;q=0, gzip;q=0", ""),
            ("identity", ""),
            ("identity;q=0.5, gzip;q=0.4", ""),
            ("identity;q=0", ""),
            ("*", "br"),
            ("*;q=0", ""),
            ("br;q=0, *", "gzip"),
            ("zstd", ""),
            ("gzip;q=0.001", "gzip"),
            ("", ""),
        ] {
            let chosen = choose_coding(|| [field.as_bytes()].into_iter(), &offered);
            assert_eq!(chosen.map_or("", |index| offered[index]), expected, "{field}");
        }
        assert_eq!(choose_coding(|| [].into_iter(), &offered), None);
        assert_eq!(choose_coding(|| [&b"*"[..]].into_iter(), &[]), None);
    }
}
