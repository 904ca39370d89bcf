//! The file as it is before an edit.

use std::path::Path;

use jiff::Timestamp;

use super::failure::EditRefusal;
use crate::config::edit::{self, Change, EditError};
use crate::config::load::{preview_with, sha256};
use crate::config::{Config, ParsedConfig};
use crate::schedule::period::Period;

/// The file as it is before an edit.
#[derive(Debug)]
pub struct EditSource<'a> {
    /// What it compiles to.
    pub config: &'a Config,
    /// The SHA-256 of the main file and the periods file, in hexadecimal.
    pub sha256: &'a str,
    /// The time of the edit, read while nobody else can edit the file: what others have started is not in its future.
    pub now: Timestamp,
    pub(super) texts: FileTexts<'a>,
}

impl<'a> EditSource<'a> {
    /// Returns the file of a config, whose main file is at `path`. `main` and `periods` are the texts that were read, at `now`.
    pub fn new(
        path: &'a Path,
        config: &'a Config,
        sha256: &'a str,
        main: &'a str,
        periods: Option<&'a str>,
        now: Timestamp,
    ) -> Self {
        let file = config.periods_file.as_ref();
        let periods = file.map(|file| PeriodsText { path: &file.path, text: periods });
        Self { config, sha256, now, texts: FileTexts { path, main, periods } }
    }

    /// Returns true if commands may edit the period of this index.
    pub fn is_editable(&self, index: usize) -> bool {
        index >= first_editable(self.config)
    }

    /// Returns the refusal to edit a period of the main file.
    pub fn refusal(&self, period: &Period) -> EditRefusal {
        let (main, line) = (self.texts.path.display(), period.line);
        let message = format!(
            "{} is at line {line} of {main}, which commands do not edit: it names a periods file",
            period.title()
        );
        EditRefusal::cannot(message, "edit it there, or move it to the periods file")
    }

    /// Returns the texts of all periods.
    pub fn period_texts(&self) -> Result<Vec<&'a str>, EditError> {
        self.texts.of_both(edit::period_texts)
    }

    /// Returns the text of a period.
    pub fn period_text(&self, index: usize) -> Result<&'a str, EditError> {
        let (text, index) = self.text_of(index);
        edit::period_text(text, index)
    }

    /// Returns the keys and values of a period. Paths in them are relative to the file that commands edit.
    pub fn period_table(&self, index: usize) -> Result<toml::Table, EditError> {
        let (text, local) = self.text_of(index);
        let mut table = edit::period_table(text, local)?;
        if let Some(toml::Value::String(template)) =
            table.get_mut("template").filter(|_| !self.is_editable(index))
        {
            let path = self.texts.path.parent().unwrap_or(Path::new("")).join(&*template);
            *template = std::path::absolute(&path).unwrap_or(path).display().to_string();
        }
        Ok(table)
    }

    /// Returns the text that has the period of this index, and its index there.
    fn text_of(&self, index: usize) -> (&'a str, usize) {
        match index.checked_sub(first_editable(self.config)) {
            Some(index) => (self.texts.edited(), index),
            None => (self.texts.main, index),
        }
    }

    /// Converts the indices of changes to those of the text that is edited.
    pub(super) fn localize(&self, mut changes: Vec<Change>) -> Result<Vec<Change>, EditRefusal> {
        for change in &mut changes {
            let Some(index) = change.period_mut() else { continue };
            if !self.is_editable(*index) {
                let period = self.config.rules.schedule.periods().get(*index);
                return Err(period.map_or_else(|| EditError::Misread.into(), |period| self.refusal(period)));
            }
            *index -= first_editable(self.config);
        }
        Ok(changes)
    }
}

/// Returns the index of the first period that commands may edit: the first one of the periods file, if there is one.
pub fn first_editable(config: &Config) -> usize {
    config.periods_file.as_ref().map_or(0, |file| file.first)
}

/// The texts of the main file and the periods file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileTexts<'a> {
    /// The path of the main file.
    pub(super) path: &'a Path,
    pub(super) main: &'a str,
    pub(super) periods: Option<PeriodsText<'a>>,
}

/// The text of a periods file.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeriodsText<'a> {
    pub(super) path: &'a Path,
    /// `None` if the file does not exist.
    pub(super) text: Option<&'a str>,
}

impl<'a> FileTexts<'a> {
    /// Returns the text that commands edit.
    pub(super) fn edited(&self) -> &'a str {
        self.periods.map_or(self.main, |periods| periods.text.unwrap_or_default())
    }

    /// Returns what a function finds in the main file, and then what it finds in the periods file.
    fn of_both<T>(&self, find: impl Fn(&'a str) -> Result<Vec<T>, EditError>) -> Result<Vec<T>, EditError> {
        let mut found = find(self.main)?;
        if let Some(text) = self.periods.and_then(|periods| periods.text) {
            found.extend(find(text)?);
        }
        Ok(found)
    }

    /// Returns the texts after an edit.
    pub(super) fn with_edited<'b>(&self, text: &'b str) -> FileTexts<'b>
    where
        'a: 'b,
    {
        match self.periods {
            None => FileTexts { main: text, ..*self },
            Some(PeriodsText { path, .. }) => {
                FileTexts { periods: Some(PeriodsText { path, text: Some(text) }), ..*self }
            }
        }
    }

    pub(super) fn parse(&self) -> ParsedConfig {
        let periods = self.periods.and_then(|periods| Some((periods.path, periods.text?)));
        preview_with(self.path, self.main, periods)
    }

    pub(super) fn sha256(&self) -> String {
        let periods = self.periods.and_then(|periods| periods.text);
        sha256(self.main.as_bytes(), periods.map(str::as_bytes))
    }
}
