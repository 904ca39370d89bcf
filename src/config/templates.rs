//! Reads and compiles the templates that a config file names, each of them once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use super::diagnostic::{Diagnostic, Location, Severity, Source};
use super::document::Field;
use super::periods_file::{PeriodsFile, template_path};
use super::read_file::ReadFile;
use super::report::Report;
use crate::page::template::{Template, TemplateError};

/// The templates read so far, by path.
pub struct Templates<'a> {
    directory: &'a Path,
    /// The directory of the periods file.
    periods_directory: Option<PathBuf>,
    read: ReadFile<'a>,
    cache: HashMap<PathBuf, Option<Template>>,
    /// The texts of the valid ones, in the order of the file.
    pub(super) sources: Vec<Arc<Source>>,
}

impl<'a> Templates<'a> {
    /// Returns an empty cache. The names of templates are relative to `directory`.
    pub fn new(directory: &'a Path, read: ReadFile<'a>) -> Self {
        Self { directory, periods_directory: None, read, cache: HashMap::new(), sources: Vec::new() }
    }

    /// Makes names in the periods file relative to that file.
    pub(super) fn set_periods_file(&mut self, file: Option<&PeriodsFile>) {
        self.periods_directory = file.and_then(|file| Some(file.path.parent()?.to_owned()));
    }

    /// Returns the template that a key names; `None` if the key is absent or the template is invalid, which is reported
    /// once.
    pub fn get(&mut self, name: &Field<String>, report: &Report) -> Option<Template> {
        let name = name.as_ref()?;
        let path = self.path(name, report)?;
        if let Some(template) = self.cache.get(&path) {
            return template.clone();
        }
        let template = self.read_template(&path, name, report);
        self.cache.insert(path, template.clone());
        template
    }

    /// Returns the path of a template; `None` if the periods file names one that it must not.
    fn path(&self, name: &Spanned<String>, report: &Report) -> Option<PathBuf> {
        let is_in_periods_file = report.second_file_name(&name.span()).is_some();
        let Some(directory) = self.periods_directory.as_ref().filter(|_| is_in_periods_file) else {
            return Some(self.directory.join(name.get_ref()));
        };
        let path = directory.join(name.get_ref());
        let refuse = |fault: &str| {
            let message = format!("the periods file cannot name the template {}: {fault}", path.display());
            let help = "put it beneath the directory of the main file, with a name that ends in .html";
            report.error(name.span(), message, help);
        };
        template_path(&path, self.directory).map_err(refuse).ok()
    }

    /// Reads and compiles a template. `name` is its name in the file.
    fn read_template(&mut self, path: &Path, name: &Spanned<String>, report: &Report) -> Option<Template> {
        let bytes = (self.read)(path).map_err(|error| {
            let help = error.help(path, "write the path of an HTML file, relative to the configuration file");
            report.error(name.span(), format!("the template {}", error.message), help);
        });
        match String::from_utf8(bytes.ok()?) {
            Ok(text) => self.compile(path, text, report),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let message = "invalid UTF-8: a template has to be in UTF-8".to_owned();
                let not_utf8 = Diagnostic::not_utf8(&path.display().to_string(), error.as_bytes(), at);
                report.push(Diagnostic { message, ..not_utf8 });
                None
            }
        }
    }

    fn compile(&mut self, path: &Path, text: String, report: &Report) -> Option<Template> {
        let name = path.display().to_string();
        match Template::parse(&text) {
            Ok(template) => {
                self.sources.push(Arc::new(Source { name, text }));
                Some(template)
            }
            Err(error) => {
                report.push(diagnostic(error, Source { name, text }));
                None
            }
        }
    }
}

fn diagnostic(error: TemplateError, source: Source) -> Diagnostic {
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
