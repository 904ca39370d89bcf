//! `[exempt]` as it was typed.

use schemars::JsonSchema;

use super::{Field, Texts};
use crate::config::schema::pattern;
use crate::config::table::Table;

/// The keys of `[exempt]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ExemptSection {
    /// Paths that pass if they match exactly. The query string is ignored.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::path())), example = ["/"], extend("default" = []))]
    pub exact: Texts,
    /// Globs for paths that pass. `*` and `?` match within one segment; `**` matches any number of whole segments.
    /// `"/admin/**"` matches `/admin` and everything below it, but not `/administrator`.
    ///
    /// A glob has at most 1,000 bytes, and a list has at most 50,000 `*` and `?`.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::glob())), example = ["/admin/**"], extend("default" = []))]
    pub paths: Texts,
    /// IP addresses, or networks in CIDR notation, of clients that pass. If the gateway runs behind a proxy, set
    /// `trusted_proxies` too.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::network())), example = ["192.0.2.0/24", "2001:db8::/32"], extend("default" = []))]
    pub networks: Texts,
    /// If true, ACME challenges pass, so that certificates renew during a downtime: `GET` and `HEAD` requests for
    /// `/.well-known/acme-challenge/TOKEN`.
    #[schemars(with = "bool", extend("default" = true))]
    pub acme: Field<bool>,
}

impl ExemptSection {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            exact: table.get("exact", "[\"/\"]"),
            paths: table.get("paths", "[\"/admin/**\"]"),
            networks: table.get("networks", "[\"192.0.2.0/24\"]"),
            acme: table.flag("acme"),
        }
    }
}
