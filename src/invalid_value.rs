//! The error for an invalid value of the file or of an option.

/// An error for an invalid value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue {
    /// The message: what is wrong.
    pub message: String,
    /// The help: what to write instead.
    pub help: String,
}

impl InvalidValue {
    /// Creates an error from its message and its help.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}
