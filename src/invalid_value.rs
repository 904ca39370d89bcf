//! What is wrong with one value of the file, and what to write instead.

/// Why a value of the file is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl InvalidValue {
    /// Creates an error from what is wrong and what to write instead.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}
