//! The templates that a file names: each is read once, and compiled.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Location, Severity, Source};
use super::document::Field;
use super::lint::markup;
use super::report::Report;
use crate::page::template::{Template, TemplateError};

/// Reads a file; the error says what is wrong with it.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// The templates found so far, by file.
pub struct Templates<'a> {
    folder: &'a Path,
    read: ReadFile<'a>,
    found: HashMap<PathBuf, Option<Template>>,
}

impl<'a> Templates<'a> {
    /// Begins with none. Names are relative to `folder`.
    pub fn new(folder: &'a Path, read: ReadFile<'a>) -> Self {
        Self { folder, read, found: HashMap::new() }
    }

    /// The template that a key names; `None` without a key, and where it cannot be had, which the report says once.
    pub fn get(&mut self, name: &Field<String>, report: &Report) -> Option<Template> {
        let name = name.as_ref()?;
        let path = self.folder.join(name.get_ref());
        if let Some(template) = self.found.get(&path) {
            return template.clone();
        }
        let template = match (self.read)(&path) {
            Ok(text) => self.compile(name.get_ref(), text, report),
            Err(message) => {
                report.error(
                    name.span(),
                    format!("the template {message}"),
                    "write the path of an HTML file",
                );
                None
            }
        };
        self.found.insert(path, template.clone());
        template
    }

    fn compile(&self, name: &str, text: String, report: &Report) -> Option<Template> {
        let name = self.folder.join(name).display().to_string();
        match Template::parse(&text) {
            Ok(template) => {
                warn(Source { name, text }, report);
                Some(template)
            }
            Err(error) => {
                report.push(fault(error, Source { name, text }));
                None
            }
        }
    }
}

fn warn(source: Source, report: &Report) {
    let faults = markup::faults(&source.text);
    let source = Arc::new(source);
    for (span, message, help) in faults {
        let place = Some(Location { source: Arc::clone(&source), span });
        report.push(Diagnostic { severity: Severity::Warning, message, place, help: Some(help.into()) });
    }
}

fn fault(error: TemplateError, source: Source) -> Diagnostic {
    let whole_line = |line: usize| {
        let start =
            source.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
        let length = source.text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
        start..start + length
    };
    let span = error.span.or_else(|| error.line.map(whole_line)).unwrap_or(0..0);
    let place = Some(Location { source: Arc::new(source), span });
    Diagnostic { severity: Severity::Error, message: error.message, place, help: error.help }
}
