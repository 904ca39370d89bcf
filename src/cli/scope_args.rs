//! The options that limit a downtime or a bypass to a part of the site.

use crate::editing::EditRefusal;
use crate::invalid_value::InvalidValue;
use crate::matching::glob::PathGlobs;
use crate::matching::scope::{Host, parse_method};

/// Checks the values of `--host`, `--path` and `--method` by the rules of the file, so that an error names the option.
pub(super) fn check_scope(hosts: &[String], paths: &[String], methods: &[String]) -> Result<(), EditRefusal> {
    check_each("--host", hosts, |text| Host::parse(text).map(drop))?;
    check_each("--path", paths, PathGlobs::check)?;
    check_each("--method", methods, |text| parse_method(text).map(drop))
}

fn check_each(
    option: &str,
    texts: &[String],
    check: impl Fn(&str) -> Result<(), InvalidValue>,
) -> Result<(), EditRefusal> {
    for text in texts {
        let Err(InvalidValue { message, help }) = check(text) else { continue };
        let parts: Vec<_> = text.split([',', ';', '|', ' ']).filter(|part| !part.is_empty()).collect();
        // The help of the file is about a list in TOML.
        let help = if parts.len() > 1 && parts.iter().all(|part| check(part).is_ok()) {
            format!(
                "write {}",
                parts.iter().map(|part| format!("{option} \"{part}\"")).collect::<Vec<_>>().join(" ")
            )
        } else if matches!(text.to_ascii_lowercase().as_str(), "*" | "all" | "any") {
            format!("omit {option} to cover all of them")
        } else {
            help
        };
        return Err(EditRefusal::cannot(format!("{option}: {message}"), help));
    }
    Ok(())
}
