//! Mount namespaces, so that no other process sees what a test mounts.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::support::process::{ConfigDirectory, downtime};

/// The options of `unshare` for root, and for other users.
const OPTION_SETS: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];

/// Returns the first options with which a file system can be mounted on this machine, or the errors if none works.
fn options() -> &'static Result<&'static [&'static str], String> {
    static OPTIONS: OnceLock<Result<&[&str], String>> = OnceLock::new();
    let mount = |options: &[&str]| {
        let script = "mount -t tmpfs tmpfs /tmp";
        let output =
            Command::new("unshare").args(options).args(["sh", "-c", script]).output().expect("unshare");
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
        }
    };
    OPTIONS.get_or_init(|| {
        let mut errors = Vec::new();
        for options in OPTION_SETS {
            match mount(options) {
                Ok(()) => return Ok(options),
                Err(error) => errors.push(error),
            }
        }
        Err(format!("no file system can be mounted: {}", errors.join("; ")))
    })
}

/// Returns the reason if no file system can be mounted although `unshare` is installed.
pub(crate) fn refusal() -> Option<&'static str> {
    options().as_ref().err().map(String::as_str)
}

/// Returns a command that runs a shell script in the directory, in a mount namespace of its own. `"$0"` is the binary.
/// The script ends at the first command that fails.
pub(crate) fn command(directory: &ConfigDirectory, script: &str) -> Command {
    let options = options().as_ref().expect("the trial checked that mounting works");
    let mut command = Command::new("unshare");
    command.args(*options).args(["sh", "-euc", script]).arg(downtime(directory).get_program());
    command.current_dir(directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    for name in ["DOWNTIME_CONFIG", "NOTIFY_SOCKET"] {
        command.env_remove(name);
    }
    command.env("TZ", "UTC");
    command
}
