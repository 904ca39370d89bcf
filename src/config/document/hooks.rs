//! `[hooks]` and `[[webhook]]` as they were typed.

use std::ops::Range;

use schemars::JsonSchema;

use super::{Field, Texts};
use crate::config::hooks::EventName;
use crate::config::schema::pattern;
use crate::config::table::Table;

/// The keys of `[hooks]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct HooksSection {
    /// The command that runs when a period without a scope begins to be active, so that the whole site is down: a program and
    /// its arguments, without a shell. A program with a `/` is relative to this file; others are searched for in `PATH`.
    #[schemars(with = "Vec<String>", length(min = 1), example = ["/usr/local/bin/tell", "down"])]
    pub on_down: Texts,
    /// The command that runs when the last active period ends, so that the whole site is up. It is written as `on_down`.
    #[schemars(with = "Vec<String>", length(min = 1), example = ["/usr/local/bin/tell", "up"])]
    pub on_up: Texts,
    /// The command that runs when a version of this file, or of a file that it names, is rejected. It is written as `on_down`.
    #[schemars(with = "Vec<String>", length(min = 1), example = ["/usr/local/bin/tell", "rejected"])]
    pub on_rejected: Texts,
}

impl HooksSection {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            on_down: table.get("on_down", "[\"/usr/local/bin/tell\", \"down\"]"),
            on_up: table.get("on_up", "[\"/usr/local/bin/tell\", \"up\"]"),
            on_rejected: table.get("on_rejected", "[\"/usr/local/bin/tell\", \"rejected\"]"),
        }
    }
}

/// A receiver of messages about changes, signed as in Standard Webhooks.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend("required" = ["url", "secret_file"]))]
pub struct WebhookTable {
    /// The place of the table in the text.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// Where messages are sent: `https://`, or `http://` for a receiver on this machine. No two webhooks have the same.
    /// Required.
    #[schemars(with = "String", regex(pattern = pattern::WEBHOOK_URL), example = &"https://hooks.example.com/x")]
    pub url: Field<String>,
    /// The events that are sent to it: `down`, `partial` (partly down) and `up`, the new state of the site; `rejected`, a version
    /// of this file that cannot be applied; `forgotten`, a period without an end that has been active for 24 hours; `soon`, a planned
    /// downtime that begins in 15 minutes.
    #[schemars(with = "Vec<EventName>", length(min = 1), extend("default" = ["down", "partial", "up", "rejected", "forgotten", "soon"]))]
    pub events: Texts,
    /// A file with the secret that messages are signed with, relative to this file: `whsec_` and 24 to 64 random bytes in
    /// Base64. With several lines, at most 5, each of them signs, so that a secret can be replaced without a gap. A change takes effect at
    /// once. Required.
    #[schemars(with = "String", length(min = 1), example = &"hook.key")]
    pub secret_file: Field<String>,
    /// True if a key could not be read. A value that is missing because of it is not a second error.
    #[schemars(skip)]
    pub broken: bool,
}

impl WebhookTable {
    pub(super) fn read(table: &mut Table<'_, '_>, span: Range<usize>) -> Self {
        let mut webhook = Self {
            span,
            url: table.get("url", "\"https://hooks.example.com/x\""),
            events: table.get("events", "[\"down\", \"up\"]"),
            secret_file: table.get("secret_file", "\"hook.key\""),
            broken: false,
        };
        webhook.broken = table.is_broken() || table.has_mistyped(&["url", "secret_file"]);
        webhook
    }
}
