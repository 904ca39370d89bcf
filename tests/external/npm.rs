//! Packages from npm, once per target directory. Without npm the tests that need them are ignored; under CI they fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Returns the directory of a package, which npm downloads if it is not there.
pub(crate) fn package(name: &str, version: &str) -> Result<PathBuf, String> {
    // Tests run at once, and only one of them may run npm.
    static NPM: Mutex<()> = Mutex::new(());
    let _one = NPM.lock().unwrap_or_else(PoisonError::into_inner);
    let package = format!("{name}@{version}");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&package);
    let path = directory.join("node_modules").join(name);
    if !path.is_dir() {
        let options = ["install", "--silent", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
        let npm = Command::new("npm")
            .args(options)
            .args(["--omit=optional", "--omit=peer", "--prefix"])
            .args([directory.as_os_str(), package.as_ref()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        if !npm.is_ok_and(|status| status.success()) {
            return Err(format!("npm could not install {package}"));
        }
    }
    Ok(path)
}
