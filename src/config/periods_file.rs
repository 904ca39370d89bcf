//! `periods_file`: a second file with periods. Commands write there, and leave the main file alone.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use super::diagnostic::{Diagnostic, Source};
use super::document::Document;
use super::read_file::{ReadFile, UnreadableCause};
use super::report::Report;

/// The periods file of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodsFile {
    /// Its path: that of the main file's directory, joined with `periods_file`.
    pub path: PathBuf,
    /// The index of its first period. Those before it are in the main file.
    pub first: usize,
    /// Its content; `None` if it does not exist, which counts as empty.
    pub content: Option<Arc<[u8]>>,
}

/// What a periods file that does not exist means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPeriodsFile {
    /// The file is empty so far: a warning.
    CountsAsEmpty,
    /// It was there before, so it is probably lost: an error.
    Refuse,
}

/// Reads the periods file that a document names, and adds its periods to the document.
pub(super) fn read(
    document: &mut Document,
    directory: &Path,
    read: ReadFile<'_>,
    missing: MissingPeriodsFile,
    report: &mut Report,
) -> Option<PeriodsFile> {
    let field = document.periods_file.clone()?;
    let (name, span) = (field.get_ref().as_str(), field.span());
    if name.trim().is_empty() {
        report.error(
            span,
            "the name of the periods file is empty",
            "for example `periods_file = \"periods.toml\"`",
        );
        return None;
    }
    let path = directory.join(name);
    let first = document.periods.len();
    if normalized(&path) == normalized(Path::new(&report.source().name)) {
        report.error(span, "the periods file is this file", "name another file, or remove the line");
        return None;
    }
    let bytes = match read(&path) {
        Ok(bytes) => bytes,
        Err(error)
            if error.cause == UnreadableCause::Missing && missing == MissingPeriodsFile::CountsAsEmpty =>
        {
            let message = format!("the periods file {} does not exist: it counts as empty", path.display());
            let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
            let help = match directory.filter(|directory| !directory.exists()) {
                Some(directory) => {
                    format!(
                        "create the directory {}; then `downtime start` creates the file",
                        directory.display()
                    )
                }
                None => "`downtime start` creates it".to_owned(),
            };
            report.warning(span, message, help);
            return Some(PeriodsFile { path, first, content: None });
        }
        Err(error) => {
            let other = "write the path of a file with periods, relative to this file; commands create it";
            let help = error.help(&path, other);
            report.error(span, format!("the periods file {}", error.message), help);
            return None;
        }
    };
    read_periods(document, &field, &path, &bytes, report);
    Some(PeriodsFile { path, first, content: Some(bytes.into()) })
}

fn read_periods(
    document: &mut Document,
    field: &Spanned<String>,
    path: &Path,
    bytes: &[u8],
    report: &mut Report,
) {
    let name = path.display().to_string();
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
            report.add_file(Source { name, text }, field.get_ref().as_str());
            document.parse_periods_file(report);
        }
        Err(error) => report.push(Diagnostic::not_utf8(&name, bytes, error.valid_up_to())),
    }
}

/// Returns the path of a template that the periods file names, or why it must not name it: it has to be an HTML file
/// beneath the directory of the main file, so that a program that may only write periods cannot show other files to
/// visitors. `..` is resolved by name, whatever links the path has, so that the path that is read is the one that was checked.
pub(super) fn template_path(template: &Path, main_directory: &Path) -> Result<PathBuf, &'static str> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let template = normalized(template);
    if template.extension().is_none_or(|extension| extension != "html") {
        return Err("its name does not end in .html");
    }
    let directory = normalized(&absolute(main_directory));
    let is_beneath = normalized(&absolute(&template)).starts_with(directory);
    is_beneath.then_some(template).ok_or("it is not beneath the directory of the main file")
}

/// Resolves `.` and `..` by name, without the file system.
fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normalized.file_name().is_some() => {
                normalized.pop();
            }
            component => normalized.push(component),
        }
    }
    normalized
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_of_the_periods_file_is_an_html_file_beneath_the_directory_of_the_main_file() {
        for (template, fault) in [
            ("/etc/downtime/upgrade.html", None),
            ("/etc/downtime/templates/../templates/upgrade.html", None),
            ("/var/lib/downtime/../../../etc/downtime/x.html", None),
            ("/etc/downtime/downtime.toml", Some("its name does not end in .html")),
            ("/etc/downtime/../shadow.html", Some("it is not beneath the directory of the main file")),
            ("/etc/downtime-other/x.html", Some("it is not beneath the directory of the main file")),
            ("/var/lib/downtime/x.html", Some("it is not beneath the directory of the main file")),
        ] {
            let found = template_path(Path::new(template), Path::new("/etc/downtime"));
            assert_eq!(found.err(), fault, "{template}");
        }
    }
}
