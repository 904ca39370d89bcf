//! Who may use the admin page. Every request needs a login, whichever socket it comes over.
//!
//! Operators log in with a link that works once or with a password, and then have a session. A proxy with single sign-on names them
//! in each request, and machines send a secret in each.

mod cookie;
mod entry_file;
mod links;
mod passwords;
mod refusal;
mod sessions;

use std::net::IpAddr;

use http::HeaderValue;
use jiff::Timestamp;

use self::entry_file::EntryFile;
pub use self::links::LINK_LIMIT;
use self::links::Links;
use self::passwords::Passwords;
pub use self::refusal::AccessRefusal;
use self::refusal::{
    BUSY, INVALID_USER, NO_RANDOM_BYTES, NOT_LOGGED_IN, TOO_MANY_FAILURES, UNKNOWN_TOKEN, UNTRUSTED_USER,
    WRONG_LINK, WRONG_PASSWORD,
};
use self::sessions::{Session, Sessions};
use super::caller::Caller;
use crate::config::AdminConfig;
use crate::config::diagnostic::Diagnostic;
use crate::config::line_file::check_name;
use crate::config::machines::Machines;
use crate::config::users::{User, Users};
use crate::guesses::{Guesses, client_network};
use crate::thread_exit::ExitNotice;

/// The wrong passwords that a client may send for a name in a minute.
const MAX_FAILURES: u32 = 5;
/// The number of pairs of name and client whose wrong passwords are counted.
const MAX_PAIRS: usize = 1 << 14;
/// The longest password, in bytes. A longer one is wrong.
const MAX_PASSWORD: usize = 1024;

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

/// Everything that lets operators in.
#[derive(Debug)]
pub struct Access {
    users: EntryFile<Users>,
    machines: EntryFile<Machines>,
    passwords: Passwords,
    failures: Guesses<(String, Option<IpAddr>)>,
    sessions: Sessions,
    links: Links,
}

impl Access {
    /// Reads the files with operators and machines. The thread that checks passwords holds the notice.
    ///
    /// # Errors
    /// Those of the files, or of the system.
    pub fn open(config: &AdminConfig, notice: ExitNotice) -> Result<Self, Vec<Diagnostic>> {
        let passwords = Passwords::start(notice).map_err(|error| {
            let message = format!("cannot start the thread that checks passwords: {error}");
            vec![Diagnostic::for_file(message, "raise the limit of tasks of the unit or user")]
        })?;
        let access = Self {
            users: EntryFile::new(Users::parse),
            machines: EntryFile::new(Machines::parse),
            passwords,
            failures: Guesses::new(MAX_FAILURES, MAX_PAIRS),
            sessions: Sessions::default(),
            links: Links::default(),
        };
        let files =
            [access.users.open(config.users.as_deref()), access.machines.open(config.tokens.as_deref())];
        let errors: Vec<_> = files.into_iter().filter_map(Result::err).flatten().collect();
        if errors.is_empty() { Ok(access) } else { Err(errors) }
    }

    /// Returns the operator who sends a request.
    ///
    /// # Errors
    /// The request carries no login, or one that is not valid.
    pub(super) fn operator(
        &self,
        caller: &Caller<'_>,
        config: &AdminConfig,
        now: Timestamp,
    ) -> Result<Operator, AccessRefusal> {
        let user = user_of_proxy(caller, config)?;
        if let Some(secret) = caller.bearer_token() {
            let machines = self.machines.current(config.tokens.as_deref());
            let machine = machines.find(secret).ok_or(UNKNOWN_TOKEN)?;
            let (name, may_write) = (machine.name.clone(), machine.may_write);
            return Ok(Operator { name, means: Means::Token, may_write });
        }
        if let Some(name) = user {
            return Ok(Operator { name, means: Means::SingleSignOn, may_write: true });
        }
        let secret = cookie::read(&caller.headers, caller.scheme).ok_or(NOT_LOGGED_IN)?;
        let session = self.sessions.find(secret, now).ok_or(NOT_LOGGED_IN)?;
        if self.is_known(&session, config) { Ok(session.operator) } else { Err(NOT_LOGGED_IN) }
    }

    /// Returns false for the session of an operator who was removed from the file, or has another password now.
    fn is_known(&self, session: &Session, config: &AdminConfig) -> bool {
        let Some(user) = &session.user else { return true };
        self.users.current(config.users.as_deref()).find(&user.name) == Some(user)
    }

    /// Logs an operator in, and returns the cookie. A wrong name and a wrong password cannot be told apart.
    pub(super) async fn log_in(
        &self,
        (name, password): (&str, &str),
        caller: &Caller<'_>,
        config: &AdminConfig,
        now: Timestamp,
    ) -> Result<(Operator, HeaderValue), AccessRefusal> {
        let client = caller.address.map(client_network);
        let pair = (shortened(name), client);
        if self.failures.is_exhausted(&pair, now) {
            return Err(TOO_MANY_FAILURES);
        }
        let users = self.users.current(config.users.as_deref());
        let known = users.find(name);
        let is_right = match known.or_else(|| users.decoy(name)) {
            Some(user) if password.len() <= MAX_PASSWORD => {
                let check = self.passwords.check(user.clone(), password.to_owned(), client);
                check.await.map_err(|_| BUSY)?
            }
            _ => false,
        };
        if let Some(user) = known.filter(|_| is_right) {
            return self.begin(user.name.clone(), Means::Password, Some(user.clone()), caller, now);
        }
        let counted = self.failures.record(pair, now);
        Err(if counted.is_limited { TOO_MANY_FAILURES } else { WRONG_PASSWORD })
    }

    /// Makes a link for an operator, and returns its secret.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn make_link(&self, name: String, now: Timestamp) -> Result<String, getrandom::Error> {
        self.links.make(name, now)
    }

    /// Logs the operator in who has the secret of a link, and returns the cookie.
    pub(super) fn use_link(
        &self,
        secret: &str,
        caller: &Caller<'_>,
        now: Timestamp,
    ) -> Result<(Operator, HeaderValue), AccessRefusal> {
        let name = self.links.redeem(secret.as_bytes(), now).ok_or(WRONG_LINK)?;
        self.begin(name, Means::Link, None, caller, now)
    }

    fn begin(
        &self,
        name: String,
        means: Means,
        user: Option<User>,
        caller: &Caller<'_>,
        now: Timestamp,
    ) -> Result<(Operator, HeaderValue), AccessRefusal> {
        let operator = Operator { name, means, may_write: true };
        let secret = self.sessions.begin(operator.clone(), user, now).map_err(|_| NO_RANDOM_BYTES)?;
        let cookie = cookie::set(&secret, caller.scheme).ok_or(NO_RANDOM_BYTES)?;
        Ok((operator, cookie))
    }

    /// Ends the session of a request, and returns the value of `Set-Cookie` that deletes its cookie.
    pub(super) fn log_out(&self, caller: &Caller<'_>) -> Option<HeaderValue> {
        if let Some(secret) = cookie::read(&caller.headers, caller.scheme) {
            self.sessions.end(secret);
        }
        cookie::delete(caller.scheme)
    }
}

/// Returns the name of the operator in the field of a trusted proxy.
///
/// # Errors
/// Somebody else names one, or the name is not valid.
pub(super) fn user_of_proxy(
    caller: &Caller<'_>,
    config: &AdminConfig,
) -> Result<Option<String>, AccessRefusal> {
    let Some(field) = &config.user_header else { return Ok(None) };
    let mut values = caller.headers.get_all(field).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    if !caller.is_trusted {
        return Err(UNTRUSTED_USER);
    }
    let name = std::str::from_utf8(value.as_bytes()).map_err(|_| INVALID_USER)?;
    match (name, second) {
        ("", None) => Ok(None),
        (name, None) if check_name(name).is_ok() => Ok(Some(name.to_owned())),
        _ => Err(INVALID_USER),
    }
}

/// Returns the beginning of a name: the count of wrong passwords must not keep long ones.
fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
