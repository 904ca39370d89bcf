//! `[management]` as it was typed.

use schemars::JsonSchema;

use super::{Field, Texts};
use crate::config::schema::pattern;
use crate::config::table::Table;

/// The keys of `[management]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ManagementSection {
    /// The address to listen on: an IP address with a port, or a Unix socket
    /// (`"unix:/run/downtime/management.sock"`), also with a mode (`"unix:/run/downtime/management.sock?mode=0660"`).
    /// Everyone who can reach it can read the configuration, so choose one that
    /// visitors cannot reach. A change takes effect at the next start.
    #[schemars(with = "String", regex(pattern = pattern::address()), extend("default" = "127.0.0.1:9503"))]
    pub listen: Field<String>,
    /// Host names that operators may use in the URL, besides `localhost` and IP addresses. Requests for other hosts, or
    /// for none, get status 421.
    #[schemars(with = "Vec<String>", example = ["ops.example.com"], extend("default" = []))]
    pub hosts: Texts,
}

impl ManagementSection {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            listen: table.get("listen", "\"127.0.0.1:9503\""),
            hosts: table.get("hosts", "[\"ops.example.com\"]"),
        }
    }
}
