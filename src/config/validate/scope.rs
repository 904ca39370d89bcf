//! Validates the scope of a period or a bypass: its hosts, paths and methods.

use toml::Spanned;

use crate::config::document::{PeriodTable, Texts};
use crate::config::report::Report;
use crate::invalid_value::InvalidValue;
use crate::matching::glob::PathGlobs;
use crate::matching::scope::{Host, Scope, ScopePaths, parse_method};

pub(super) fn scope(table: &PeriodTable, report: &Report) -> Scope {
    let paths = globs(&table.paths, report, |paths| ScopePaths::new(paths.iter().map(String::as_str)));
    Scope { hosts: hosts(&table.hosts, report), paths, methods: list(&table.methods, report, parse_method) }
}

/// Parses a list of hosts.
pub(super) fn hosts(field: &Texts, report: &Report) -> Option<Vec<Host>> {
    list(field, report, Host::parse)
}

/// Checks a list of globs, and compiles it.
pub(super) fn globs<T: Default>(
    field: &Texts,
    report: &Report,
    compile: impl FnOnce(Vec<String>) -> Result<T, InvalidValue>,
) -> Option<T> {
    let texts = list(field, report, |text| PathGlobs::check(text).map(|()| text.to_owned()))?;
    let span = field.as_ref().map_or(0..0, Spanned::span);
    Some(report.valid(span, compile(texts)).unwrap_or_default())
}

/// Parses the items of a list, which must not be empty.
fn list<T>(
    field: &Texts,
    report: &Report,
    parse: impl Fn(&str) -> Result<T, InvalidValue>,
) -> Option<Vec<T>> {
    let list = field.as_ref()?;
    if list.get_ref().is_empty() {
        let help = "write what is covered, or remove the line to cover everything";
        report.error(list.span(), "an empty list covers nothing", help);
    }
    let item = |text: &Spanned<String>| report.valid(text.span(), parse(text.get_ref()));
    Some(list.get_ref().iter().filter_map(item).collect())
}
