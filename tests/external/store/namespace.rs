//! Mounts that nobody else sees.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::support::process::{Folder, downtime};

/// What root has to ask for, and what everybody else has.
const WAYS: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];

/// The first way in which a file system can be mounted here, or why there is none.
fn way() -> &'static Result<&'static [&'static str], String> {
    static WAY: OnceLock<Result<&[&str], String>> = OnceLock::new();
    let mounts = |way: &[&str]| {
        let script = "mount -t tmpfs tmpfs /tmp";
        let output = Command::new("unshare").args(way).args(["sh", "-c", script]).output().expect("unshare");
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
        }
    };
    WAY.get_or_init(|| {
        let mut refused = Vec::new();
        for way in WAYS {
            match mounts(way) {
                Ok(()) => return Ok(way),
                Err(error) => refused.push(error),
            }
        }
        Err(format!("nothing can be mounted here: {}", refused.join("; ")))
    })
}

/// Why nothing can be mounted here, although there is unshare.
pub(crate) fn refusal() -> Option<&'static str> {
    way().as_ref().err().map(String::as_str)
}

/// A shell script in the folder, in a mount namespace of its own; `"$0"` is the binary. It ends where a command fails.
pub(crate) fn command(folder: &Folder, script: &str) -> Command {
    let way = way().as_ref().expect("it was asked whether there is one");
    let mut command = Command::new("unshare");
    command.args(*way).args(["sh", "-euc", script]).arg(downtime(folder).get_program());
    command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    for name in ["DOWNTIME_CONFIG", "NOTIFY_SOCKET"] {
        command.env_remove(name);
    }
    command.env("TZ", "UTC");
    command
}
