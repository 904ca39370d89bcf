//! Parses cron expressions as `crontab(5)` describes them. A field whose meaning is doubtful is an error.

use std::ops::Range;

use super::Cron;
use super::days::{Days, EVERY, LAST};
use super::error::{CronError, backwards, bad_step, general_help, invalid, lone_step};
use super::field::{CronField, DAY, HOUR, MINUTE, MONTH, WEEKDAY, find_name, is_number};
use super::field_count::not_five;

/// Parses an expression of five fields.
pub(super) fn parse(text: &str) -> Result<Cron, CronError> {
    let fields: Vec<_> = text.split_whitespace().collect();
    let &[minute, hour, day, month, weekday] = fields.as_slice() else { return Err(not_five(&fields)) };
    let at = |field: usize| move |error| CronError { field: positions(text).nth(field), ..error };
    let minutes = numbers(minute, &MINUTE).map_err(at(0))?;
    let hours = numbers(hour, &HOUR).map_err(at(1))?;
    let (days, last) = days(day).map_err(at(2))?;
    let months = numbers(month, &MONTH).map_err(at(3))?;
    let weekdays = weekdays(weekday).map_err(at(4))?;
    let both = day.starts_with('*') || weekday.starts_with('*');
    Ok(Cron::new(minutes, hours, months, Days { numbers: days, last, weekdays, both }))
}

/// Returns the byte range of each field.
fn positions(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    let part = move |part: &str| {
        end += part.len();
        end - part.len()..end - part.len() + part.trim_end().len()
    };
    text.split_inclusive(char::is_whitespace).map(part).filter(|position| !position.is_empty())
}

/// Parses a field into a set of numbers, as bits.
pub(super) fn numbers(text: &str, field: &CronField) -> Result<u64, CronError> {
    items(text, field)?.try_fold(0, |set, item| Ok(set | range(item, field)?))
}

/// Parses the days of the month, and returns true with them if the last day is one of them.
fn days(text: &str) -> Result<(u64, bool), CronError> {
    items(text, &DAY)?.try_fold((0, false), |(set, last), item| {
        if item.eq_ignore_ascii_case("L") { Ok((set, true)) } else { Ok((set | range(item, &DAY)?, last)) }
    })
}

/// Parses the days of the week: from Sunday on, which ones of a month match.
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
            // 7 is Sunday, too.
            let named = set & (1 << number) != 0 || number == 0 && set & (1 << 7) != 0;
            *own |= if named { places } else { 0 };
        }
    }
    Ok(found)
}

/// Parses what follows a `#`.
fn place(text: &str) -> Option<u8> {
    match text {
        "1" | "2" | "3" | "4" | "5" => text.parse().ok().map(|place: u8| 1 << (place - 1)),
        "L" | "l" => Some(LAST),
        _ => None,
    }
}

/// Splits a list. An empty item is an error.
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

/// Parses one item: a number, or `*` or a range, which may have a step.
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

/// Parses a number or a name.
pub(super) fn value(text: &str, field: &CronField) -> Result<u32, CronError> {
    let number =
        if is_number(text) { text.parse().ok() } else { find_name(text, field.names, field.first_name) };
    number.filter(|number| (field.min..=field.max).contains(number)).ok_or_else(|| invalid(text, field))
}

/// Parses the size of a step, at least 1. One that overflows is as good as any that is larger than the field.
pub(super) fn step_size(text: &str) -> Option<usize> {
    let size = if is_number(text) { text.parse().unwrap_or(usize::MAX) } else { 0 };
    Some(size).filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::super::field_count::EXAMPLE;
    use super::*;

    #[test]
    fn the_syntax_of_crontab_5_and_both_extensions_are_accepted() {
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

    /// Invalid expressions, each with its message and a part of the help.
    const REFUSED: &[(&str, &str, &str)] = &[
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
            "`L` is the last day of the month, in the third field; the last Friday is `FRI#L`, in the fifth",
        ),
        ("0 L * * *", "invalid hour `L`", "`L` is the last day"),
        ("0 2 * L *", "invalid month `L`", "`L` is the last day"),
        ("0 2 * * 5L", "invalid day of week `5L`", "did you mean `5#L`, the last one of the month?"),
        ("0 2 * * fril", "invalid day of week `fril`", "did you mean `FRI#L`, the last one of the month?"),
        ("0 2 L-3 * *", "invalid day of month `L-3`", "days before the last are not supported"),
        ("0 2 15W * *", "invalid day of month `15W`", "the nearest working day is not supported"),
        ("0 2 LW * *", "invalid day of month `LW`", "the nearest working day is not supported"),
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
        (
            "0 2 1#1 * *",
            "invalid day of month `1#1`",
            "`#` is only allowed in the day of week: write 1 to 31",
        ),
        ("@daily", "a cron expression has five fields: `@daily` is not one", "`@daily` is `0 0 * * *`"),
        ("@Hourly", "a cron expression has five fields: `@Hourly` is not one", "`@hourly` is `0 * * * *`"),
        ("@weekly", "a cron expression has five fields: `@weekly` is not one", "`@weekly` is `0 0 * * 0`"),
        ("@monthly", "a cron expression has five fields: `@monthly` is not one", "`@monthly` is `0 0 1 * *`"),
        ("@yearly", "a cron expression has five fields: `@yearly` is not one", "`@yearly` is `0 0 1 1 *`"),
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
            "cron has no field for seconds: write `30 23 * * SAT`",
        ),
        (
            "0 30 23 ? * SAT",
            "a cron expression has five fields, not 6",
            "cron has no field for seconds: write `30 23 * * SAT`",
        ),
        (
            "0 30 23 ? * 7",
            "a cron expression has five fields, not 6",
            "write `30 23 * * 7`, where 0 is Sunday and 6 is Saturday",
        ),
        (
            "30 23 * * SAT 2026",
            "a cron expression has five fields, not 6",
            "cron has no field for years: write `30 23 * * SAT`",
        ),
        (
            "0 30 23 * * SAT 2026-2028",
            "a cron expression has five fields, not 7",
            "cron has no field for seconds or years: write `30 23 * * SAT`",
        ),
        ("30 23 * * SAT root", "a cron expression has five fields, not 6", EXAMPLE),
        ("1 2 3 4 5 6 7 8", "a cron expression has five fields, not 8", EXAMPLE),
    ];

    #[test]
    fn invalid_and_foreign_expressions_are_refused_with_a_suggestion() {
        for &(text, message, help) in REFUSED {
            let error = parse(text).expect_err(text);
            assert_eq!(error.message, message, "{text:?}");
            assert!(error.help.contains(help), "{text:?}: {}", error.help);
        }
    }
}
