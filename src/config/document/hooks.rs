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
    /// The command that runs when the last period has ended, so that the whole site is up, written likewise.
    #[schemars(with = "Vec<String>", length(min = 1), example = ["/usr/local/bin/tell", "up"])]
    pub on_up: Texts,
    /// The command that runs when a version of this file was rejected, or of a file that it names, written likewise.
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
    /// The events that it is told: the site is `down`, `partial`ly down or `up`; a version of this file was `rejected`; a
    /// period without an end was `forgotten`, active for 24 hours; a planned downtime begins `soon`, in 15 minutes.
    #[schemars(with = "Vec<EventName>", length(min = 1), extend("default" = ["down", "partial", "up", "rejected", "forgotten", "soon"]))]
    pub events: Texts,
    /// A file with the secret that messages are signed with, relative to this file: `whsec_` and 24 to 64 random bytes in
    /// Base64. With several lines, each of them signs, so that a secret can be replaced without a gap. A change takes effect at
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
