//! The bytes of tokens (RFC 9110, section 5.6.2), such as methods and the names of fields.

/// Returns true for a byte that a token may have.
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
