//! Bytes as hexadecimal digits.

/// Encodes `bytes` as lower-case hexadecimal digits, two for each byte.
pub fn encode<'b>(bytes: impl IntoIterator<Item = &'b u8>) -> String {
    let digits = bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn each_byte_becomes_two_lower_case_digits() {
        for (bytes, expected) in [(&[][..], ""), (&[0], "00"), (&[0x0f, 0xa0, 0xff], "0fa0ff")] {
            assert_eq!(encode(bytes), expected);
        }
    }
}
