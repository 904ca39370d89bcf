//! Looks at the files that `[admin]` names. They are not part of the config: only `downtime admin` uses them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::config::diagnostic::Diagnostic;
use crate::config::machines::Machines;
use crate::config::users::Users;
use crate::config::{Config, FileFault};
use crate::store::read::{MAX_LENGTH, read};

/// Returns what is wrong with them, as far as this user may know.
pub(super) fn faults(config: &Config) -> Vec<FileFault> {
    let Some(admin) = &config.admin else { return Vec::new() };
    let users = admin
        .users
        .as_deref()
        .and_then(|path| fault("users", path, |name, text| Users::parse(name, text).map(drop)));
    let tokens = admin
        .tokens
        .as_deref()
        .and_then(|path| fault("tokens", path, |name, text| Machines::parse(name, text).map(drop)));
    users.into_iter().chain(tokens).collect()
}

fn fault(
    key: &'static str,
    path: &Path,
    parse: impl FnOnce(&str, &str) -> Result<(), Vec<Diagnostic>>,
) -> Option<FileFault> {
    let name = path.display().to_string();
    let fault = |message: String, help: &str| Some(FileFault { key, message, help: help.to_owned() });
    let bytes = match read(path, MAX_LENGTH) {
        Ok((bytes, _)) => bytes,
        Err(error) if error.is_forbidden() => return None,
        Err(error) if error.is_missing() => {
            return fault(
                format!("{name} does not exist: it lets nobody in"),
                "create it, or remove the key",
            );
        }
        Err(error) => return fault(format!("{name} {error}"), "name a file, or remove the key"),
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return fault(format!("{name} is not UTF-8"), "save the file as UTF-8");
    };
    if let Some(Diagnostic { message, help, .. }) =
        parse(&name, &text).err().and_then(|errors| errors.into_iter().next())
    {
        return fault(message, help.as_deref().unwrap_or_default());
    }
    exposed(key, path)
}

/// Returns a fault if every user of the machine can access a file with secrets.
pub(super) fn exposed(key: &'static str, path: &Path) -> Option<FileFault> {
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    let name = path.display();
    (mode & 0o007 != 0).then(|| FileFault {
        key,
        message: format!("all users of this machine can access {name}"),
        help: format!("run `chmod o= {name}`"),
    })
}
