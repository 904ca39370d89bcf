//! Errors of expressions that do not have five fields.

use super::CronError;
use super::field::{MINUTE, is_number};
use super::parse::{numbers, parse};

pub(super) const EXAMPLE: &str =
    "write minute, hour, day of month, month and day of week, such as \"30 23 * * SAT\"";

/// The nicknames of whole expressions that cron(8) accepts, and their meaning.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Explains an expression that does not have five fields.
pub(super) fn not_five(fields: &[&str]) -> CronError {
    if let &[nickname] = fields
        && nickname.starts_with('@')
    {
        return nickname_error(nickname);
    }
    let message = format!("a cron expression has five fields, not {}", fields.len());
    CronError::new(message, without_seconds_or_year(fields).unwrap_or_else(|| EXAMPLE.into()))
}

/// Explains a nickname such as `@daily`.
fn nickname_error(nickname: &str) -> CronError {
    let lower = nickname.to_ascii_lowercase();
    let message = format!("a cron expression has five fields: `{nickname}` is not one");
    if lower == "@reboot" {
        let help = "a series starts at fixed times, not at boot: write them, such as \"30 23 * * SAT\"";
        return CronError::new(message, help);
    }
    let known = NICKNAMES.iter().find(|(name, _)| *name == lower);
    let near = || NICKNAMES.iter().find(|(name, _)| strsim::levenshtein(name, &lower) <= 2);
    let help = match (known, near()) {
        (Some((name, fields)), _) => format!("`{name}` is `{fields}`"),
        (None, Some((name, fields))) => format!("did you mean `{fields}`, which is `{name}`?"),
        (None, None) => EXAMPLE.into(),
    };
    CronError::new(message, help)
}

/// Suggests the five fields among the six or seven that other programs use.
fn without_seconds_or_year(fields: &[&str]) -> Option<String> {
    let plain: Vec<_> = fields.iter().map(|field| if *field == "?" { "*" } else { field }).collect();
    let join_valid = |fields: &[&str]| Some(fields.join(" ")).filter(|text| parse(text).is_ok());
    let (what, five) = match plain.as_slice() {
        [_, five @ .., _] if five.len() == 5 => ("seconds or years", join_valid(five)?),
        [first, five @ ..]
            if five.len() == 5 && join_valid(five).is_some() && numbers(first, &MINUTE).is_ok() =>
        {
            ("seconds", join_valid(five)?)
        }
        [five @ .., year] if five.len() == 5 && *year != "root" && !year.contains('/') => {
            let is_year =
                *year == "*" || year.split(['-', ',']).all(|year| year.len() == 4 && is_number(year));
            ("years", join_valid(five).filter(|_| is_year)?)
        }
        _ => return None,
    };
    let numbered =
        five.rsplit(' ').next().is_some_and(|weekday| weekday.contains(|c: char| c.is_ascii_digit()));
    // For programs that support `?`, 1 is Sunday.
    let note = if numbered && fields.contains(&"?") { ", where 0 is Sunday and 6 is Saturday" } else { "" };
    Some(format!("cron has no field for {what}: write `{five}`{note}"))
}
