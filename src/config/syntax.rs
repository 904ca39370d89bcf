//! What is wrong with a text that is no TOML, in words that say what to type.

use super::report::Report;
use super::time::TimeFault;

/// Adds what the TOML parser found to the report.
pub fn report(error: &toml::de::Error, report: &Report) {
    let span = error.span().unwrap_or(0..0);
    let before = report.text().get(..span.start).unwrap_or_default();
    let key =
        before.rsplit('\n').next().and_then(|line| line.split_once('=')).map_or("", |(key, _)| key.trim());
    let value = report.text().get(span.clone()).unwrap_or_default().trim();
    let message = error.message();
    if message.contains("must be quoted") && value.is_empty() {
        report.error(span, format!("`{key}` has no value"), "write one after the `=`, or remove the line");
    } else {
        report.error(span, message, help(message, key, value));
    }
}

fn help(message: &str, key: &str, value: &str) -> String {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let lower = value.to_ascii_lowercase();
    match () {
        () if has(&["duplicate"]) => "remove one of the two".into(),
        () if matches!(key, "start" | "end") || has(&["date", "time", "offset"]) => TimeFault::HELP.into(),
        () if matches!(lower.as_str(), "true" | "false") => format!("write `{lower}`"),
        () if has(&["must be quoted", "invalid boolean"]) => format!("write `{key} = \"{value}\"`"),
        () if has(&["key with no value"]) => "write `key = value`; a comment begins with `#`".into(),
        () if has(&["invalid basic string"]) => {
            "a text ends with `\"`, on the line on which it begins".into()
        }
        () => String::new(),
    }
}
