//! The configuration file as it was typed: each value with its place. Only the form of a value is checked here.

mod admin;
mod bypass;
mod exempt;
mod hooks;
mod limits;
mod log;
mod management;
mod page;
mod period;
mod read;
mod response;
mod server;
mod site;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use toml::Spanned;

pub use self::admin::AdminSection;
pub use self::bypass::BypassTable;
pub use self::exempt::ExemptSection;
pub use self::hooks::{HooksSection, WebhookTable};
pub use self::limits::LimitsSection;
pub use self::log::{ACCESS_HELP, LogSection};
pub use self::management::ManagementSection;
pub use self::page::PageSection;
pub use self::period::PeriodTable;
pub use self::response::ResponseSection;
pub use self::server::{ServerSection, TlsTable};
pub use self::site::{SiteSection, UpstreamTlsTable};
use super::schema::pattern;
pub use super::table::{Field, FlagOrWord, OrFalse, TextByLanguage, TextsOrFalse};

/// A list of strings, each with its place.
pub type Texts = Field<Vec<Spanned<String>>>;

/// The names and values of header fields, each with its place.
pub type HeaderFields = Field<BTreeMap<Spanned<String>, Spanned<String>>>;

/// The periods in which the site is down, and the response to visitors during them.
// Editors show the doc comments of this type and of the sections, and docs/configuration.md is generated from them: they
// address the author of a downtime.toml.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(title = "downtime.toml", default, deny_unknown_fields)]
pub struct Document {
    /// The time zone of this file, as an IANA name. It applies to times without an offset, to `cron`, and to the times
    /// that commands print.
    #[schemars(with = "String", regex(pattern = pattern::TIME_ZONE), example = &"Europe/Berlin", extend("default" = "UTC"))]
    pub timezone: Field<String>,
    /// A second file with periods, relative to this file. Commands such as `downtime start` write there, and leave this file
    /// alone.
    #[schemars(with = "String", length(min = 1), example = &"periods.toml")]
    pub periods_file: Field<String>,
    /// The addresses to listen on, and the proxies to trust.
    pub server: ServerSection,
    /// The site behind the gateway: an upstream server or a directory of files. With neither, visitors get a welcome
    /// page that shows the next steps.
    pub site: SiteSection,
    /// Requests that pass while the site is down. By default, only ACME challenges do.
    pub exempt: ExemptSection,
    /// The response to requests that are not exempt while the site is down.
    pub response: ResponseSection,
    /// The language of the down page, and the name and look of the site on the built-in one.
    pub page: PageSection,
    /// A listener for operators and monitoring: health, readiness, status and metrics. It is off unless this section is
    /// present.
    #[schemars(with = "ManagementSection")]
    pub management: Option<ManagementSection>,
    /// The admin page: `downtime admin` serves it, in a process of its own. It is off unless this section is present.
    #[schemars(with = "AdminSection")]
    pub admin: Option<AdminSection>,
    /// Limits for clients, for connections to the upstream, and for the files in memory.
    pub limits: LimitsSection,
    /// Commands that the gateway runs when something changes, one after the other, each for at most 30 seconds. They get what
    /// has changed in environment variables.
    pub hooks: HooksSection,
    /// Receivers of messages about changes. The file may have any number of them.
    #[schemars(rename = "webhook")]
    pub webhooks: Vec<WebhookTable>,
    /// The log: its level and format, and whether it has a line for each request.
    pub log: LogSection,
    /// The periods of downtime. The file may have any number of them.
    #[schemars(rename = "period")]
    pub periods: Vec<PeriodTable>,
    /// The bypasses: secrets that let testers through during a downtime. The file may have any number of them.
    #[schemars(rename = "bypass")]
    pub bypasses: Vec<BypassTable>,
}
