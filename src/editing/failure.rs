//! Why an edit was refused, or could not be written.

use crate::config::diagnostic::Diagnostic;
use crate::config::edit::EditError;
use crate::store::{FileError, StoreError};

/// The reason why an edit was not made.
#[derive(Debug)]
pub enum EditRefusal {
    /// The file is invalid.
    Invalid(Vec<Diagnostic>),
    /// The file is valid, but the edit would make it invalid; the diagnostics are those of the edited text.
    WouldBeInvalid(Vec<Diagnostic>),
    /// The edit was planned for another version of the file.
    Changed,
    /// The edit cannot be made: the message and the help.
    Cannot(String, String),
}

impl EditRefusal {
    /// Returns the refusal of an edit that cannot be made.
    pub fn cannot(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Cannot(message.into(), help.into())
    }
}

impl From<EditError> for EditRefusal {
    fn from(error: EditError) -> Self {
        Self::cannot(error.to_string(), "edit the file by hand")
    }
}

/// The reason why nothing was written.
#[derive(Debug)]
pub enum EditFailure {
    /// The edit was refused.
    Refused(EditRefusal),
    /// The file could not be read or replaced.
    File(FileError),
}

impl From<EditRefusal> for EditFailure {
    fn from(refusal: EditRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<FileError> for EditFailure {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<StoreError<EditRefusal>> for EditFailure {
    fn from(error: StoreError<EditRefusal>) -> Self {
        match error {
            StoreError::Edit(refusal) => Self::Refused(refusal),
            StoreError::File(error) => Self::File(error),
        }
    }
}
