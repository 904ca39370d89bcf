//! Finds the configuration file of a command.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::diagnostic::Diagnostic;
use crate::escape::shell_word;

/// The paths at which the file is searched for by default, in this order.
pub(super) const DEFAULT_PATHS: [&str; 2] = ["./downtime.toml", "/etc/downtime/downtime.toml"];

/// The environment variable that names the file.
pub(super) const VARIABLE: &str = "DOWNTIME_CONFIG";

/// Takes `--config` for a command that does not need the file, and leaves it out of its help.
#[derive(Debug, Args)]
pub(super) struct IgnoredConfig {
    #[arg(id = "config", short = 'c', long = "config", value_name = "FILE", hide = true)]
    _path: Option<PathBuf>,
}

/// The configuration file of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    origin: Origin,
}

/// What names the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// `--config`: commands that are suggested need the option too.
    Option,
    /// The environment variable.
    Variable,
    /// Nothing: it is at a default path.
    Default,
}

impl ConfigFile {
    /// Returns the file that the option names, else the one that the variable names unless it is empty, else the first
    /// of `places` that exists. The error names all of them.
    pub(super) fn find<P: AsRef<Path>>(
        option: Option<PathBuf>,
        variable: Option<OsString>,
        places: &[P],
    ) -> Result<Self, Diagnostic> {
        let found = || places.iter().map(AsRef::as_ref).find(|place| !is_missing(place)).map(Self::at);
        Self::named(option, variable).or_else(found).ok_or_else(|| missing(places))
    }

    /// Returns the file that the option names, else the one that the variable names unless it is empty.
    pub(super) fn named(option: Option<PathBuf>, variable: Option<OsString>) -> Option<Self> {
        let variable = variable.filter(|name| !name.is_empty()).map(PathBuf::from);
        let named = |origin| move |path| Self { path, origin };
        option.map(named(Origin::Option)).or_else(|| variable.map(named(Origin::Variable)))
    }

    /// Returns the file at a default path.
    pub(super) fn at(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), origin: Origin::Default }
    }

    /// Returns the error for a file that the variable names and that does not exist. The person who runs a command may
    /// not know that the variable is set.
    pub(super) fn missing_of_variable(&self) -> Option<Diagnostic> {
        (self.origin == Origin::Variable && is_missing(&self.path)).then(|| {
            let message = format!("{}, which {VARIABLE} names, does not exist", self.path.display());
            Diagnostic::for_file(
                message,
                format!("create it, correct {VARIABLE}, or name another file with -c FILE"),
            )
        })
    }

    /// Returns a shell command for the same file.
    pub(super) fn command(&self, arguments: &str) -> String {
        match self.path.to_str().filter(|_| self.origin == Origin::Option) {
            None => format!("downtime {arguments}"),
            Some(path) if path.starts_with('-') => {
                format!("downtime -c {} {arguments}", shell_word(&format!("./{path}")))
            }
            Some(path) => format!("downtime -c {} {arguments}", shell_word(path)),
        }
    }
}

/// Returns false if the place cannot be examined: the command then reports why it cannot be read.
fn is_missing(place: &Path) -> bool {
    place.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn missing<P: AsRef<Path>>(places: &[P]) -> Diagnostic {
    let places: Vec<_> = places.iter().map(|place| place.as_ref().display().to_string()).collect();
    let message = format!("no configuration file found: tried {}", places.join(" and "));
    Diagnostic::for_file(
        message,
        format!("create one with `downtime init`, or specify another with -c FILE or {VARIABLE}"),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_option_overrides_the_variable_and_that_the_default_paths() {
        let directory = tempfile::tempdir().unwrap();
        let places = ["here.toml", "there.toml"].map(|name| directory.path().join(name));
        let find = |option: Option<&str>, variable: Option<&str>| {
            ConfigFile::find(option.map(Into::into), variable.map(Into::into), &places)
                .map(|file| file.path)
                .map_err(|error| error.message)
        };
        let [here, there] = places.clone();
        let neither =
            Err(format!("no configuration file found: tried {} and {}", here.display(), there.display()));
        assert_eq!(find(None, None), neither);
        assert_eq!(find(None, Some("")), neither);
        fs::write(&there, "").unwrap();
        assert_eq!(find(None, None), Ok(there.clone()));
        assert_eq!(find(None, Some("")), Ok(there));
        symlink("nothing", &here).unwrap();
        assert_eq!(find(None, None), Ok(here), "a broken link is reported, not skipped");
        assert_eq!(find(None, Some("b")), Ok("b".into()));
        assert_eq!(find(Some("a"), Some("b")), Ok("a".into()));
    }

    #[test]
    fn a_suggested_command_repeats_the_option() {
        for (option, variable, command) in [
            (None, Some("b.toml"), "downtime end db"),
            (Some("a.toml"), None, "downtime -c a.toml end db"),
            (Some("my site.toml"), None, "downtime -c 'my site.toml' end db"),
            (Some("-x"), None, "downtime -c ./-x end db"),
        ] {
            let file = ConfigFile::find(option.map(Into::into), variable.map(OsString::from), &DEFAULT_PATHS)
                .unwrap();
            assert_eq!(file.command("end db"), command);
        }
    }
}
