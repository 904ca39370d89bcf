//! What an operator typed, beside what somebody else has saved meanwhile.

use super::form::{FormValues, field_of_key, of_table};
use super::period_form::PeriodForm;
use super::save::VERSION;

impl PeriodForm<'_> {
    /// Returns the typed values, with those that only somebody else has changed, and all that somebody else has changed.
    pub(super) fn merge(&self, typed: &FormValues) -> (FormValues, FormValues) {
        let opened =
            self.visit.request.field(VERSION).and_then(|opened| self.visit.file.versions.get(opened));
        let id = self.visit.request.path.split('/').nth(2).unwrap_or_default();
        let table = opened.as_ref().and_then(|version| version.periods.iter().find(|(other, _)| other == id));
        let opened = table.map(|(_, table)| of_table(table, &self.context));
        let mut values = self.current.clone();
        let mut theirs = FormValues::new();
        for (field, value) in typed {
            let now = self.current.get(field).map_or("", String::as_str);
            let before = opened.as_ref().map_or(now, |opened| opened.get(field).map_or("", String::as_str));
            let is_mine = opened.is_none() || value != before;
            if is_mine {
                values.insert(field.clone(), value.clone());
            }
            if now != before || opened.is_none() && self.index.is_some() && now != value {
                let shown = if now.is_empty() { "nothing" } else { now };
                theirs.insert(field_of_key(field, typed), shown.to_owned());
            }
        }
        (values, theirs)
    }
}
