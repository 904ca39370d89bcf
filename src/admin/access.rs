//! Who may use the admin page. Every request needs a login, whichever socket it comes over.

mod entry_file;

use std::sync::Arc;

use http::StatusCode;

use self::entry_file::EntryFile;
use super::caller::Caller;
use crate::config::AdminConfig;
use crate::config::diagnostic::Diagnostic;
use crate::config::machines::Machines;

/// An operator who is logged in, or a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The name, for pages and the log. It is one line of at most 64 characters.
    pub name: String,
    /// How the operator is known.
    pub means: Means,
    /// True if the operator may make changes.
    pub may_write: bool,
}

/// How an operator is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// By a link that works once.
    Link,
    /// By a password.
    Password,
    /// By a proxy with single sign-on.
    SingleSignOn,
    /// By the secret of a machine.
    Token,
}

impl Means {
    /// Returns the word for it in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Password => "password",
            Self::SingleSignOn => "single sign-on",
            Self::Token => "token",
        }
    }
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRefusal {
    /// The status of the response.
    pub status: StatusCode,
    /// What is wrong, for the client.
    pub reason: &'static str,
}

const UNKNOWN_TOKEN: AccessRefusal =
    AccessRefusal { status: StatusCode::UNAUTHORIZED, reason: "the token is not valid" };
const NOT_LOGGED_IN: AccessRefusal =
    AccessRefusal { status: StatusCode::UNAUTHORIZED, reason: "a login is required" };

/// What is known about operators.
#[derive(Debug)]
pub struct Access {
    machines: EntryFile<Machines>,
}

impl Access {
    /// Reads the files with operators and machines.
    ///
    /// # Errors
    /// A file is malformed, or cannot be read.
    pub fn open(config: &AdminConfig) -> Result<Self, Vec<Diagnostic>> {
        let access = Self { machines: EntryFile::new(Machines::parse) };
        access.machines.open(config.tokens.as_deref())?;
        Ok(access)
    }

    /// Returns the operator who sends a request.
    ///
    /// # Errors
    /// The request carries no login, or one that is not valid.
    pub fn operator(
        &self,
        caller: &Caller<'_>,
        config: &Arc<AdminConfig>,
    ) -> Result<Operator, AccessRefusal> {
        if let Some(secret) = caller.bearer_token() {
            let machines = self.machines.current(config.tokens.as_deref());
            let machine = machines.find(secret).ok_or(UNKNOWN_TOKEN)?;
            return Ok(Operator {
                name: machine.name.clone(),
                means: Means::Token,
                may_write: machine.may_write,
            });
        }
        Err(NOT_LOGGED_IN)
    }
}
