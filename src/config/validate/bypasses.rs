//! Validates each `[[bypass]]`.

use std::collections::HashMap;
use std::ops::Range;

use jiff::tz::TimeZone;

use super::periods::check_name;
use super::scope::{globs, hosts};
use super::timing::timestamp;
use crate::config::document::{BypassTable, Document};
use crate::config::report::Report;
use crate::matching::bypass::{Bypass, BypassPaths, BypassScope, Bypasses, SecretHash};
use crate::schedule::zone::Fold;

const NEW_SECRET: &str = "run `downtime bypass`, which makes a secret and writes its hash";

/// Returns the bypasses.
pub(super) fn validate(document: &Document, zone: &TimeZone, report: &Report) -> Bypasses {
    let mut names = HashMap::new();
    let mut hashes = HashMap::new();
    let mut bypasses = Vec::new();
    for table in &document.bypasses {
        let line = report.line(&table.span);
        if let Some(name) = &table.name {
            check_name(name, &mut names, report);
        }
        check_keys(table, report);
        let hash = hash(table, &mut hashes, report);
        let until = timestamp(&table.until, zone, Fold::Second, report);
        let paths = globs(&table.paths, report, BypassPaths::new);
        let scope = BypassScope { hosts: hosts(&table.hosts, report), paths };
        if let (Some(hash), Some(until)) = (hash, until) {
            let name = table.name.as_ref().map(|name| name.get_ref().clone());
            let file = report.second_file_name(&table.span);
            bypasses.push(Bypass { name, line, file, hash, until, scope });
        }
    }
    Bypasses::new(bypasses)
}

fn check_keys(table: &BypassTable, report: &Report) {
    if table.broken {
        return;
    }
    if table.hash.is_none() {
        report.error(table.span.clone(), "this bypass has no `hash`", NEW_SECRET);
    }
    if table.until.is_none() {
        let help = "write when it ends, for example `until = 2026-12-02T06:00:00Z`";
        report.error(table.span.clone(), "this bypass has no `until`", help);
    }
}

fn hash(
    table: &BypassTable,
    hashes: &mut HashMap<SecretHash, Range<usize>>,
    report: &Report,
) -> Option<SecretHash> {
    let field = table.hash.as_ref()?;
    let hash = SecretHash::parse(field.get_ref());
    match hash {
        None => report.error(field.span(), "this is not `sha256:` and 64 hexadecimal digits", NEW_SECRET),
        Some(hash) => {
            if let Some(first) = hashes.insert(hash, field.span()) {
                let place = report.line_seen_from(&first, &field.span());
                let message = format!("the bypass at {place} has the same secret");
                let help = "remove one of the two: deleting the other would not take the secret back";
                report.error(field.span(), message, help);
            }
        }
    }
    hash
}
