//! The file that `[admin] tokens` names: the machines that may use the admin page, each with the hash of its secret.

use super::diagnostic::Diagnostic;
use super::line_file::{self, Line};
use crate::matching::bypass::SecretHash;

const EXAMPLE: &str = "write `NAME:read:sha256:HASH` or `NAME:write:sha256:HASH`, with the hash that `printf %s SECRET | sha256sum` prints";

/// A machine that may use the admin page.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The name, for the log.
    pub name: String,
    /// True if it may make changes.
    pub may_write: bool,
    hash: SecretHash,
}

/// All machines of a file.
#[derive(Clone, Debug, Default)]
pub struct Machines(Vec<Machine>);

impl Machines {
    /// Parses the text of a file with this name: a line for each machine. Empty lines and those that begin with `#` are ignored.
    ///
    /// # Errors
    /// One for each malformed line, and for each name or secret that occurs twice.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        line_file::read(file, text, |others: &[Machine], line| {
            let machine = machine(line)?;
            match others.iter().find(|other| other.name == machine.name || other.hash == machine.hash) {
                Some(other) => {
                    let message = format!("the machine `{}` has the same name or secret", other.name);
                    Err(line.error(&message, "remove one of the two lines"))
                }
                None => Ok(machine),
            }
        })
        .map(Self)
    }

    /// Returns the machine whose secret this is. The time that it takes does not depend on how much of it is right.
    pub fn find(&self, secret: &[u8]) -> Option<&Machine> {
        self.0
            .iter()
            .fold(None, |found, machine| if machine.hash.is_of(secret) { Some(machine) } else { found })
    }
}

fn machine(line: &Line<'_>) -> Result<Machine, Diagnostic> {
    let mut parts = line.text.splitn(3, ':');
    let (name, rights, hash) = (parts.next(), parts.next(), parts.next());
    let (Some(name), Some(rights), Some(hash)) = (name, rights, hash) else {
        return Err(line.error("this is not the line of a machine", EXAMPLE));
    };
    let name = line.name(name)?;
    let may_write = match rights {
        "read" => false,
        "write" => true,
        _ => return Err(line.error("the rights are neither `read` nor `write`", EXAMPLE)),
    };
    let hash = SecretHash::parse(hash)
        .ok_or_else(|| line.error("the hash is not `sha256:` and 64 hexadecimal digits", EXAMPLE))?;
    Ok(Machine { name, may_write, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const OTHER: &str = "sha256:02454bffd23106ac46bf9537c449fba32575da1dac09a7ef330c13a42dc35b88";

    fn parse(text: &str) -> Result<Machines, Vec<String>> {
        Machines::parse("admin.tokens", text)
            .map_err(|errors| errors.iter().map(|error| error.summary().replace(EXAMPLE, "…")).collect())
    }

    #[test]
    fn a_machine_is_known_by_its_secret() {
        let machines = parse(&format!("# CI\n\nci:read:{HASH}\r\ndeploy:write:{OTHER}")).unwrap();
        let found = machines.find(b"test").unwrap();
        assert_eq!((found.name.as_str(), found.may_write), ("ci", false));
        assert!(machines.find(b"c2VjcmV0LW9mLXRoZS10ZXN0ZXJz").unwrap().may_write);
        assert!(machines.find(b"Test").is_none() && machines.find(b"").is_none());
        assert!(parse("").unwrap().find(b"test").is_none());
    }

    #[test]
    fn each_malformed_line_is_an_error() {
        for (line, expected) in [
            ("ci", "admin.tokens:2: this is not the line of a machine (…)"),
            ("ci:read", "admin.tokens:2: this is not the line of a machine (…)"),
            (
                ":read:sha256:a",
                "admin.tokens:2: the name is empty (write a name of at most 64 characters before the first `:`)",
            ),
            ("b:admin:sha256:a", "admin.tokens:2: the rights are neither `read` nor `write` (…)"),
            ("b:read:test", "admin.tokens:2: the hash is not `sha256:` and 64 hexadecimal digits (…)"),
        ] {
            let errors = parse(&format!("a:read:{HASH}\n{line}\n")).unwrap_err();
            assert_eq!(errors, [expected], "{line}");
        }
        for line in [format!("a:read:{OTHER}"), format!("b:write:{HASH}")] {
            let errors = parse(&format!("a:read:{HASH}\n{line}\nx\n")).unwrap_err();
            assert_eq!(errors.len(), 2, "{errors:?}");
            assert!(errors[0].contains(":2: the machine `a` has the same name or secret"), "{errors:?}");
        }
    }
}
