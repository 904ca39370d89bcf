//! The documents for users are true: their examples are valid, their samples are real, their links resolve.

mod differences;
mod document;
mod examples;
mod install;
mod interface;
mod keys;
mod links;
mod reference;
mod samples;
mod session;
mod shipped;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use downtime::config::Config;
use downtime::config::read_file::{UnreadableCause, UnreadableFile};
use serde_json::Value;
use tempfile::TempDir;

/// The time at which the examples are checked, before any of their periods ends.
const AT: &str = "2026-06-01T00:00:00Z";
const TEMPLATE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/downtime.html"));

const LOGO: &str = "<svg xmlns='http://www.w3.org/2000/svg'/>";

/// A certificate that is valid at [`AT`].
const CERTIFICATE: &str = include_str!("../check/golden/tls/cert.pem");
const KEY: &str = include_str!("../check/golden/tls/key.pem");

/// A directory with a `downtime.toml`, and the built-in template and certificates in it.
struct Directory(TempDir);

impl Directory {
    fn with(text: &str) -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        fs::create_dir(directory.path("templates")).unwrap();
        fs::write(directory.path("templates/downtime.html"), TEMPLATE).unwrap();
        for place in [".", "tls/example.com", "tls/example.org"] {
            fs::create_dir_all(directory.path(place)).unwrap();
            fs::write(directory.path(place).join("fullchain.pem"), CERTIFICATE).unwrap();
            fs::write(directory.path(place).join("privkey.pem"), KEY).unwrap();
        }
        fs::write(directory.path("logo.svg"), LOGO).unwrap();
        for (name, content) in [("ca.pem", CERTIFICATE), ("client.pem", CERTIFICATE), ("client.key", KEY)] {
            fs::write(directory.path(name), content).unwrap();
        }
        fs::write(directory.path("hook.key"), crate::receiver::SECRET).unwrap();
        fs::set_permissions(directory.path("hook.key"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(directory.path("periods.toml"), "# none\n").unwrap();
        fs::write(directory.path("downtime.toml"), text).unwrap();
        directory
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns the result of `--check --format json`.
    fn check(&self) -> Value {
        self.check_with(&[])
    }

    fn check_with(&self, arguments: &[&str]) -> Value {
        let path = self.path("downtime.toml");
        let base = ["--check", "--format", "json", "--config", path.to_str().unwrap()];
        let output = downtime(&[&base, arguments].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
    }

    /// Returns the errors and warnings of the file; empty if there are none.
    fn problems(&self) -> String {
        let path = self.path("downtime.toml");
        let output = downtime(&["--check", "--at", AT, "--config", path.to_str().unwrap()]);
        assert!(output.status.success() || !output.stderr.is_empty());
        text(&output.stderr)
    }
}

fn parse_config(text: &str) -> Config {
    let read = |path: &Path| match path.extension() {
        Some(extension) if extension == "pem" || extension == "key" => Err(UnreadableFile {
            message: String::new(),
            cause: UnreadableCause::Private,
            closed_directory: None,
        }),
        Some(extension) if extension == "svg" => Ok(LOGO.into()),
        _ => Ok(TEMPLATE.into()),
    };
    let reading = Config::parse("downtime.toml", text, Path::new(""), &read);
    reading.config.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn downtime(arguments: &[&str]) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_downtime")).args(arguments))
}

/// Runs a command at the root of the repository.
fn run(command: &mut Command) -> Output {
    command.current_dir(document::root()).env_remove("DOWNTIME_CONFIG").stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
