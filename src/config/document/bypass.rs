//! A bypass as it was typed.

use std::ops::Range;

use schemars::JsonSchema;
use toml::value::Datetime;

use super::{Field, Texts};
use crate::config::schema::{DateTime, pattern};
use crate::config::table::Table;

/// A secret that lets testers through while the site is down. `downtime bypass` writes such a table, and prints the link for
/// the testers once. To take the secret back, run `downtime bypass end NAME`, or delete the table.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend("required" = ["hash", "until"]))]
pub struct BypassTable {
    /// The place of the table in the text.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// A name for operators, and for `downtime bypass end NAME`. No two bypasses have the same.
    #[schemars(with = "String", regex(pattern = pattern::NAME), example = &"qa")]
    pub name: Field<String>,
    /// The SHA-256 of the secret, in hexadecimal: never the secret itself. Required.
    #[schemars(with = "String", regex(pattern = pattern::SECRET_HASH), example = &"sha256:7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a")]
    pub hash: Field<String>,
    /// When the bypass ends: a date-time with an offset, or a local one in `timezone`. Required. A bypass lets nobody in until
    /// its end is within 30 days.
    #[schemars(with = "DateTime", example = &"2026-12-02T06:00:00Z")]
    pub until: Field<Datetime>,
    /// Hosts that testers can reach, written as in `[[period]]`. Without it, they can reach all hosts. Behind a trusted
    /// proxy, both `Host` and every `X-Forwarded-Host` must match.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = pattern::HOST)), example = ["shop.example.com"])]
    pub hosts: Texts,
    /// Globs for the paths that testers can reach, written as in `[exempt] paths`, and as exact as those. Without it, they can
    /// reach all paths. With `hosts` or `paths`, a path that is not canonical is never let through.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = pattern::glob())), example = ["/checkout/**"])]
    pub paths: Texts,
    /// True if a key could not be read. A value that is missing because of it is not a second error.
    #[schemars(skip)]
    pub broken: bool,
}

impl BypassTable {
    pub(super) fn read(table: &mut Table<'_, '_>, span: Range<usize>) -> Self {
        let mut bypass = Self {
            span,
            name: table.get("name", "\"qa\""),
            hash: table.get("hash", "\"sha256:…\""),
            until: table.get("until", "2026-12-02T06:00:00Z"),
            hosts: table.get("hosts", "[\"shop.example.com\"]"),
            paths: table.get("paths", "[\"/checkout/**\"]"),
            broken: false,
        };
        bypass.broken = table.is_broken() || table.has_mistyped(&["hash", "until"]);
        bypass
    }
}
