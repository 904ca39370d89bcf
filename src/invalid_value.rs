//! What is wrong with one value of the file, and what to write instead.

/// Why a value cannot be used: the fault, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl InvalidValue {
    /// A fault and its remedy.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}
