//! Reading the files that a config file names.

use std::path::{Path, PathBuf};

use crate::escape::shell_word;

/// Reads a file.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> Result<Vec<u8>, UnreadableFile>;

/// The error for a file that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableFile {
    /// Names the file and says what is wrong.
    pub message: String,
    /// Why.
    pub cause: UnreadableCause,
    /// The directory that this user may not enter, if that is why.
    pub closed_directory: Option<PathBuf>,
}

impl UnreadableFile {
    /// Returns the help for the file at `path` if this user may not read it, else `other`.
    pub(super) fn help(&self, path: &Path, other: impl Into<String>) -> String {
        match (self.cause, &self.closed_directory) {
            (UnreadableCause::Forbidden, None) => {
                let path = shell_word(&path.to_string_lossy());
                format!(
                    "let the gateway's group read it, `chgrp downtime {path}; chmod g+r {path}`; {OR_RUN_AS_IT}"
                )
            }
            (UnreadableCause::Forbidden, Some(_)) => {
                format!(
                    "copy it to a directory that the gateway's user may enter, or let it enter this one; {OR_RUN_AS_IT}"
                )
            }
            (UnreadableCause::Private, _) => "let this user read it, or run this as one who may".into(),
            (UnreadableCause::Missing | UnreadableCause::Other, _) => other.into(),
        }
    }
}

/// The gateway's user may be another one than this.
const OR_RUN_AS_IT: &str = "if it may already, run this as the gateway's user";

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
        Self { message, cause: UnreadableCause::Other, closed_directory: None }
    }
}

impl From<&str> for UnreadableFile {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}
