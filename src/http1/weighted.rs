//! Lists of names with weights (RFC 9110, section 12.4.2), as in `Accept-Language` and `Accept-Encoding`.

/// The number of elements that count. Browsers send at most ten.
const MAX_ELEMENTS: usize = 32;

/// Returns the elements of all lines of a field, in their order: the name, and its weight in thousandths, 0 to 1000.
/// Malformed elements are left out.
pub fn weighted<'l>(lines: impl Iterator<Item = &'l [u8]>) -> impl Iterator<Item = (&'l str, u16)> {
    lines.flat_map(|line| line.split(|byte| *byte == b',')).take(MAX_ELEMENTS).filter_map(element)
}

fn element(text: &[u8]) -> Option<(&str, u16)> {
    let mut parts = text.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = std::str::from_utf8(parts.next()?).ok().filter(|name| !name.is_empty())?;
    let weight = match parts.next() {
        None => 1000,
        Some([b'q' | b'Q', b'=', weight @ ..]) => quality(weight)?,
        Some(_) => return None,
    };
    Some((name, weight))
}

/// Parses a weight, `0` to `1` with up to three decimals, in thousandths.
pub fn quality(weight: &[u8]) -> Option<u16> {
    let (whole, decimals) = match weight {
        [whole] | [whole, b'.'] => (whole, &[][..]),
        [whole, b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    let digits = [*whole].into_iter().chain(decimals.iter().copied()).chain([b'0'; 3]).take(4);
    let value = digits
        .map(|digit| char::from(digit).to_digit(10))
        .try_fold(0, |sum, digit| Some(sum * 10 + digit?))?;
    u16::try_from(value).ok().filter(|thousandths| *thousandths <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_names_and_weights() {
        for (lines, expected) in [
            (&["de"][..], &[("de", 1000)][..]),
            (
                &["de-CH, de;q=0.9 ,\ten ; q=0.001", "fr;Q=0"],
                &[("de-CH", 1000), ("de", 900), ("en", 1), ("fr", 0)],
            ),
            (&["", ",,", ";q=1", "de;q=2", "de;q=", "de;x=1", "d\u{fc}"], &[("d\u{fc}", 1000)]),
        ] {
            assert_eq!(weighted(lines.iter().map(|line| line.as_bytes())).collect::<Vec<_>>(), expected);
        }
    }
}
