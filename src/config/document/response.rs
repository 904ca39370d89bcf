//! `[response]` as it was typed.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::{Field, HeaderFields, TextByLanguage, TextsOrFalse};
use crate::config::schema::pattern;
use crate::config::table::Table;

/// The keys of `[response]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ResponseSection {
    /// Redirects people who open a page (status 302) instead of showing them the down page. An absolute URL, or a path of
    /// this site, which then passes.
    #[schemars(with = "String", regex(pattern = pattern::redirect()), example = &"https://status.example.com/")]
    pub redirect: Field<String>,
    /// A MiniJinja template that replaces the built-in down page. A path relative to this file.
    #[schemars(with = "String", length(min = 1), example = &"templates/downtime.html")]
    pub template: Field<String>,
    /// The status code of the down page.
    #[schemars(with = "i64", range(min = 500, max = 599), extend("default" = 503))]
    pub status: Field<i64>,
    /// The value of `Retry-After` while the end of the downtime is not known.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "5m"))]
    pub retry_after: Field<String>,
    /// A message to visitors, shown on the down page. Without it, the page shows a general sentence in the visitor's
    /// language. A string is in the language of `[page] lang`, and then the whole page is. A table has a string for each
    /// language, and must contain that one: `{ en = "Back soon.", de = "Bald zurück." }`.
    #[schemars(with = "TextByLanguage", example = &"We'll be back soon.")]
    pub message: Field<TextByLanguage>,
    /// Other origins whose scripts may read the response: `"any"`, a list of origins, which may also send credentials,
    /// or `false` for none.
    #[schemars(with = "TextsOrFalse", example = ["https://app.example.com"], extend("default" = "any"))]
    pub cors: Field<TextsOrFalse>,
    /// Closes WebSockets, other tunnels, and responses that are still in progress, such as server-sent events, this long after
    /// a period that covers their request has begun. Without it, they go on until one side ends them.
    #[schemars(with = "String", regex(pattern = pattern::duration_or_zero()), example = &"30s")]
    pub close_tunnels_after: Field<String>,
    /// More header fields for the response, at most 50 with 4,096 bytes in total. Fields that the gateway sets itself are an
    /// error.
    #[schemars(with = "BTreeMap<String, String>", extend("default" = {}, "examples" = [{ "Surrogate-Control": "no-store" }]))]
    pub headers: HeaderFields,
}

impl ResponseSection {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            redirect: table.get("redirect", "\"https://status.example.com/\""),
            template: table.get("template", "\"templates/downtime.html\""),
            status: table.get("status", "503"),
            retry_after: table.get("retry_after", "\"5m\""),
            message: table.text_by_language("message", "[response.message]", "\"We'll be back soon.\""),
            cors: table.texts_or_false(
                "cors",
                "write `cors = \"any\"`, `cors = [\"https://app.example.com\"]` or `cors = false`",
            ),
            close_tunnels_after: table.get("close_tunnels_after", "\"30s\""),
            headers: table.get("headers", "{ \"Surrogate-Control\" = \"no-store\" }"),
        }
    }
}
