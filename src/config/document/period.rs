//! A period as it was typed.

use std::ops::Range;

use schemars::JsonSchema;
use toml::Spanned;
use toml::value::Datetime;

use super::{Field, OrFalse, TextByLanguage, Texts};
use crate::config::schema::{DateOrDateTime, DateTime, pattern};
use crate::config::table::Table;

/// A period of downtime. It needs `start`, or `cron` with `for`. It is active from its start until just before its end.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend(
    "anyOf" = [{ "required": ["cron"] }, { "required": ["start"], "not": { "required": ["end", "for"] } }],
    "not" = { "required": ["redirect", "template"], "properties": { "redirect": { "type": "string" } } },
    "dependencies" = { "cron": ["for"], "except": ["cron"] },
))]
pub struct PeriodTable {
    /// The place of the table in the text.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// A name for operators, and for `downtime end NAME`. It must be unique in the file. Visitors never see it.
    #[schemars(with = "String", regex(pattern = pattern::NAME), example = &"db-upgrade")]
    pub name: Field<String>,
    /// When the period starts: a date-time with an offset, or a local one in `timezone`. Required without `cron`. With
    /// `cron`, no occurrence starts before it.
    #[schemars(with = "DateTime", example = &"2026-12-01T22:00:00+01:00")]
    pub start: Field<Datetime>,
    /// When the period ends: a date-time after `start`. Without `end` and `for`, the period is open-ended. With `cron`,
    /// the whole series ends here.
    #[schemars(with = "DateTime", example = &"2026-12-02T02:00:00+01:00")]
    pub end: Field<Datetime>,
    /// How long the period lasts, in elapsed time; it replaces `end`. With `cron`, it is required and applies to each
    /// occurrence.
    #[schemars(rename = "for", with = "String", regex(pattern = pattern::duration()), example = &"4h", example = &"1h 30m")]
    pub duration: Field<String>,
    /// When each occurrence of a recurring period starts, in `timezone`: minute, hour, day of month, month, day of week.
    #[schemars(with = "String", regex(pattern = pattern::CRON), example = &"30 23 * * SAT", example = &"0 4 L * *")]
    pub cron: Field<String>,
    /// With `cron`: occurrences to leave out. A local date leaves out all occurrences that start on it, a date-time the one
    /// that starts then.
    #[schemars(with = "Vec<DateOrDateTime>", extend("default" = []))]
    pub except: Field<Vec<Spanned<Datetime>>>,
    /// Hosts that the period covers, without port: `"shop.example.com"`, or `"*.example.org"` for every host below
    /// example.org. Without it, the period covers all hosts.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = pattern::HOST)), example = ["shop.example.com", "*.example.org"])]
    pub hosts: Texts,
    /// Globs for the paths that the period covers, written as in `[exempt] paths`. Without it, the period covers all
    /// paths.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = pattern::glob())), example = ["/checkout/**"])]
    pub paths: Texts,
    /// Methods that the period covers, in upper or lower case. Without it, the period covers all methods.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = pattern::METHOD)), example = ["POST", "PUT", "PATCH", "DELETE"])]
    pub methods: Texts,
    /// The time zone of this period, as an IANA name. Without it, the period uses the time zone of the file.
    #[schemars(with = "String", regex(pattern = pattern::TIME_ZONE), example = &"America/New_York")]
    pub timezone: Field<String>,
    /// If false, the period has no effect.
    #[schemars(with = "bool", extend("default" = true))]
    pub enabled: Field<bool>,
    /// If true, `downtime end` without a name ends this period, even before its `end`. `downtime start` sets it for
    /// downtimes that start now.
    #[schemars(with = "bool", extend("default" = false))]
    pub unscheduled: Field<bool>,
    /// A message to visitors, shown on the down page: a string, or a table by language, as in `[response]`. Without it, the
    /// page shows the message in `[response]`; with an empty one, a general sentence.
    #[schemars(with = "TextByLanguage", example = &"We are moving to a faster database.")]
    pub message: Field<TextByLanguage>,
    /// A redirect during this period, instead of the one in `[response]`; `false` shows the down page. Cannot be combined
    /// with `template`.
    #[schemars(with = "OrFalse", extend("pattern" = pattern::redirect()), example = &"https://status.example.com/")]
    pub redirect: Field<OrFalse>,
    /// A template for the down page during this period, relative to this file. It takes precedence over the template and
    /// the redirect in `[response]`.
    #[schemars(with = "String", length(min = 1), example = &"templates/upgrade.html")]
    pub template: Field<String>,
    /// True if a key could not be read. A value that is missing because of it is not a second error.
    #[schemars(skip)]
    pub broken: bool,
}

impl PeriodTable {
    pub(super) fn read(table: &mut Table<'_, '_>, span: Range<usize>) -> Self {
        let mut period = Self {
            span,
            name: table.get("name", "\"db-upgrade\""),
            start: table.get("start", "2026-12-01T22:00:00+01:00"),
            end: table.get("end", "2026-12-02T02:00:00+01:00"),
            duration: table.get("for", "\"4h\""),
            cron: table.get("cron", "\"30 23 * * SAT\""),
            except: table.get("except", "[2026-12-26]"),
            hosts: table.get("hosts", "[\"shop.example.com\"]"),
            paths: table.get("paths", "[\"/checkout/**\"]"),
            methods: table.get("methods", "[\"POST\", \"PUT\"]"),
            timezone: table.get("timezone", "\"Europe/Berlin\""),
            enabled: table.flag("enabled"),
            unscheduled: table.flag("unscheduled"),
            message: table.text_by_language(
                "message",
                "[period.message]",
                "\"We are moving to a faster database.\"",
            ),
            redirect: table.text_or_false("redirect", "\"https://status.example.com/\""),
            template: table.get("template", "\"templates/upgrade.html\""),
            broken: false,
        };
        period.broken = table.is_broken() || period.start.is_none() && table.has_mistyped(&["start", "cron"]);
        period
    }
}
