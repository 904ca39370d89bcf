//! The methods of a scope.

use http::Method;

use crate::invalid_value::InvalidValue;

/// Parses a method in upper or lower case. It is kept in upper case: scopes ignore the case of methods.
pub fn parse_method(text: &str) -> Result<Method, InvalidValue> {
    let upper = text.trim().to_ascii_uppercase();
    let invalid = |help: String| InvalidValue::new(format!("invalid method `{text}`"), help);
    if matches!(upper.as_str(), "*" | "ALL" | "ANY") {
        return Err(invalid("remove `methods`: without it every method is covered".into()));
    }
    let several: Vec<_> = upper.split([',', ' ', '|']).filter(|part| !part.is_empty()).collect();
    let is_word = |part: &&str| part.len() > 2 && part.bytes().all(|byte| byte.is_ascii_uppercase());
    if several.len() > 1 && several.iter().all(is_word) {
        return Err(invalid(format!("write each in quotes: `\"{}\"`", several.join("\", \""))));
    }
    text.to_ascii_uppercase().parse().map_err(|_| invalid("for example `POST`".into()))
}
