//! The fields of a cron expression: their ranges and names.

/// One of the five fields of an expression.
pub(super) struct CronField {
    pub(super) name: &'static str,
    pub(super) min: u32,
    pub(super) max: u32,
    /// The names of the numbers from `first_name` on.
    pub(super) names: &'static [&'static str],
    pub(super) first_name: u32,
    /// The allowed values, in words.
    pub(super) range: &'static str,
    /// The unit of time after which its steps start over.
    pub(super) cycle: &'static str,
}

pub(super) const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
pub(super) const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

pub(super) const MINUTE: CronField =
    CronField { name: "minute", min: 0, max: 59, names: &[], first_name: 0, range: "0 to 59", cycle: "hour" };
pub(super) const HOUR: CronField =
    CronField { name: "hour", min: 0, max: 23, names: &[], first_name: 0, range: "0 to 23", cycle: "day" };
pub(super) const DAY: CronField = CronField {
    name: "day of month",
    min: 1,
    max: 31,
    names: &[],
    first_name: 0,
    range: "1 to 31, or L for the last",
    cycle: "month",
};
pub(super) const MONTH: CronField = CronField {
    name: "month",
    min: 1,
    max: 12,
    names: &MONTHS,
    first_name: 1,
    range: "1 to 12, or JAN to DEC",
    cycle: "year",
};
pub(super) const WEEKDAY: CronField = CronField {
    name: "day of week",
    min: 0,
    max: 7,
    names: &WEEKDAYS,
    first_name: 0,
    range: "0 to 7, or SUN to SAT; SAT#1 is the first, FRI#L the last",
    cycle: "week",
};
pub(super) const FIELDS: [&CronField; 5] = [&MINUTE, &HOUR, &DAY, &MONTH, &WEEKDAY];

/// Finds a name, in any case, and returns its number.
pub(super) fn find_name(text: &str, names: &[&str], first: u32) -> Option<u32> {
    (first..).zip(names).find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(number, _)| number)
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
