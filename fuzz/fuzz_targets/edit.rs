//! Reads any text as a file, followed after the first NUL by changes to it. An edit must not panic. It is refused only for a
//! reason in the file. If not, it must change exactly the intended keys, both in the bytes and in the parsed TOML.

#![no_main]

use std::ops::Range;

use arbitrary::{Arbitrary, Result, Unstructured};
use downtime::config::edit::{Change, EditError, Literal, apply};
use libfuzzer_sys::fuzz_target;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;
use toml::{Table, Value};

const PERIOD: &str = "period";
const KEYS: [&str; 8] = ["start", "end", "for", "except", "enabled", "message", "hosts", "name"];
const TIMES: [&str; 4] =
    ["2026-12-01T22:00:00Z", "2026-12-01T22:00:00.001-03:30", "2026-12-01T22:00:00", "2026-12-26"];
/// How many periods of a file are changed.
const MAX_PERIODS: usize = 4;
/// Without changes in the input, those of `start` and `end` are made.
const DEFAULT_CHANGES: &[u8] = &[];

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|&byte| byte == 0).unwrap_or(input.len());
    let (text, changes) = (&input[..end], input.get(end + 1..).unwrap_or(DEFAULT_CHANGES));
    if let Ok(text) = str::from_utf8(text) {
        edit(text, &steps(changes));
    }
});

/// One change of one key, or of one period.
#[derive(Debug)]
enum Step {
    Append(Vec<(&'static str, Literal)>),
    Set(usize, &'static str, Literal),
    Remove(usize, &'static str),
    Push(usize, &'static str, Literal),
}

fn steps(input: &[u8]) -> Vec<Step> {
    if input.is_empty() {
        return default_steps();
    }
    let mut input = Unstructured::new(input);
    std::iter::from_fn(|| if input.is_empty() { None } else { Step::arbitrary(&mut input).ok() })
        .take(8)
        .collect()
}

fn default_steps() -> Vec<Step> {
    let time = |at: usize| Literal::DateTime(TIMES[at].to_owned());
    let name = Literal::String("db".to_owned());
    let changes = [
        |_: usize, end: Literal, _: Literal| Step::Set(0, "end", end),
        |period, _, _| Step::Remove(period, "for"),
        |period, _, date| Step::Push(period, "except", date),
        |period, _, _| Step::Set(period, "enabled", Literal::Bool(false)),
        |period, _, _| Step::Remove(period, "message"),
    ];
    let appended = [Step::Append(vec![("name", name), ("start", time(0))])];
    let each = (0..2).flat_map(|period| changes.map(|change| change(period, time(1), time(3))));
    appended.into_iter().chain(each).collect()
}

impl Arbitrary<'_> for Step {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        let (kind, period, key) = (u.int_in_range(0..=3)?, u.choose_index(MAX_PERIODS)?, *u.choose(&KEYS)?);
        Ok(match kind {
            0 => Self::Append(keys(u)?),
            1 => Self::Set(period, key, literal(u)?),
            2 => Self::Remove(period, key),
            _ => Self::Push(period, key, literal(u)?),
        })
    }
}

fn keys(u: &mut Unstructured<'_>) -> Result<Vec<(&'static str, Literal)>> {
    let chosen: u8 = u.arbitrary()?;
    let chosen = KEYS.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
    chosen.map(|(_, key)| Ok((*key, literal(u)?))).collect()
}

fn literal(u: &mut Unstructured<'_>) -> Result<Literal> {
    Ok(match u.int_in_range(0..=4)? {
        0 => Literal::String(u.arbitrary()?),
        1 => Literal::Bool(u.arbitrary()?),
        2 => Literal::Strings(u.arbitrary()?),
        3 => Literal::DateTime(u.arbitrary()?),
        _ => Literal::DateTime((*u.choose(&TIMES)?).to_owned()),
    })
}

/// Returns the value of a literal; `None` if it is an invalid date-time.
fn value(literal: &Literal) -> Option<Value> {
    Some(match literal {
        Literal::String(text) => Value::String(text.clone()),
        Literal::Bool(value) => Value::Boolean(*value),
        Literal::Strings(texts) => Value::Array(texts.iter().cloned().map(Value::String).collect()),
        Literal::DateTime(text) => Value::Datetime(text.parse::<Datetime>().ok()?),
        Literal::Value(value) => value.clone(),
    })
}

impl Step {
    fn change(&self) -> Change {
        match self {
            Self::Append(keys) => Change::Append(keys.clone()),
            Self::Set(period, key, value) => {
                Change::Alter { period: *period, set: vec![(key, value.clone())], remove: vec![] }
            }
            Self::Remove(period, key) => Change::Alter { period: *period, set: vec![], remove: vec![key] },
            Self::Push(period, key, value) => Change::Push { period: *period, key, value: value.clone() },
        }
    }

    fn place(&self) -> Option<(usize, &'static str)> {
        match self {
            Self::Append(_) => None,
            Self::Set(period, key, _) | Self::Remove(period, key) | Self::Push(period, key, _) => {
                Some((*period, key))
            }
        }
    }
}

/// Makes the changes one by one, with a check of each, and then all together.
fn edit(text: &str, steps: &[Step]) {
    let mut edited = text.to_owned();
    let mut made = Vec::new();
    for step in steps {
        let change = step.change();
        match (apply(&edited, std::slice::from_ref(&change)), toml::from_str::<Table>(&edited)) {
            (Err(EditError::Syntax(_) | EditError::NotADateTime(_)), Err(_)) => return,
            (result, Err(error)) => panic!("{result:?} of invalid TOML: {error}"),
            // A NaN is not equal to itself. No key of the file has one.
            (_, Ok(old)) if old.clone() != old => return,
            (Err(error), Ok(old)) => {
                assert!(is_reason(&error, step, &old), "{error:?} of {step:?}\n{edited}")
            }
            (Ok(after), Ok(old)) => {
                assert_eq!(reason(step, &old), None, "{step:?}\n{edited}");
                check_values(&old, &toml::from_str(&after).expect("TOML"), step);
                assert!(is_in_place(&edited, &after, step), "{step:?} of\n{edited}\nis\n{after}");
                edited = after;
                made.push(change);
            }
        }
    }
    assert_eq!(apply(text, &made).as_deref(), Ok(edited.as_str()));
}

fn periods(file: &Table) -> &[Value] {
    file.get(PERIOD).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the reason for which a step must be refused.
fn reason(step: &Step, file: &Table) -> Option<EditError> {
    let literals: Vec<&Literal> = match step {
        Step::Append(keys) => keys.iter().map(|(_, literal)| literal).collect(),
        Step::Set(.., literal) | Step::Push(.., literal) => vec![literal],
        Step::Remove(..) => vec![],
    };
    let no_date = literals.into_iter().find(|literal| value(literal).is_none());
    if let Some(Literal::DateTime(text)) = no_date {
        return Some(EditError::NotADateTime(text.clone()));
    }
    if file.get(PERIOD).is_some_and(|periods| !periods.is_array()) {
        return Some(EditError::NotPeriods);
    }
    let (period, key) = step.place()?;
    let periods = periods(file);
    let Some(table) = periods.get(period) else {
        return Some(EditError::NoPeriod { period, periods: periods.len() });
    };
    let Some(table) = table.as_table() else { return Some(EditError::NotPeriods) };
    let pushed = matches!(step, Step::Push(..)).then_some(table.get(key)).flatten();
    pushed.is_some_and(|value| !value.is_array()).then_some(EditError::NotAnArray(key))
}

/// Returns true if a step may be refused with this error. The parsed file does not show if a table was made of headers or
/// dotted keys, or which of several errors comes first.
fn is_reason(error: &EditError, step: &Step, file: &Table) -> bool {
    let existing = step.place().and_then(|(period, key)| periods(file).get(period)?.get(key));
    let has_tables = |value: &Value| match value {
        Value::Table(_) => true,
        Value::Array(values) => values.iter().any(Value::is_table),
        _ => false,
    };
    match error {
        EditError::NotAValue(_) => existing.is_some_and(has_tables),
        // Errors in the file are found before those in the literal.
        EditError::NotPeriods | EditError::NoPeriod { .. } | EditError::NotAnArray(_) => {
            reason(&valid(step), file).as_ref() == Some(error)
        }
        _ => reason(step, file).as_ref() == Some(error),
    }
}

/// Returns the step with valid literals.
fn valid(step: &Step) -> Step {
    let right = Literal::Bool(true);
    match step {
        Step::Append(_) => Step::Append(vec![]),
        Step::Remove(period, key) => Step::Remove(*period, key),
        Step::Set(period, key, _) => Step::Set(*period, key, right),
        Step::Push(period, key, _) => Step::Push(*period, key, right),
    }
}

/// Only the one key, or the one period, may have changed.
fn check_values(old: &Table, new: &Table, step: &Step) {
    let rest = |file: &Table| file.clone().into_iter().filter(|(key, _)| key != PERIOD).collect::<Table>();
    assert_eq!(rest(old), rest(new));
    let (old, new) = (periods(old), periods(new));
    let Some((period, key)) = step.place() else {
        let Step::Append(keys) = step else { unreachable!("it has a place") };
        let (last, before) = new.split_last().expect("a period");
        let expected = keys.iter().filter_map(|(key, literal)| Some(((*key).to_owned(), value(literal)?)));
        assert_eq!((before, last), (old, &Value::Table(expected.collect())));
        return;
    };
    let table = |periods: &[Value]| periods[period].as_table().expect("a table").clone();
    let (mut was, mut is) = (table(old), table(new));
    let (was_there, is_there) = (was.remove(key), is.remove(key));
    assert_eq!(was, is, "the other keys");
    let others = |periods: &[Value]| [&periods[..period], &periods[period + 1..]].concat();
    assert_eq!(others(old), others(new), "the other periods");
    let expected = match step {
        Step::Set(_, _, literal) => value(literal),
        Step::Push(_, _, literal) => {
            let array = was_there.map_or(vec![], |value| value.as_array().expect("an array").clone());
            Some(Value::Array(array.into_iter().chain(value(literal)).collect()))
        }
        _ => None,
    };
    assert_eq!(is_there, expected);
}

/// Returns true if all bytes outside of the change are unchanged.
fn is_in_place(before: &str, after: &str, step: &Step) -> bool {
    let entry = step.place().and_then(|(period, key)| entry(before, period, key));
    match (step, entry) {
        (Step::Set(..), Some((_, value))) => {
            let within = |after: &str| {
                after
                    .strip_prefix(&before[..value.start])?
                    .strip_suffix(&before[value.end..])
                    .map(str::to_owned)
            };
            within(after).is_some_and(|value| !value.contains('\n'))
        }
        // The keys of a table without braces may be at several places.
        (Step::Remove(period, key), Some((_, value)))
            if has_table(before, *period, key) && !before[value.clone()].starts_with('{') =>
        {
            is_subsequence(after, before)
        }
        (Step::Remove(..), Some((key, value))) => {
            let taken = squeezed(&before[key.start..value.end]);
            let lost = squeezed(before).len() - squeezed(after).len();
            is_taken_out(before, after) && lost == taken.len()
                || without_a_comma(before).any(|before| is_taken_out(&before, after))
                    && lost == taken.len() + 1
        }
        (Step::Remove(..), None) => before == after,
        _ => {
            let plain = is_taken_out(after, before);
            (plain || without_a_comma(after).any(|after| is_taken_out(&after, before)))
                && (!plain || has_newlines_of(before, after))
        }
    }
}

/// Returns the positions of a key and its value in a period.
fn entry(text: &str, period: usize, key: &str) -> Option<(Range<usize>, Range<usize>)> {
    let root = DeTable::parse(text).ok()?;
    let DeValue::Array(periods) = root.get_ref().get(PERIOD)?.get_ref() else { return None };
    let DeValue::Table(table) = periods.get(period)?.get_ref() else { return None };
    table.get_key_value(key).map(|(key, value)| (key.span(), value.span()))
}

/// Returns true if a key of a period has a table.
fn has_table(text: &str, period: usize, key: &str) -> bool {
    let file: Table = toml::from_str(text).unwrap_or_default();
    periods(&file).get(period).and_then(|table| table.get(key)).is_some_and(Value::is_table)
}

/// Returns true if `part` has bytes of `whole` in their order, and no others.
fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut whole = whole.bytes();
    part.bytes().all(|byte| whole.any(|other| other == byte))
}

/// Returns true if `part` is `whole` without one contiguous piece.
fn is_taken_out(whole: &str, part: &str) -> bool {
    let (whole, part) = (whole.as_bytes(), part.as_bytes());
    let before = whole.iter().zip(part).take_while(|(one, other)| one == other).count();
    let after = whole.iter().rev().zip(part.iter().rev()).take_while(|(one, other)| one == other).count();
    part.len() <= whole.len() && before + after >= part.len()
}

/// Returns, for each comma, the text without it.
fn without_a_comma(text: &str) -> impl Iterator<Item = String> {
    text.match_indices(',').map(|(at, _)| [&text[..at], &text[at + 1..]].concat())
}

/// Removes blanks and newlines.
fn squeezed(text: &str) -> String {
    text.replace([' ', '\t', '\r', '\n'], "")
}

/// Returns true if the added newlines are of the same kind as the first.
fn has_newlines_of(before: &str, after: &str) -> bool {
    let first_is_crlf = before.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r'));
    let count = |text: &str, newline: &str| text.matches(newline).count();
    let (all, crlf) =
        (count(after, "\n") - count(before, "\n"), count(after, "\r\n") - count(before, "\r\n"));
    crlf == if first_is_crlf { all } else { 0 }
}
