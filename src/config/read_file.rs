//! Reading the files that a config file names.

use std::path::Path;

/// Reads a file.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> Result<Vec<u8>, UnreadableFile>;

/// The error for a file that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableFile {
    /// Names the file and says what is wrong.
    pub message: String,
    /// Why.
    pub cause: UnreadableCause,
}

/// Why a file was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableCause {
    /// This user may not read it.
    Forbidden,
    /// This user may not read it, and need not, because the configuration is only edited or shown. The gateway runs as
    /// another user, who may.
    Private,
    /// It does not exist.
    Missing,
    /// Anything else.
    Other,
}

impl From<String> for UnreadableFile {
    fn from(message: String) -> Self {
        Self { message, cause: UnreadableCause::Other }
    }
}

impl From<&str> for UnreadableFile {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}
