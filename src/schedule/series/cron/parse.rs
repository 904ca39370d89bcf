//! Reads cron expressions: those of `crontab(5)`, each field refused that would not mean what it says.

use std::ops::Range;

use super::{Cron, Days, EVERY, LAST};

/// Why a text is not a cron expression: what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// The field that is wrong, as bytes of the expression; `None` if it is all of it.
    pub field: Option<Range<usize>>,
}

impl CronError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), field: None }
    }
}

/// A field of an expression.
struct CronField {
    name: &'static str,
    min: u32,
    max: u32,
    /// Those of the numbers from `first_name` on.
    names: &'static [&'static str],
    first_name: u32,
    /// What it may hold.
    range: &'static str,
    /// The time after which its steps begin again.
    cycle: &'static str,
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const MINUTE: CronField =
    CronField { name: "minute", min: 0, max: 59, names: &[], first_name: 0, range: "0 to 59", cycle: "hour" };
const HOUR: CronField =
    CronField { name: "hour", min: 0, max: 23, names: &[], first_name: 0, range: "0 to 23", cycle: "day" };
const DAY: CronField = CronField {
    name: "day of month",
    min: 1,
    max: 31,
    names: &[],
    first_name: 0,
    range: "1 to 31, or L for the last",
    cycle: "month",
};
const MONTH: CronField = CronField {
    name: "month",
    min: 1,
    max: 12,
    names: &MONTHS,
    first_name: 1,
    range: "1 to 12, or JAN to DEC",
    cycle: "year",
};
const WEEKDAY: CronField = CronField {
    name: "day of week",
    min: 0,
    max: 7,
    names: &WEEKDAYS,
    first_name: 0,
    range: "0 to 7, or SUN to SAT; SAT#1 is the first, FRI#L the last",
    cycle: "week",
};
const FIELDS: [&CronField; 5] = [&MINUTE, &HOUR, &DAY, &MONTH, &WEEKDAY];

const EXAMPLE: &str = "write minute, hour, day of month, month and day of week, such as \"30 23 * * SAT\"";

/// The names for whole expressions that cron(8) knows, and what they stand for.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Reads an expression of five fields.
pub(super) fn parse(text: &str) -> Result<Cron, CronError> {
    let fields: Vec<_> = text.split_whitespace().collect();
    let &[minute, hour, day, month, weekday] = fields.as_slice() else { return Err(not_five(&fields)) };
    let at = |field: usize| move |error| CronError { field: places(text).nth(field), ..error };
    let minutes = numbers(minute, &MINUTE).map_err(at(0))?;
    let hours = numbers(hour, &HOUR).map_err(at(1))?;
    let (days, last) = days(day).map_err(at(2))?;
    let months = numbers(month, &MONTH).map_err(at(3))?;
    let weekdays = weekdays(weekday).map_err(at(4))?;
    let both = day.starts_with('*') || weekday.starts_with('*');
    Ok(Cron::new(minutes, hours, months, Days { numbers: days, last, weekdays, both }))
}

/// Where the fields of an expression are in it.
fn places(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    let part = move |part: &str| {
        end += part.len();
        end - part.len()..end - part.len() + part.trim_end().len()
    };
    text.split_inclusive(char::is_whitespace).map(part).filter(|place| !place.is_empty())
}

/// The numbers that a field names, as bits.
fn numbers(text: &str, field: &CronField) -> Result<u64, CronError> {
    items(text, field)?.try_fold(0, |set, item| Ok(set | range(item, field)?))
}

/// The days of the month, and whether the last one is among them.
fn days(text: &str) -> Result<(u64, bool), CronError> {
    items(text, &DAY)?.try_fold((0, false), |(set, last), item| {
        if item.eq_ignore_ascii_case("L") { Ok((set, true)) } else { Ok((set | range(item, &DAY)?, last)) }
    })
}

/// From Sunday: which of each weekday in a month.
fn weekdays(text: &str) -> Result<[u8; 7], CronError> {
    let mut found = [0; 7];
    for item in items(text, &WEEKDAY)? {
        let (set, places) = match item.split_once('#') {
            Some((weekday, place)) => {
                (1 << value(weekday, &WEEKDAY)?, self::place(place).ok_or_else(|| invalid(item, &WEEKDAY))?)
            }
            None => (range(item, &WEEKDAY)?, EVERY),
        };
        for (number, own) in found.iter_mut().enumerate() {
            // 7 is Sunday too.
            let named = set & (1 << number) != 0 || number == 0 && set & (1 << 7) != 0;
            *own |= if named { places } else { 0 };
        }
    }
    Ok(found)
}

fn place(text: &str) -> Option<u8> {
    match text {
        "1" | "2" | "3" | "4" | "5" => text.parse().ok().map(|place: u8| 1 << (place - 1)),
        "L" | "l" => Some(LAST),
        _ => None,
    }
}

/// The items of a list, none of them empty.
fn items<'t>(text: &'t str, field: &CronField) -> Result<impl Iterator<Item = &'t str> + use<'t>, CronError> {
    if text.split(',').any(str::is_empty) {
        let message = format!("invalid {} `{text}`: an item of the list is empty", field.name);
        let rest: Vec<_> = text.split(',').filter(|item| !item.is_empty()).collect();
        let help =
            if rest.is_empty() { general_help(field) } else { format!("leave it out: `{}`", rest.join(",")) };
        return Err(CronError::new(message, help));
    }
    Ok(text.split(','))
}

/// The numbers of one item: `*`, a number or a range, the latter and `*` with a step or without.
fn range(item: &str, field: &CronField) -> Result<u64, CronError> {
    let (base, step) = match item.split_once('/') {
        Some((base, step)) => (base, Some(step)),
        None => (item, None),
    };
    let (low, high) = match base.split_once('-') {
        _ if base == "*" => (field.min, field.max),
        _ if base.is_empty() && step.is_some() => return Err(lone_step(item, field)),
        Some((low, _)) if low.eq_ignore_ascii_case("L") => return Err(invalid(item, field)),
        Some((low, high)) => (value(low, field)?, value(high, field)?),
        None => {
            let value = value(base, field)?;
            if step.is_some() {
                return Err(lone_step(item, field));
            }
            (value, value)
        }
    };
    if low > high {
        return Err(backwards(item, step.is_some(), (low, high), field));
    }
    let step = step.map_or(Some(1), step_size).ok_or_else(|| bad_step(item, field))?;
    Ok((low..=high).step_by(step).fold(0, |set, number| set | 1 << number))
}

/// A number, or a name.
fn value(text: &str, field: &CronField) -> Result<u32, CronError> {
    let number = if is_number(text) { text.parse().ok() } else { named(text, field.names, field.first_name) };
    number.filter(|number| (field.min..=field.max).contains(number)).ok_or_else(|| invalid(text, field))
}

fn named(text: &str, names: &[&str], first: u32) -> Option<u32> {
    (first..).zip(names).find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(number, _)| number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A step that is larger than any field takes no second number, however large it is.
fn step_size(text: &str) -> Option<usize> {
    let size = if is_number(text) { text.parse().unwrap_or(usize::MAX) } else { 0 };
    Some(size).filter(|size| *size > 0)
}

fn general_help(field: &CronField) -> String {
    format!("write {}; `*` for all, `a-b` for a range, `a,b` for a list, `*/n` for steps", field.range)
}

fn invalid(text: &str, field: &CronField) -> CronError {
    let message = format!("invalid {} `{text}`", field.name);
    CronError::new(message, special_help(text, field).unwrap_or_else(|| general_help(field)))
}

/// What was probably meant by a text that is not a value of the field.
fn special_help(text: &str, field: &CronField) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let is_weekday = field.name == WEEKDAY.name;
    if text == "?" {
        return Some("did you mean `*`?".into());
    }
    if upper.starts_with("L-") && !is_weekday {
        return Some(
            "the days before the last cannot be written: write numbers, or `L` for the last day".into(),
        );
    }
    if upper == "L" {
        return Some(
            "`L` is the last day, in the day of month; the last Friday is `FRI#L`, in the day of week".into(),
        );
    }
    if let Some(weekday) =
        upper.strip_suffix('L').filter(|weekday| is_weekday && value(weekday, &WEEKDAY).is_ok())
    {
        return Some(format!("did you mean `{weekday}#L`, the last one of the month?"));
    }
    if text.contains('#') && !is_weekday {
        return Some(format!("`#` is for the day of week: write {}", field.range));
    }
    if upper.ends_with('W') && field.name == DAY.name {
        return Some(
            "the nearest working day cannot be written: write a number, or `L` for the last day".into(),
        );
    }
    if !field.names.is_empty() {
        return near_name(&upper, field).or_else(|| of_other_field(&upper, field));
    }
    of_other_field(&upper, field)
}

/// The names that a text begins, goes on from, or is one letter off.
fn near_name(upper: &str, field: &CronField) -> Option<String> {
    let is_word = !upper.is_empty() && upper.bytes().all(|byte| byte.is_ascii_alphabetic());
    let exact = named(upper, &MONTHS, 1).or(named(upper, &WEEKDAYS, 0)).is_some();
    if !is_word || exact {
        return None;
    }
    let of_full_name = |name: &&&str| upper.starts_with(**name);
    let near =
        |name: &&&str| name.starts_with(upper) || upper.len() > 1 && strsim::levenshtein(name, upper) == 1;
    let mut names: Vec<_> = field.names.iter().filter(of_full_name).collect();
    if names.is_empty() {
        names = field.names.iter().filter(near).collect();
    }
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    (1..=2).contains(&names.len()).then(|| format!("did you mean {}?", names.join(" or ")))
}

fn of_other_field(upper: &str, field: &CronField) -> Option<String> {
    let other = [(&MONTH, "a month"), (&WEEKDAY, "a day of the week")]
        .into_iter()
        .find(|(other, _)| other.name != field.name && named(upper, other.names, 0).is_some())?
        .1;
    Some(format!("`{upper}` is {other}; the fields are minute, hour, day of month, month, day of week"))
}

fn lone_step(item: &str, field: &CronField) -> CronError {
    let message = format!("invalid {} `{item}`: a step needs a range or `*`", field.name);
    let (base, step) = item.split_once('/').unwrap_or((item, ""));
    let help = match base {
        "" => format!("did you mean `*/{step}`?"),
        _ => format!("did you mean `{base}-{}/{step}`?", field.max),
    };
    CronError::new(message, if step_size(step).is_some() { help } else { general_help(field) })
}

fn bad_step(item: &str, field: &CronField) -> CronError {
    let message = format!("invalid {} `{item}`: a step is a number of at least 1", field.name);
    CronError::new(message, general_help(field))
}

/// A range over the end of the hour, day, week or year, as the two that it was probably meant for.
fn backwards(item: &str, has_step: bool, (low, high): (u32, u32), field: &CronField) -> CronError {
    let message = format!("invalid {} `{item}`: the range runs backwards", field.name);
    if has_step {
        return CronError::new(message, general_help(field));
    }
    let max = if field.name == WEEKDAY.name { 6 } else { field.max };
    let by_name = !item.bytes().any(|byte| byte.is_ascii_digit());
    let shown = |number: u32| {
        let name =
            number.checked_sub(field.first_name).and_then(|at| field.names.get(usize::try_from(at).ok()?));
        name.filter(|_| by_name).map_or(number.to_string(), |name| (*name).to_owned())
    };
    let span = |low: u32, high: u32| match low.cmp(&high) {
        std::cmp::Ordering::Equal => shown(low),
        _ => format!("{}-{}", shown(low), shown(high)),
    };
    let help = if low > max {
        format!("did you mean `{}`?", span(field.min, high))
    } else {
        format!("did you mean `{},{}`?", span(low, max), span(field.min, high))
    };
    CronError::new(message, help)
}

/// What is wrong with an expression that has not five fields.
fn not_five(fields: &[&str]) -> CronError {
    if let &[nickname] = fields
        && nickname.starts_with('@')
    {
        return by_nickname(nickname);
    }
    let message = format!("a cron expression has five fields, not {}", fields.len());
    CronError::new(message, without_seconds_or_year(fields).unwrap_or_else(|| EXAMPLE.into()))
}

fn by_nickname(nickname: &str) -> CronError {
    let lower = nickname.to_ascii_lowercase();
    let message = format!("a cron expression has five fields: `{nickname}` is not one");
    if lower == "@reboot" {
        let help =
            "a series starts at fixed times, not when a machine does: write those, such as \"30 23 * * SAT\"";
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

/// Of six or seven fields, as other programs have them: the five that count here.
fn without_seconds_or_year(fields: &[&str]) -> Option<String> {
    let plain: Vec<_> = fields.iter().map(|field| if *field == "?" { "*" } else { field }).collect();
    let reads = |fields: &[&str]| Some(fields.join(" ")).filter(|text| parse(text).is_ok());
    let (no, five) = match plain.as_slice() {
        [_, five @ .., _] if five.len() == 5 => ("seconds or years", reads(five)?),
        [first, five @ ..] if five.len() == 5 && reads(five).is_some() && reads_as(first, &MINUTE) => {
            ("seconds", reads(five)?)
        }
        [five @ .., year] if five.len() == 5 && *year != "root" && !year.contains('/') => {
            let is_year =
                *year == "*" || year.split(['-', ',']).all(|year| year.len() == 4 && is_number(year));
            ("years", reads(five).filter(|_| is_year)?)
        }
        _ => return None,
    };
    let numbered =
        five.rsplit(' ').next().is_some_and(|weekday| weekday.contains(|c: char| c.is_ascii_digit()));
    // Where `?` is known, 1 is Sunday.
    let mind = if numbered && fields.contains(&"?") { ", where 0 is Sunday and 6 is Saturday" } else { "" };
    Some(format!("there is no field for {no}: write `{five}`{mind}"))
}

fn reads_as(text: &str, field: &CronField) -> bool {
    numbers(text, field).is_ok()
}

/// A step that reaches over the end of its field, so that it takes one number alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepBeyondRange {
    /// As it was written.
    pub item: String,
    /// The field.
    pub field: &'static str,
    /// The number that it takes.
    pub number: u32,
    /// The time after which it begins again.
    pub cycle: &'static str,
}

/// Finds a step of a valid expression that reaches over the end of its field, such as `*/90` among the minutes.
pub fn find_overstep(text: &str) -> Option<StepBeyondRange> {
    let overstep = |item: &str, field: &CronField| {
        let step = step_size(item.strip_prefix("*/")?)?;
        let overstep = usize::try_from(field.max - field.min).is_ok_and(|span| step > span);
        overstep.then(|| StepBeyondRange {
            item: item.to_owned(),
            field: field.name,
            number: field.min,
            cycle: field.cycle,
        })
    };
    let fields = text.split_whitespace().zip(FIELDS);
    fields
        .flat_map(|(text, field)| text.split(',').map(move |item| (item, field)))
        .find_map(|(item, field)| overstep(item, field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crontab_5_knows_is_read_and_so_are_the_two_extensions() {
        for text in [
            "* * * * *",
            "*/5 9-17 * * MON-FRI",
            "0 0 L * *",
            "0 0 1,L * *",
            "0 0 * * SAT#1",
            "0 0 * * fri#l,5#2",
            "0 0 1 JAN *",
            " 0\t0 * *  7 ",
            "05 04 01 09 00",
            "0-59/7 0 1-31/2 JAN-DEC/3 0-7",
            "0 0 */30 * *,5",
            "*/90 * * * *",
            "*/99999999999999999999999 * * * *",
            "0,0 0 * * 5-7",
        ] {
            assert!(parse(text).is_ok(), "{text:?}: {:?}", parse(text));
        }
    }

    /// Each with the message, and a part of the help.
    #[allow(clippy::too_many_lines, reason = "it is a table")]
    #[test]
    fn what_means_nothing_or_something_else_elsewhere_is_refused_with_the_remedy() {
        for (text, message, help) in [
            ("", "a cron expression has five fields, not 0", EXAMPLE),
            ("* * *", "a cron expression has five fields, not 3", EXAMPLE),
            ("60 * * * *", "invalid minute `60`", "write 0 to 59; `*` for all"),
            ("99999999999999999999 * * * *", "invalid minute `99999999999999999999`", "write 0 to 59;"),
            ("* 24 * * *", "invalid hour `24`", "write 0 to 23;"),
            ("* * 0 * *", "invalid day of month `0`", "write 1 to 31, or L for the last;"),
            ("* * 32 * *", "invalid day of month `32`", "write 1 to 31, or L for the last;"),
            ("* * * 0 *", "invalid month `0`", "write 1 to 12, or JAN to DEC;"),
            ("* * * 13 *", "invalid month `13`", "write 1 to 12, or JAN to DEC;"),
            ("* * * * 8", "invalid day of week `8`", "write 0 to 7, or SUN to SAT;"),
            ("a * * * *", "invalid minute `a`", "write 0 to 59;"),
            ("+5 * * * *", "invalid minute `+5`", "write 0 to 59;"),
            ("-5 * * * *", "invalid minute ``", "write 0 to 59;"),
            ("5- * * * *", "invalid minute ``", "write 0 to 59;"),
            ("1-5-7 * * * *", "invalid minute `5-7`", "write 0 to 59;"),
            ("*5 * * * *", "invalid minute `*5`", "write 0 to 59;"),
            ("** * * * *", "invalid minute `**`", "write 0 to 59;"),
            ("*-5 * * * *", "invalid minute `*`", "write 0 to 59;"),
            ("* H * * *", "invalid hour `H`", "write 0 to 23;"),
            // Lists.
            (", * * * *", "invalid minute `,`: an item of the list is empty", "write 0 to 59;"),
            ("0 2 * * ,", "invalid day of week `,`: an item of the list is empty", "write 0 to 7"),
            ("1,,3 * * * *", "invalid minute `1,,3`: an item of the list is empty", "leave it out: `1,3`"),
            ("* ,5 * * *", "invalid hour `,5`: an item of the list is empty", "leave it out: `5`"),
            ("* * 1, * *", "invalid day of month `1,`: an item of the list is empty", "leave it out: `1`"),
            ("* * 1,99 * *", "invalid day of month `99`", "write 1 to 31"),
            // Steps.
            ("*/0 * * * *", "invalid minute `*/0`: a step is a number of at least 1", "write 0 to 59;"),
            ("*/ * * * *", "invalid minute `*/`: a step is a number of at least 1", "write 0 to 59;"),
            ("*/+5 * * * *", "invalid minute `*/+5`: a step is a number of at least 1", "write 0 to 59;"),
            ("*/5/5 * * * *", "invalid minute `*/5/5`: a step is a number of at least 1", "write 0 to 59;"),
            ("5/10 * * * *", "invalid minute `5/10`: a step needs a range or `*`", "did you mean `5-59/10`?"),
            ("5/0 * * * *", "invalid minute `5/0`: a step needs a range or `*`", "write 0 to 59;"),
            ("/5 * * * *", "invalid minute `/5`: a step needs a range or `*`", "did you mean `*/5`?"),
            ("/ * * * *", "invalid minute `/`: a step needs a range or `*`", "write 0 to 59;"),
            ("* * L/2 * *", "invalid day of month `L`", "`L` is the last day"),
            // Ranges.
            ("* 22-2 * * *", "invalid hour `22-2`: the range runs backwards", "did you mean `22-23,0-2`?"),
            (
                "* * * NOV-FEB *",
                "invalid month `NOV-FEB`: the range runs backwards",
                "did you mean `NOV-DEC,JAN-FEB`?",
            ),
            (
                "* * * * FRI-MON",
                "invalid day of week `FRI-MON`: the range runs backwards",
                "did you mean `FRI-SAT,SUN-MON`?",
            ),
            (
                "* * * * sat-sun",
                "invalid day of week `sat-sun`: the range runs backwards",
                "did you mean `SAT,SUN`?",
            ),
            ("* * * * 5-1", "invalid day of week `5-1`: the range runs backwards", "did you mean `5-6,0-1`?"),
            ("* * * * 7-1", "invalid day of week `7-1`: the range runs backwards", "did you mean `0-1`?"),
            ("40-20/5 * * * *", "invalid minute `40-20/5`: the range runs backwards", "write 0 to 59;"),
            // Names.
            ("* * * * MUN", "invalid day of week `MUN`", "did you mean `SUN` or `MON`?"),
            ("* * * * SA", "invalid day of week `SA`", "did you mean `SAT`?"),
            ("* * * * SATURDAY", "invalid day of week `SATURDAY`", "did you mean `SAT`?"),
            ("* * * * MON-FRU", "invalid day of week `FRU`", "did you mean `FRI`?"),
            ("* * * * XYZ", "invalid day of week `XYZ`", "write 0 to 7"),
            ("* * * JANUARY *", "invalid month `JANUARY`", "did you mean `JAN`?"),
            ("* * * * JAN", "invalid day of week `JAN`", "`JAN` is a month; the fields are minute, hour"),
            ("* * * sat *", "invalid month `sat`", "`SAT` is a day of the week; the fields are minute, hour"),
            ("* SAT * * *", "invalid hour `SAT`", "`SAT` is a day of the week; the fields are minute, hour"),
            ("* * MON * *", "invalid day of month `MON`", "`MON` is a day of the week;"),
            // What other programs know.
            (
                "0 2 * * L",
                "invalid day of week `L`",
                "`L` is the last day, in the day of month; the last Friday is `FRI#L`",
            ),
            ("0 L * * *", "invalid hour `L`", "`L` is the last day"),
            ("0 2 * L *", "invalid month `L`", "`L` is the last day"),
            ("0 2 * * 5L", "invalid day of week `5L`", "did you mean `5#L`, the last one of the month?"),
            (
                "0 2 * * fril",
                "invalid day of week `fril`",
                "did you mean `FRI#L`, the last one of the month?",
            ),
            ("0 2 L-3 * *", "invalid day of month `L-3`", "the days before the last cannot be written"),
            ("0 2 15W * *", "invalid day of month `15W`", "the nearest working day cannot be written"),
            ("0 2 LW * *", "invalid day of month `LW`", "the nearest working day cannot be written"),
            ("0 2 ? * SAT", "invalid day of month `?`", "did you mean `*`?"),
            ("0 2 1 * +MON", "invalid day of week `+MON`", "write 0 to 7"),
            ("0 2 * * SAT#0", "invalid day of week `SAT#0`", "SAT#1 is the first"),
            ("0 2 * * SAT#6", "invalid day of week `SAT#6`", "SAT#1 is the first"),
            ("0 2 * * SAT#", "invalid day of week `SAT#`", "SAT#1 is the first"),
            ("0 2 * * #1", "invalid day of week ``", "SAT#1 is the first"),
            ("0 2 * * *#1", "invalid day of week `*`", "SAT#1 is the first"),
            ("0 2 * * MON-FRI#1", "invalid day of week `MON-FRI`", "SAT#1 is the first"),
            ("0 2 * * SAT#1#2", "invalid day of week `SAT#1#2`", "SAT#1 is the first"),
            ("0 2 * * SAT#1/2", "invalid day of week `SAT#1/2`", "SAT#1 is the first"),
            ("0 2 1#1 * *", "invalid day of month `1#1`", "`#` is for the day of week: write 1 to 31"),
            ("@daily", "a cron expression has five fields: `@daily` is not one", "`@daily` is `0 0 * * *`"),
            (
                "@Hourly",
                "a cron expression has five fields: `@Hourly` is not one",
                "`@hourly` is `0 * * * *`",
            ),
            (
                "@weekly",
                "a cron expression has five fields: `@weekly` is not one",
                "`@weekly` is `0 0 * * 0`",
            ),
            (
                "@monthly",
                "a cron expression has five fields: `@monthly` is not one",
                "`@monthly` is `0 0 1 * *`",
            ),
            (
                "@yearly",
                "a cron expression has five fields: `@yearly` is not one",
                "`@yearly` is `0 0 1 1 *`",
            ),
            (
                "@annually",
                "a cron expression has five fields: `@annually` is not one",
                "`@annually` is `0 0 1 1 *`",
            ),
            (
                "@midnight",
                "a cron expression has five fields: `@midnight` is not one",
                "`@midnight` is `0 0 * * *`",
            ),
            (
                "@reboot",
                "a cron expression has five fields: `@reboot` is not one",
                "a series starts at fixed times",
            ),
            (
                "@dayly",
                "a cron expression has five fields: `@dayly` is not one",
                "did you mean `0 0 * * *`, which is `@daily`?",
            ),
            ("@every", "a cron expression has five fields: `@every` is not one", EXAMPLE),
            (
                "0 30 23 * * SAT",
                "a cron expression has five fields, not 6",
                "there is no field for seconds: write `30 23 * * SAT`",
            ),
            (
                "0 30 23 ? * SAT",
                "a cron expression has five fields, not 6",
                "there is no field for seconds: write `30 23 * * SAT`",
            ),
            (
                "0 30 23 ? * 7",
                "a cron expression has five fields, not 6",
                "write `30 23 * * 7`, where 0 is Sunday and 6 is Saturday",
            ),
            (
                "30 23 * * SAT 2026",
                "a cron expression has five fields, not 6",
                "there is no field for years: write `30 23 * * SAT`",
            ),
            (
                "0 30 23 * * SAT 2026-2028",
                "a cron expression has five fields, not 7",
                "there is no field for seconds or years: write `30 23 * * SAT`",
            ),
            ("30 23 * * SAT root", "a cron expression has five fields, not 6", EXAMPLE),
            ("1 2 3 4 5 6 7 8", "a cron expression has five fields, not 8", EXAMPLE),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.message, message, "{text:?}");
            assert!(error.help.contains(help), "{text:?}: {}", error.help);
        }
    }

    #[test]
    fn a_step_over_the_end_of_its_field_is_found() {
        for (text, found) in [
            ("*/90 * * * *", Some(("*/90", "minute", 0, "hour"))),
            ("*/60 * * * *", Some(("*/60", "minute", 0, "hour"))),
            ("*/59 * * * *", None),
            ("0 */36 * * *", Some(("*/36", "hour", 0, "day"))),
            ("0 0 */45 * *", Some(("*/45", "day of month", 1, "month"))),
            ("0 0 * 2,*/12 *", Some(("*/12", "month", 1, "year"))),
            ("0 0 * * */8", Some(("*/8", "day of week", 0, "week"))),
            ("*/15 * * * *", None),
        ] {
            let overstep = find_overstep(text);
            let overstep = overstep.as_ref().map(|o| (o.item.as_str(), o.field, o.number, o.cycle));
            assert_eq!(overstep, found, "{text}");
        }
    }
}
