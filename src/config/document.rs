//! The file as it is written: each value with its place, nothing judged but the form.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;
use toml::value::Datetime;

use super::report::Report;
use super::syntax;
use super::table::Table;
pub use super::table::{Field, OrFalse};

/// A list of texts, each with its place.
pub type Texts = Field<Vec<Spanned<String>>>;

/// `downtime.toml`, as written.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The zone of local times.
    pub timezone: Field<String>,
    /// `[server]`
    pub server: ServerSection,
    /// `[site]`
    pub site: SiteSection,
    /// `[exempt]`
    pub exempt: ExemptSection,
    /// `[response]`
    pub response: ResponseSection,
    /// `[log]`
    pub log: LogSection,
    /// Each `[[period]]`, in file order.
    pub periods: Vec<PeriodTable>,
}

/// `[server]`
#[derive(Clone, Debug, Default)]
pub struct ServerSection {
    /// Addresses.
    pub listen: Texts,
    /// Networks, or `unix:`.
    pub trusted_proxies: Texts,
    /// A path, or `false`.
    pub status_path: Field<OrFalse>,
}

/// `[site]`
#[derive(Clone, Debug, Default)]
pub struct SiteSection {
    /// A URL or `unix:`.
    pub upstream: Field<String>,
    /// A folder.
    pub root: Field<String>,
    /// `downtime` or `error`.
    pub when_unreachable: Field<String>,
    /// A duration.
    pub connect_timeout: Field<String>,
    /// A duration.
    pub response_timeout: Field<String>,
}

/// `[exempt]`
#[derive(Clone, Debug, Default)]
pub struct ExemptSection {
    /// Paths.
    pub exact: Texts,
    /// Globs.
    pub paths: Texts,
    /// Networks.
    pub networks: Texts,
}

/// `[response]`
#[derive(Clone, Debug, Default)]
pub struct ResponseSection {
    /// A URL or a path.
    pub redirect: Field<String>,
    /// A file.
    pub template: Field<String>,
    /// 500 to 599.
    pub status: Field<i64>,
    /// A duration.
    pub retry_after: Field<String>,
    /// For visitors.
    pub message: Field<String>,
}

/// `[log]`
#[derive(Clone, Debug, Default)]
pub struct LogSection {
    /// A level or a filter.
    pub level: Field<String>,
    /// `text` or `json`.
    pub format: Field<String>,
    /// A line for each request.
    pub access: Field<bool>,
}

/// One `[[period]]`
#[derive(Clone, Debug, Default)]
pub struct PeriodTable {
    /// Where it begins.
    pub span: Range<usize>,
    /// Unique.
    pub name: Field<String>,
    /// A date-time.
    pub start: Field<Datetime>,
    /// A date-time.
    pub end: Field<Datetime>,
    /// `for`: a duration.
    pub duration: Field<String>,
    /// A cron expression of five fields.
    pub cron: Field<String>,
    /// Local dates, or date-times.
    pub except: Field<Vec<Spanned<Datetime>>>,
    /// Hosts.
    pub hosts: Texts,
    /// Globs.
    pub paths: Texts,
    /// Methods.
    pub methods: Texts,
    /// The zone of its local times.
    pub timezone: Field<String>,
    /// Whether it counts.
    pub enabled: Field<bool>,
    /// For visitors.
    pub message: Field<String>,
    /// A URL, a path or `false`.
    pub redirect: Field<OrFalse>,
    /// A file.
    pub template: Field<String>,
    /// Keys that did not read well; a value that is missing for that is no second error.
    pub broken: bool,
}

impl Document {
    /// Reads the text of a report. What does not read well is missing from the document and stands in the report.
    pub fn parse(report: &Report) -> Self {
        if report.text().trim().is_empty() {
            report.error(
                0..0,
                "the file is empty",
                "write at least a comment into it, or restore it from a copy",
            );
            return Self::default();
        }
        let (root, errors) = DeTable::parse_recoverable(report.text());
        for error in &errors {
            syntax::report(error, report);
        }
        if errors.is_empty() {
            Self::read(Table::new("the top level", root.into_inner(), report))
        } else {
            Self::default()
        }
    }

    fn read(mut root: Table<'_, '_>) -> Self {
        let document = Self {
            timezone: root.get("timezone", "\"Europe/Berlin\""),
            server: root.section("server", "[server]").map(ServerSection::read).unwrap_or_default(),
            site: root.section("site", "[site]").map(SiteSection::read).unwrap_or_default(),
            exempt: root.section("exempt", "[exempt]").map(ExemptSection::read).unwrap_or_default(),
            response: root.section("response", "[response]").map(ResponseSection::read).unwrap_or_default(),
            log: root.section("log", "[log]").map(LogSection::read).unwrap_or_default(),
            periods: root.sections("period", "[[period]]").into_iter().map(PeriodTable::read).collect(),
        };
        root.not_yet("management");
        root.finish();
        document
    }
}

impl ServerSection {
    fn read(mut table: Table<'_, '_>) -> Self {
        let section = Self {
            listen: table.get("listen", "[\"127.0.0.1:8503\"]"),
            trusted_proxies: table.get("trusted_proxies", "[\"127.0.0.1/32\"]"),
            status_path: table.text_or_false("status_path", "\"/.well-known/downtime\""),
        };
        table.not_yet("tls");
        table.finish();
        section
    }
}

impl SiteSection {
    fn read(mut table: Table<'_, '_>) -> Self {
        let section = Self {
            upstream: table.get("upstream", "\"http://127.0.0.1:8000\""),
            root: table.get("root", "\"public\""),
            when_unreachable: table.get("when_unreachable", "\"downtime\""),
            connect_timeout: table.get("connect_timeout", "\"5s\""),
            response_timeout: table.get("response_timeout", "\"60s\""),
        };
        table.finish();
        section
    }
}

impl ExemptSection {
    fn read(mut table: Table<'_, '_>) -> Self {
        let section = Self {
            exact: table.get("exact", "[\"/\"]"),
            paths: table.get("paths", "[\"/admin/**\"]"),
            networks: table.get("networks", "[\"192.0.2.0/24\"]"),
        };
        table.finish();
        section
    }
}

impl ResponseSection {
    fn read(mut table: Table<'_, '_>) -> Self {
        let section = Self {
            redirect: table.get("redirect", "\"https://status.example.com/\""),
            template: table.get("template", "\"templates/downtime.html\""),
            status: table.get("status", "503"),
            retry_after: table.get("retry_after", "\"5m\""),
            message: table.get("message", "\"We'll be back soon.\""),
        };
        table.finish();
        section
    }
}

impl LogSection {
    fn read(mut table: Table<'_, '_>) -> Self {
        let section = Self {
            level: table.get("level", "\"info\""),
            format: table.get("format", "\"text\""),
            access: table.flag("access"),
        };
        table.finish();
        section
    }
}

impl PeriodTable {
    fn read((span, mut table): (Range<usize>, Table<'_, '_>)) -> Self {
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
            message: table.get("message", "\"We are moving to a faster database.\""),
            redirect: table.text_or_false("redirect", "\"https://status.example.com/\""),
            template: table.get("template", "\"templates/upgrade.html\""),
            broken: false,
        };
        period.broken = table.is_broken() || table.has_mistyped("start");
        table.finish();
        period
    }
}
