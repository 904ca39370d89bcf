//! What an edit changes, and why it may fail.

use std::fmt;

use super::literal::Literal;

/// One change of the periods in a text.
///
/// Periods are counted from 0 in file order, at the time when the change is applied.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Appends a period with these keys, in this order: as `[[period]]` at the end of the text, or as the last element
    /// if the periods are an inline array.
    Append(Vec<(&'static str, Literal)>),
    /// Sets some keys of a period, then removes others.
    ///
    /// An existing key gets the new value in place of the old one; a new key follows the table's last key, indented
    /// like it. Removing a key removes its line, but a comment at the end of that line stays on a line of its own.
    /// Comments inside a value are removed with it. A key that is a table made of a header or of dotted keys is removed with
    /// all its lines, and its new value is a new key. Removing a key that does not exist is not an error.
    Alter {
        /// The index of the period.
        period: usize,
        /// The keys to set.
        set: Vec<(&'static str, Literal)>,
        /// The keys to remove.
        remove: Vec<&'static str>,
    },
    /// Appends a value to an array of a period in the array's own layout, or creates the array.
    Push {
        /// The index of the period.
        period: usize,
        /// The array's key.
        key: &'static str,
        /// The value to append.
        value: Literal,
    },
    /// Removes a period with everything from its header to its last value, comments in between included. Comments before its
    /// header and after its last line stay.
    Remove {
        /// The index of the period.
        period: usize,
    },
    /// Appends a bypass, as [`Change::Append`] does a period.
    AppendBypass(Vec<(&'static str, Literal)>),
    /// Removes a bypass, as [`Change::Remove`] does a period.
    RemoveBypass {
        /// The index of the bypass, from 0 in file order.
        bypass: usize,
    },
}

impl Change {
    /// Returns the index of the period that is changed; `None` for a new one.
    pub fn period_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Append(_) | Self::AppendBypass(_) | Self::RemoveBypass { .. } => None,
            Self::Alter { period, .. } | Self::Push { period, .. } | Self::Remove { period } => Some(period),
        }
    }
}

/// The reason why a text could not be edited. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditError {
    /// The text is not TOML.
    Syntax(String),
    /// `period` is neither an array of tables nor an inline array of inline tables.
    NotPeriods,
    /// The text does not have this period.
    NoPeriod {
        /// The index asked for, from 0.
        period: usize,
        /// The number of periods.
        periods: usize,
    },
    /// The key is a table made of dotted keys within braces, or one that contains tables, so it has no value to replace.
    NotAValue(&'static str),
    /// The key's value is not an array.
    NotAnArray(&'static str),
    /// A [`Literal::DateTime`] is not a date-time.
    NotADateTime(String),
    /// The edited text would not have the intended meaning: a bug in this program.
    Misread,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => write!(f, "the file is not valid TOML: {message}"),
            Self::NotPeriods => {
                write!(f, "`period` is not a list of tables: write each period as [[period]]")
            }
            Self::NoPeriod { period, periods } => {
                write!(f, "period {} does not exist: the file has {periods}", period + 1)
            }
            Self::NotAValue(key) => write!(f, "`{key}` is a table, not a value"),
            Self::NotAnArray(key) => write!(f, "`{key}` is not an array: write it as {key} = […]"),
            Self::NotADateTime(text) => write!(f, "invalid TOML date or date-time `{text}`"),
            Self::Misread => {
                write!(f, "the layout of the file does not allow a safe edit: edit the file by hand")
            }
        }
    }
}

impl std::error::Error for EditError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_why_the_text_cannot_be_edited() {
        for (error, message) in [
            (EditError::Syntax("why".to_owned()), "the file is not valid TOML: why"),
            (EditError::NotPeriods, "`period` is not a list of tables: write each period as [[period]]"),
            (EditError::NoPeriod { period: 2, periods: 1 }, "period 3 does not exist: the file has 1"),
            (EditError::NotAValue("name"), "`name` is a table, not a value"),
            (EditError::NotAnArray("except"), "`except` is not an array: write it as except = […]"),
            (EditError::NotADateTime("now".to_owned()), "invalid TOML date or date-time `now`"),
            (EditError::Misread, "the layout of the file does not allow a safe edit: edit the file by hand"),
        ] {
            assert_eq!(error.to_string(), message);
        }
    }
}
