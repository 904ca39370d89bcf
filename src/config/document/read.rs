//! Reads a document from the text of the file.

use std::sync::Arc;

use toml::de::DeTable;

use super::{
    AdminSection, BypassTable, Document, ExemptSection, HooksSection, LimitsSection, LogSection,
    ManagementSection, PageSection, PeriodTable, ResponseSection, ServerSection, SiteSection, WebhookTable,
};
use crate::config::diagnostic::Source;
use crate::config::keys::{PERIODS_FILE, TOP};
use crate::config::report::Report;
use crate::config::syntax;
use crate::config::table::Table;

impl Document {
    /// Parses the text of `report`. A value that cannot be read is reported, and is missing from the document.
    pub fn parse(report: &Report) -> Self {
        if report.text().trim().is_empty() {
            let help = "restore it from a backup; a file without settings needs at least a comment";
            report.error(0..0, "the file is empty", help);
            return Self::default();
        }
        let (root, errors) = DeTable::parse_recoverable(report.text());
        syntax::report(&errors, report);
        if errors.is_empty() {
            return Table::new(TOP.to_owned(), root.into_inner(), report).read_all(Self::read);
        }
        // Commands query a running gateway at its management address, also if the file has syntax errors by now.
        let ignored = Report::new(report.source());
        let mut root = Table::new(TOP.to_owned(), root.into_inner(), &ignored);
        Self { management: root.section("management", ManagementSection::read), ..Self::default() }
    }

    /// Adds the periods and bypasses of the second file of `report`.
    pub(in crate::config) fn parse_periods_file(&mut self, report: &Report) {
        let Some((source, start)) = report.second_file() else { return };
        if source.text.trim().is_empty() {
            let help = "restore it from a backup; a file without periods needs at least a comment";
            report.error(start..start, "the file is empty", help);
            return;
        }
        // Blanks before the text make each place that of the second file in the text of the report.
        let text = " ".repeat(start) + &source.text;
        let (root, errors) = DeTable::parse_recoverable(&text);
        if !errors.is_empty() {
            return report_syntax(source, report);
        }
        let table = Table::new(PERIODS_FILE.to_owned(), root.into_inner(), report);
        let (periods, bypasses) = table.read_all(|root| {
            (root.sections("period", PeriodTable::read), root.sections("bypass", BypassTable::read))
        });
        self.periods.extend(periods);
        self.bypasses.extend(bypasses);
    }

    fn read(root: &mut Table<'_, '_>) -> Self {
        Self {
            timezone: root.get("timezone", "\"Europe/Berlin\""),
            periods_file: root.get("periods_file", "\"periods.toml\""),
            server: root.section("server", ServerSection::read).unwrap_or_default(),
            site: root.section("site", SiteSection::read).unwrap_or_default(),
            exempt: root.section("exempt", ExemptSection::read).unwrap_or_default(),
            response: root.section("response", ResponseSection::read).unwrap_or_default(),
            page: root.section("page", PageSection::read).unwrap_or_default(),
            management: root.section("management", ManagementSection::read),
            admin: root.section("admin", AdminSection::read),
            limits: root.section("limits", LimitsSection::read).unwrap_or_default(),
            hooks: root.section("hooks", HooksSection::read).unwrap_or_default(),
            webhooks: root.sections("webhook", WebhookTable::read),
            log: root.section("log", LogSection::read).unwrap_or_default(),
            periods: root.sections("period", PeriodTable::read),
            bypasses: root.sections("bypass", BypassTable::read),
        }
    }
}

/// Reports the syntax errors of the second file.
fn report_syntax(source: &Arc<Source>, report: &Report) {
    let own = Report::new(Arc::clone(source));
    let (_, errors) = DeTable::parse_recoverable(own.text());
    syntax::report(&errors, &own);
    own.diagnostics().into_iter().for_each(|diagnostic| report.push(diagnostic));
}
