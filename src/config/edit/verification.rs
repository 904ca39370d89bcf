//! Verifies that an edited text means the same as the old one, apart from the changes.

use toml::{Table, Value};

use super::{BYPASS, Change, EditError, Literal, PERIOD};

/// Returns an error unless the edited text differs from the old one in exactly what the changes name.
pub(super) fn verify(old: &str, edited: &str, changes: &[Change]) -> Result<(), EditError> {
    let expected = changes.iter().try_fold(parse(old)?, apply_one)?;
    let is_as_expected =
        parse(edited).is_ok_and(|actual| without_empty_list(actual) == without_empty_list(expected));
    is_as_expected.then_some(()).ok_or(EditError::Misread)
}

/// Returns the periods of a text, in file order.
pub(super) fn periods(text: &str) -> Result<Vec<Table>, EditError> {
    let periods = parse(text)?.remove(PERIOD).unwrap_or_else(|| Value::Array(Vec::new()));
    let table = |period: Value| match period {
        Value::Table(table) => Ok(table),
        _ => Err(EditError::NotPeriods),
    };
    match periods {
        Value::Array(periods) => periods.into_iter().map(table).collect(),
        _ => Err(EditError::NotPeriods),
    }
}

/// Removes an empty list of periods, which means the same as none.
fn without_empty_list(mut document: Table) -> Table {
    for list in [PERIOD, BYPASS] {
        if document.get(list).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            document.remove(list);
        }
    }
    document
}

fn parse(text: &str) -> Result<Table, EditError> {
    toml::from_str(text).map_err(|error| EditError::Syntax(error.message().to_owned()))
}

fn apply_one(mut document: Table, change: &Change) -> Result<Table, EditError> {
    match change {
        Change::Append(keys) => append(&mut document, PERIOD, keys)?,
        Change::AppendBypass(keys) => append(&mut document, BYPASS, keys)?,
        Change::Remove { period } => remove(&mut document, PERIOD, *period)?,
        Change::RemoveBypass { bypass } => remove(&mut document, BYPASS, *bypass)?,
        Change::Alter { period, set, remove } => {
            let period = period_at(&mut document, *period)?;
            set_keys(period, set)?;
            for key in remove {
                period.remove(*key);
            }
        }
        Change::Push { period, key, value } => {
            array(period_at(&mut document, *period)?, key)?.push(value.value()?);
        }
    }
    Ok(document)
}

fn append(document: &mut Table, list: &str, keys: &[(&'static str, Literal)]) -> Result<(), EditError> {
    let mut table = Table::new();
    set_keys(&mut table, keys)?;
    array(document, list)?.push(table.into());
    Ok(())
}

fn remove(document: &mut Table, list: &str, index: usize) -> Result<(), EditError> {
    let tables = array(document, list)?;
    if index >= tables.len() {
        return Err(EditError::Misread);
    }
    tables.remove(index);
    Ok(())
}

fn set_keys(table: &mut Table, keys: &[(&'static str, Literal)]) -> Result<(), EditError> {
    for (key, value) in keys {
        table.insert((*key).to_owned(), value.value()?);
    }
    Ok(())
}

fn period_at(document: &mut Table, index: usize) -> Result<&mut Table, EditError> {
    let period = array(document, PERIOD)?.get_mut(index).and_then(Value::as_table_mut);
    period.ok_or(EditError::Misread)
}

fn array<'t>(table: &'t mut Table, key: &str) -> Result<&'t mut Vec<Value>, EditError> {
    let value = table.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    value.as_array_mut().ok_or(EditError::Misread)
}
