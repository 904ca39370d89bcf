//! `[log]` as it was typed.

use schemars::JsonSchema;

use super::{Field, FlagOrWord};
use crate::config::schema::pattern;
use crate::config::table::Table;
use crate::config::{AccessLog, LogFormat};

/// The values of `access`.
pub const ACCESS_HELP: &str = "write `access = \"combined\"`, `access = \"json\"`, or `access = false`";

/// The keys of `[log]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct LogSection {
    /// The least severe level to log: `error`, `warn`, `info`, `debug` or `trace`. A filter with directives, such as
    /// `"info,downtime::watch=debug"`, sets the level of single modules.
    #[schemars(with = "String", regex(pattern = pattern::LEVEL), extend("default" = "info"))]
    pub level: Field<String>,
    /// The form of log lines. A change takes effect at the next start.
    #[schemars(with = "LogFormat", extend("default" = "text"))]
    pub format: Field<String>,
    /// Logs each request when it has ended, whatever `level` says: `"combined"` or `true` in the Combined Log Format, with more
    /// fields behind it; `"json"` as a JSON object. The query is left out, since it may contain private data.
    #[schemars(with = "AccessLog", extend("default" = false))]
    pub access: Field<FlagOrWord>,
}

impl LogSection {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            level: table.get("level", "\"info\""),
            format: table.get("format", "\"text\""),
            access: table.flag_or_word("access", ACCESS_HELP),
        }
    }
}
