//! Checks of paths and globs in the file.

use super::MAX_PATH;
use super::suggest::{
    anchor, expand_alternatives, glob_for_regex, is_regex, mixed_segment, separate_double_stars,
    with_leading_slash,
};
use crate::invalid_value::InvalidValue;
use crate::matching::path::{RequestPath, canonicalize};

/// Checks a path, which must be in the form that it has after percent-decoding.
pub(crate) fn check_path(text: &str) -> Result<(), InvalidValue> {
    if text.len() > MAX_PATH {
        return Err(too_long(text));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        return Err(InvalidValue::new("expected a path, not a URL", format!("write `{path}`")));
    }
    let several: Vec<_> = text.split([',', ';', ' ']).filter(|part| !part.is_empty()).collect();
    if several.len() > 1 && several.iter().all(|part| part.starts_with('/')) {
        let help = format!("write each in quotes: `\"{}\"`", several.join("\", \""));
        return Err(InvalidValue::new(format!("`{text}` is more than one path"), help));
    }
    let path = RequestPath::new(text);
    match path.canonical() {
        Some(decoded) if decoded == text => Ok(()),
        Some(decoded) => {
            Err(InvalidValue::new("paths are compared after percent-decoding", format!("write `{decoded}`")))
        }
        None if !text.starts_with('/') => Err(InvalidValue::new(
            format!("invalid path `{text}`: it does not begin with `/`"),
            with_leading_slash(text),
        )),
        None => {
            let fault = path.fault().map_or(String::new(), |fault| fault.to_string());
            let help = canonicalize(text)
                .map_or("write the path in its plain form, such as `/admin/login`".to_owned(), |path| {
                    format!("did you mean `{path}`?")
                });
            Err(InvalidValue::new(format!("no request can match `{text}`: it {fault}"), help))
        }
    }
}

fn too_long(text: &str) -> InvalidValue {
    let message = format!("this path is {} bytes long: at most {MAX_PATH} are allowed", text.len());
    InvalidValue::new(message, "write a shorter one; `**` matches any number of segments")
}

/// Checks a glob.
pub(super) fn check_glob(text: &str) -> Result<(), InvalidValue> {
    if text.len() <= MAX_PATH && !text.contains("://") {
        if is_regex(text) {
            let message = format!("`{text}` is a regular expression: paths are globs");
            return Err(InvalidValue::new(message, glob_for_regex(text)));
        }
        if !text.starts_with('/') && text.starts_with('*') {
            let message = format!("invalid path `{text}`: it does not begin with `/`");
            return Err(InvalidValue::new(message, format!("write `{}`", anchor(text))));
        }
    }
    check_path(text)?;
    if let Some(special) = text.chars().find(|c| matches!(c, '[' | ']' | '{' | '}')) {
        let message = format!("`{special}` is not supported in globs: use only `*`, `?` and `**`");
        let each = expand_alternatives(text);
        let help = each.map_or("write one glob for each path".to_owned(), |globs| {
            format!("write one glob for each: `\"{}\"`", globs.join("\", \""))
        });
        return Err(InvalidValue::new(message, help));
    }
    if let Some(segment) = mixed_segment(text) {
        let message = format!("`**` must be a segment of its own, not a part of `{segment}`");
        return Err(InvalidValue::new(message, separate_double_stars(text)));
    }
    Ok(())
}
