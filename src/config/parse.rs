//! Parses a text into a valid config, or into diagnostics of all that is wrong with it.

use std::path::Path;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Source};
use super::document::Document;
use super::hooks::HooksConfig;
use super::lint::{self, LintContext};
use super::periods_file::{self, MissingPeriodsFile, PeriodsFile};
use super::read_file::ReadFile;
use super::report::Report;
use super::templates::Templates;
use super::tls_files::{TlsFiles, UnusableCertificate};
use super::{Config, Listen, validate};

/// The result of parsing a text.
#[derive(Debug)]
pub struct ParsedConfig {
    /// The config, unless there are errors.
    pub config: Option<Config>,
    /// All problems found: those of the text in its order, then those of other files.
    pub diagnostics: Vec<Diagnostic>,
    /// The management address, as far as it can be read from a text with errors.
    pub management: Option<Listen>,
    /// The commands and webhooks, as far as they can be read from a text with errors; none if its syntax is wrong.
    pub hooks: Arc<HooksConfig>,
    /// Why files that may belong to the gateway alone were not checked.
    pub unchecked: Vec<String>,
    /// Warnings of certificates and keys that cannot be used, if the configuration is only edited or shown.
    pub unusable: Vec<Diagnostic>,
    /// The periods file, if it could be read, also of a config with errors.
    pub periods_file: Option<PeriodsFile>,
    /// What the linter needs of a valid config.
    parsed: Option<ParsedTexts>,
}

/// The document, its report, and the texts of its templates.
#[derive(Debug)]
pub(super) struct ParsedTexts {
    pub(super) document: Document,
    pub(super) report: Report,
    pub(super) templates: Vec<Arc<Source>>,
}

impl ParsedConfig {
    /// Returns the result for a file that could not be read.
    pub fn refused(diagnostic: Diagnostic) -> Self {
        Self {
            config: None,
            diagnostics: vec![diagnostic],
            management: None,
            hooks: Arc::default(),
            unchecked: Vec::new(),
            unusable: Vec::new(),
            periods_file: None,
            parsed: None,
        }
    }

    /// Adds the warnings and notes about a valid config.
    pub fn lint(&mut self, context: &LintContext) {
        if let (Some(config), Some(parsed)) = (&self.config, self.parsed.take()) {
            lint::lint(&parsed, config, context);
            self.diagnostics = parsed.report.diagnostics();
        }
    }
}

/// What becomes of files that cannot be used.
#[derive(Clone, Copy)]
pub struct ParseOptions<'a> {
    /// A certificate or a key.
    pub unusable: UnusableCertificate<'a>,
    /// A periods file that does not exist.
    pub missing_periods: MissingPeriodsFile,
}

impl Config {
    /// Parses the text of the file `name`. Paths in it are relative to `directory`; `read` reads other files.
    pub fn parse(name: &str, text: &str, directory: &Path, read: ReadFile<'_>) -> ParsedConfig {
        let options = ParseOptions {
            unusable: UnusableCertificate::Refuse,
            missing_periods: MissingPeriodsFile::CountsAsEmpty,
        };
        Self::parse_with(name, text, directory, read, options)
    }

    /// As [`Config::parse`], with other options.
    pub fn parse_with(
        name: &str,
        text: &str,
        directory: &Path,
        read: ReadFile<'_>,
        options: ParseOptions<'_>,
    ) -> ParsedConfig {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let mut report = Report::new(Arc::new(Source { name: name.to_owned(), text }));
        let mut templates = Templates::new(directory, read);
        let mut document = Document::parse(&report);
        let periods_file =
            periods_file::read(&mut document, directory, read, options.missing_periods, &mut report);
        templates.set_periods_file(periods_file.as_ref());
        let mut tls_files = TlsFiles::new(directory, read, options.unusable);
        let mut config =
            validate::validate(&document, directory, read, &report, &mut templates, &mut tls_files);
        config.file = name.into();
        config.periods_file.clone_from(&periods_file);
        let management = config.management.as_ref().map(|management| management.listen.clone());
        let hooks = Arc::clone(&config.hooks);
        let config = report.is_valid().then_some(config);
        let diagnostics = report.diagnostics();
        let templates = templates.sources;
        let parsed = config.is_some().then_some(ParsedTexts { document, report, templates });
        let TlsFiles { unchecked, noted: unusable, .. } = tls_files;
        ParsedConfig { config, diagnostics, management, hooks, unchecked, unusable, periods_file, parsed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::diagnostic::{Severity, render_all};
    use crate::config::report::MAX_SHOWN;

    fn read(text: &str) -> ParsedConfig {
        Config::parse("downtime.toml", text, Path::new("/"), &|_| Err("does not exist".into()))
    }

    fn numbered(line: &str, count: usize) -> String {
        (0..count).map(|number| line.replace('#', &number.to_string())).collect()
    }

    #[test]
    fn the_first_hundred_errors_are_shown_and_the_rest_are_counted() {
        let period = "[[period]]\nstart = 2026-12-01T22:00:00Z\n";
        for (text, more) in [
            (numbered("key# = 1\n", 60_000), 59_900),
            (numbered("[section#]\n", 5000), 4900),
            (format!("{period}timezone = 'Mars'\n").repeat(1000), 900),
            (format!("{period}for = '2'\n").repeat(1000), 900),
            (format!("{period}for = 2\n").repeat(1000), 900),
            (format!("{period}name = 'same'\n").repeat(1000), 899),
            ("[[period]]\nstart = now\n".repeat(1000), 900),
            ("a = x\n".repeat(1000), 900),
            (format!("[exempt]\nexact = [{}]", "'a', ".repeat(1000)), 900),
        ] {
            let found = read(&text).diagnostics;
            assert_eq!(found.len(), MAX_SHOWN + 1, "{}", &text[..40]);
            let (last, shown) = found.split_last().unwrap();
            assert!(shown.iter().all(|error| error.severity == Severity::Error && error.place.is_some()));
            assert_eq!(last.message, format!("{more} more errors are not shown"), "{}", &text[..40]);
            let lines: Vec<_> = shown.iter().filter_map(Diagnostic::line_column).collect();
            assert!(lines.is_sorted(), "{}", &text[..40]);
            assert!(render_all(&found, false).len() < 100_000, "{}", &text[..40]);
        }
    }

    #[test]
    fn the_first_hundred_warnings_are_shown_and_the_rest_are_counted() {
        let period = "[[period]]\nstart = 2027-03-28T02:30:00\n";
        let reading = read(&format!("timezone = 'Europe/Berlin'\n{}", period.repeat(150)));
        assert!(reading.config.is_some());
        assert_eq!(reading.diagnostics.len(), MAX_SHOWN + 1);
        assert_eq!(reading.diagnostics.last().unwrap().message, "50 more warnings are not shown");
    }
}
