//! Suggestions for texts that are not the name of a time zone.

mod other_names;

use self::other_names::OTHER_NAMES;
use crate::invalid_value::InvalidValue;

const EXAMPLE: &str = "write an IANA name, such as `Europe/Berlin` or `UTC`";
/// No zone has a longer name.
const MAX_NAME: usize = 64;

/// Explains an unknown time zone, and suggests the one that was probably meant.
pub(super) fn unknown(name: &str) -> InvalidValue {
    let message = format!("unknown time zone `{name}`");
    if name.len() > MAX_NAME {
        return InvalidValue::new(message, EXAMPLE);
    }
    if let Some(offset) = offset(name) {
        let help = format!(
            "write a name such as `Europe/Berlin`, or give each time an offset, as in 2026-12-01T22:00:00{offset}"
        );
        return InvalidValue::new(format!("`{name}` is an offset, not a time zone"), help);
    }
    let plain = normalize(name);
    if matches!(plain.as_str(), "local" | "localtime" | "system" | "host" | "default" | "auto") {
        let help = "write the name of the machine's zone (`timedatectl` shows it), such as `Europe/Berlin`";
        return InvalidValue::new(message, help);
    }
    let suggestions = by_other_name(&plain).or_else(|| by_city(&plain)).or_else(|| nearest(name));
    let help = suggestions.map_or(EXAMPLE.to_owned(), |zones| question(&zones));
    InvalidValue::new(message, help)
}

fn question(zones: &[String]) -> String {
    let quoted: Vec<_> = zones.iter().map(|zone| format!("`{zone}`")).collect();
    match quoted.split_last() {
        Some((last, rest @ [_, ..])) => {
            format!("this name is ambiguous: did you mean {} or {last}?", rest.join(", "))
        }
        _ => format!("did you mean {}?", quoted.join("")),
    }
}

/// Returns the offset `+01:00` of `UTC+1`, `GMT+01:00` or `+0100`.
fn offset(name: &str) -> Option<String> {
    let upper = name.trim().to_uppercase();
    let prefixes = ["UTC", "GMT", "UT", "CET", "EST", "Z"];
    let rest = prefixes.iter().find_map(|prefix| upper.strip_prefix(prefix)).unwrap_or(&upper).trim();
    let sign = rest.chars().next().filter(|sign| matches!(sign, '+' | '-' | '−'))?;
    let digits = rest.get(sign.len_utf8()..)?.trim();
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let hours = if upper.starts_with("CET") { hours.saturating_add(1) } else { hours };
    let sign = if sign == '+' { '+' } else { '-' };
    (hours < 24 && minutes < 60).then(|| format!("{sign}{hours:02}:{minutes:02}"))
}

/// Returns a name in lower case, without the characters that separate words.
fn normalize(name: &str) -> String {
    name.to_lowercase().replace(['_', ' ', '-', '.', '\\'], "")
}

fn by_other_name(plain: &str) -> Option<Vec<String>> {
    let city = plain.rsplit('/').next().unwrap_or(plain);
    let windows = city.strip_suffix("standardtime").or_else(|| city.strip_suffix("daylighttime"));
    let city = windows.or_else(|| city.strip_suffix("time")).filter(|city| !city.is_empty()).unwrap_or(city);
    let (zones, _) = OTHER_NAMES.iter().find(|(_, names)| names.contains(&city))?;
    Some(zones.split(' ').map(str::to_owned).collect())
}

/// Finds the zone with this last part: `Berlin`, `Europe/New York`.
fn by_city(plain: &str) -> Option<Vec<String>> {
    let city = plain.rsplit('/').next().filter(|city| city.len() > 2)?;
    let last = |zone: &str| normalize(zone.rsplit('/').next().unwrap_or(zone));
    let found = zones().find(|zone| last(zone) == city)?;
    Some(vec![found])
}

fn nearest(name: &str) -> Option<Vec<String>> {
    let lower = name.to_lowercase();
    let limit = if name.len() > 5 { 2 } else { 1 };
    let distance = |zone: &str| {
        let near = zone.len().abs_diff(lower.len()) <= limit;
        near.then(|| strsim::osa_distance(&zone.to_lowercase(), &lower)).filter(|distance| *distance <= limit)
    };
    let found =
        zones().filter_map(|zone| Some((distance(&zone)?, zone))).min_by_key(|(distance, _)| *distance);
    found.map(|(_, zone)| vec![zone])
}

/// Returns the names to suggest, those with a region first. The database also lists files that nobody should name.
fn zones() -> impl Iterator<Item = String> {
    const REGIONS: [&str; 10] = [
        "Africa/",
        "America/",
        "Antarctica/",
        "Arctic/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    ];
    let in_region = |zone: &str| REGIONS.iter().any(|region| zone.starts_with(region));
    let names = || jiff::tz::db().available().map(|zone| zone.to_string());
    let others = ["UTC", "GMT", "Etc/UTC"].map(str::to_owned);
    names().filter(move |zone| in_region(zone)).chain(others)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn every_suggested_zone_exists() {
        for (zones, names) in OTHER_NAMES {
            for zone in zones.split(' ') {
                assert!(TimeZone::get(zone).is_ok(), "{zone}");
            }
            for name in *names {
                assert_eq!(normalize(name), *name);
            }
        }
    }

    #[test]
    fn an_unknown_zone_gets_a_suggestion() {
        for (name, help) in [
            ("America/Boston", "did you mean `America/New_York`?"),
            ("Boston", "did you mean `America/New_York`?"),
            ("America/Washington", "did you mean `America/New_York`?"),
            ("America/San_Francisco", "did you mean `America/Los_Angeles`?"),
            ("San Francisco", "did you mean `America/Los_Angeles`?"),
            ("Asia/Mumbai", "did you mean `Asia/Kolkata`?"),
            ("Asia/Delhi", "did you mean `Asia/Kolkata`?"),
            ("Asia/Beijing", "did you mean `Asia/Shanghai`?"),
            ("Europe/Frankfurt", "did you mean `Europe/Berlin`?"),
            ("Europe/Munich", "did you mean `Europe/Berlin`?"),
            ("Europe/München", "did you mean `Europe/Berlin`?"),
            ("Europe/Geneva", "did you mean `Europe/Zurich`?"),
            ("PST", "did you mean `America/Los_Angeles`?"),
            ("PDT", "did you mean `America/Los_Angeles`?"),
            ("Pacific", "did you mean `America/Los_Angeles`?"),
            ("Pacific Time", "did you mean `America/Los_Angeles`?"),
            ("Pacific Standard Time", "did you mean `America/Los_Angeles`?"),
            ("W. Europe Standard Time", "did you mean `Europe/Berlin`?"),
            ("EDT", "did you mean `America/New_York`?"),
            (
                "IST",
                "this name is ambiguous: did you mean `Asia/Kolkata`, `Europe/Dublin` or `Asia/Jerusalem`?",
            ),
            (
                "CST",
                "this name is ambiguous: did you mean `America/Chicago`, `Asia/Shanghai` or `America/Havana`?",
            ),
            ("BST", "this name is ambiguous: did you mean `Europe/London` or `Asia/Dhaka`?"),
            ("CEST", "did you mean `Europe/Berlin`?"),
            ("Berlin", "did you mean `Europe/Berlin`?"),
            ("New York", "did you mean `America/New_York`?"),
            ("America/NewYork", "did you mean `America/New_York`?"),
            ("Europe/New York", "did you mean `America/New_York`?"),
            ("Europe/Berln", "did you mean `Europe/Berlin`?"),
            ("Europe/Berilns", "did you mean `Europe/Berlin`?"),
            ("Europa/Berlin", "did you mean `Europe/Berlin`?"),
            ("GTM", "did you mean `GMT`?"),
            ("UTCC", "did you mean `UTC`?"),
            ("Mars/Olympus", EXAMPLE),
            ("America/Springfield", EXAMPLE),
            ("", EXAMPLE),
            ("X", EXAMPLE),
        ] {
            assert!(TimeZone::get(name).is_err(), "{name} is a zone");
            let fault = unknown(name);
            assert_eq!(fault.help, help, "{name}");
            assert_eq!(fault.message, format!("unknown time zone `{name}`"));
        }
        let long = unknown(&"Europe/Berlin".repeat(100_000));
        assert_eq!(long.help, EXAMPLE);
    }

    #[test]
    fn an_offset_is_not_a_time_zone() {
        for (name, offset) in [
            ("GMT+2", "+02:00"),
            ("UTC+1", "+01:00"),
            ("UTC+01:00", "+01:00"),
            ("utc-5", "-05:00"),
            ("UTC −5", "-05:00"),
            ("+01:00", "+01:00"),
            ("+0530", "+05:30"),
            ("-7", "-07:00"),
            ("CET+1", "+02:00"),
        ] {
            let fault = unknown(name);
            assert_eq!(fault.message, format!("`{name}` is an offset, not a time zone"));
            assert!(fault.help.ends_with(&format!("2026-12-01T22:00:00{offset}")), "{name}: {}", fault.help);
        }
    }

    #[test]
    fn an_offset_of_a_day_or_more_is_not_suggested() {
        for name in ["UTC+24", "UTC+1:60", "CET+23", "CET+255:00"] {
            assert_eq!(unknown(name).message, format!("unknown time zone `{name}`"));
        }
    }

    #[test]
    fn a_zone_such_as_local_must_be_written_by_name() {
        for name in ["local", "Local", "system"] {
            assert!(unknown(name).help.contains("`timedatectl`"), "{name}");
        }
    }
}
