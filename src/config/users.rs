//! The file that `[admin] users` names: the operators who log in with a password, each with the hash of it.

use std::hash::{BuildHasher as _, RandomState};

use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params};
use bcrypt::HashParts;

use super::diagnostic::Diagnostic;
use super::line_file::{self, Line};

const EXAMPLE: &str =
    "write `NAME:HASH` with a hash of argon2id or bcrypt: `htpasswd -nB NAME` prints such a line";

/// The most memory that a hash of argon2id may take, in KiB.
const MAX_MEMORY: u32 = 256 << 10;
/// The most work that it may take: KiB times passes. This is about a second.
const MAX_WORK: u64 = 1 << 20;
/// The most that a hash of bcrypt may cost, as the logarithm of its rounds: about a second.
const MAX_COST: u32 = 14;

/// An operator who logs in with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    hash: UserHash,
}

/// The hash of a password, as the file has it.
#[derive(Clone, PartialEq, Eq)]
enum UserHash {
    Argon2id(String),
    Bcrypt(String),
}

impl std::fmt::Debug for UserHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserHash")
    }
}

/// All operators of a file.
#[derive(Clone, Debug, Default)]
pub struct Users {
    all: Vec<User>,
    decoys: RandomState,
}

impl Users {
    /// Parses the text of a file with this name: a line for each operator. Empty lines and those that begin with `#` are ignored.
    ///
    /// # Errors
    /// One for each malformed line, for each hash that takes too long, and for each name that occurs twice.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let all = line_file::read(file, text, |others: &[User], line| {
            let user = user(line)?;
            if others.iter().any(|other| other.name == user.name) {
                let message = format!("the operator `{}` is in the file twice", user.name);
                return Err(line.error(&message, "remove one of the two lines"));
            }
            Ok(user)
        })?;
        Ok(Self { all, decoys: RandomState::new() })
    }

    /// Returns the operator of this name.
    pub fn find(&self, name: &str) -> Option<&User> {
        self.all.iter().find(|user| user.name == name)
    }

    /// Returns the operator whose hash is computed for a name that nobody has, so that the time tells nothing: for the same name,
    /// always the same one. `None` if there are no operators.
    pub fn decoy(&self, name: &str) -> Option<&User> {
        let count = u64::try_from(self.all.len()).ok().filter(|count| *count > 0)?;
        self.all.get(usize::try_from(self.decoys.hash_one(name) % count).ok()?)
    }
}

impl User {
    /// Returns true if this is the password. It takes a while, on purpose. Of a password for bcrypt, only 72 bytes count.
    pub fn has_password(&self, password: &[u8]) -> bool {
        match &self.hash {
            UserHash::Argon2id(text) => PasswordHash::new(text)
                .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok()),
            UserHash::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
        }
    }
}

fn user(line: &Line<'_>) -> Result<User, Diagnostic> {
    let (name, hash) = line
        .text
        .split_once(':')
        .ok_or_else(|| line.error("this is not the line of an operator", EXAMPLE))?;
    let name = line.name(name)?;
    let hash = hash.trim_ascii_end();
    let hash = if hash.starts_with("$argon2id$") {
        check_argon2id(hash).map(|()| UserHash::Argon2id(hash.to_owned()))
    } else if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix)) {
        check_bcrypt(hash).map(|()| UserHash::Bcrypt(hash.to_owned()))
    } else {
        Err(("the hash is neither of argon2id nor of bcrypt", EXAMPLE))
    };
    hash.map(|hash| User { name, hash }).map_err(|(message, help)| line.error(message, help))
}

fn check_argon2id(text: &str) -> Result<(), (&'static str, &'static str)> {
    const MALFORMED: (&str, &str) = ("the hash of argon2id is malformed", EXAMPLE);
    let hash = PasswordHash::new(text).map_err(|_| MALFORMED)?;
    let params = Params::try_from(&hash).map_err(|_| MALFORMED)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(MALFORMED);
    }
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    if params.m_cost() > MAX_MEMORY || work > MAX_WORK {
        return Err(("the hash takes too much memory or time", "use m=65536,t=3,p=4, or less of each"));
    }
    Ok(())
}

fn check_bcrypt(text: &str) -> Result<(), (&'static str, &'static str)> {
    let parts: HashParts = text.parse().map_err(|_| ("the hash of bcrypt is malformed", EXAMPLE))?;
    if parts.get_cost() > MAX_COST {
        return Err(("the hash takes too much time", "use a cost of at most 14"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // By `argon2 saltsalt -id -t 1 -k 64 -e` and `htpasswd -nbB -C 4 ann`, of `correct horse`.
    const ARGON2ID: &str =
        "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$lnizTRNgy0D3lJD4Xlm+A2aXibz3GSvOOHAXUwm1P0Y";
    const BCRYPT: &str = "$2y$04$xZJzg294loz44.nbNUdlOO1FDLjRM6LY2GT1HnJDtd0Iyv.BE7R/e";

    fn parse(text: &str) -> Result<Users, Vec<String>> {
        Users::parse("admin.users", text)
            .map_err(|errors| errors.iter().map(|error| error.summary().replace(EXAMPLE, "…")).collect())
    }

    #[test]
    fn operators_have_hashes_of_argon2id_or_bcrypt() {
        let users = parse(&format!("# operators\r\nann:{ARGON2ID}\r\n\nbob:{BCRYPT}\n")).unwrap();
        for name in ["ann", "bob"] {
            let user = users.find(name).unwrap();
            assert!(user.has_password(b"correct horse"), "{name}");
            assert!(!user.has_password(b"correct horsf") && !user.has_password(b""), "{name}");
        }
        assert!(users.find("Ann").is_none() && users.find("").is_none());
    }

    #[test]
    fn a_name_that_nobody_has_always_costs_the_hash_of_the_same_operator() {
        let users = parse(&format!("ann:{ARGON2ID}\nbob:{BCRYPT}\n")).unwrap();
        for name in ["eve", "mallory", ""] {
            assert_eq!(users.decoy(name).unwrap(), users.decoy(name).unwrap(), "{name}");
        }
        let names = (0..100).map(|number| number.to_string());
        assert!(names.clone().any(|name| users.decoy(&name).unwrap().name == "ann"));
        assert!(names.clone().any(|name| users.decoy(&name).unwrap().name == "bob"));
        assert!(parse("").unwrap().decoy("eve").is_none());
    }

    #[test]
    fn each_malformed_line_is_an_error_that_does_not_show_it() {
        let expensive = ARGON2ID.replace("m=64", "m=1048576");
        for (line, expected) in [
            ("hunter2", "admin.users:2: this is not the line of an operator (…)"),
            ("eve:hunter2", "admin.users:2: the hash is neither of argon2id nor of bcrypt (…)"),
            ("eve:$apr1$a$b", "admin.users:2: the hash is neither of argon2id nor of bcrypt (…)"),
            (
                "eve:$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAA",
                "admin.users:2: the hash is neither of argon2id nor of bcrypt (…)",
            ),
            ("eve:$argon2id$v=19$m=64", "admin.users:2: the hash of argon2id is malformed (…)"),
            ("eve:$2y$04$abc", "admin.users:2: the hash of bcrypt is malformed (…)"),
            (
                &format!("eve:{expensive}"),
                "admin.users:2: the hash takes too much memory or time (use m=65536,t=3,p=4, or less of each)",
            ),
            (
                &format!("eve:{}", BCRYPT.replace("$04$", "$20$")),
                "admin.users:2: the hash takes too much time (use a cost of at most 14)",
            ),
            (
                &format!("ann:{BCRYPT}"),
                "admin.users:2: the operator `ann` is in the file twice (remove one of the two lines)",
            ),
            (
                &format!(":{BCRYPT}"),
                "admin.users:2: the name is empty (write a name of at most 64 characters before the first `:`)",
            ),
        ] {
            let errors = parse(&format!("ann:{BCRYPT}\n{line}\n")).unwrap_err();
            assert_eq!(errors, [expected], "{line}");
        }
    }
}
