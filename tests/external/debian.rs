//! Programs and modules of Python from Debian packages that tests need.

use std::fs::read_dir;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Failed};
use rustix::process::geteuid;

/// Debian's Python, which finds the modules of Debian's packages. Another one may be first in `PATH`.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// A program, or a module of Python, and the package that contains it.
pub(crate) type RequiredProgram = (&'static str, &'static str);

/// Runs a test that needs these programs. If one is missing, the test is ignored with a reason; under CI it fails.
pub(crate) fn with(
    programs: &[RequiredProgram],
    test: impl FnOnce() -> Result<(), Failed>,
) -> Result<Completion, Failed> {
    match programs.iter().find(|(program, _)| !is_installed(program)) {
        None => test().map(|()| Completion::Completed),
        Some((program, package)) => {
            let reason = format!("{program} is not installed (Debian: apt-get install {package})");
            ignore(reason)
        }
    }
}

/// Runs a test that needs this module of Python, as [`with`] does for programs.
pub(crate) fn with_python_module(
    (module, package): RequiredProgram,
    test: impl FnOnce() -> Result<(), Failed>,
) -> Result<Completion, Failed> {
    let import =
        Command::new(PYTHON).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
    if import.is_ok_and(|status| status.success()) {
        return test().map(|()| Completion::Completed);
    }
    ignore(format!("{PYTHON} has no module {module} (Debian: apt-get install {package})"))
}

/// Ignores a test that cannot run on this machine; under CI it fails.
pub(crate) fn ignore(reason: String) -> Result<Completion, Failed> {
    match std::env::var_os("CI") {
        Some(_) => Err(reason.into()),
        None => Ok(Completion::ignored_with(reason)),
    }
}

/// Returns true if the program is in `PATH` or in a directory for daemons, which not every user has in `PATH`.
pub(crate) fn is_installed(program: &str) -> bool {
    let mut directories = std::env::var_os("PATH").unwrap_or_default();
    directories.push(":/usr/sbin:/sbin");
    std::env::split_paths(&directories).any(|directory| directory.join(program).is_file())
}

/// Returns a command that runs a program as root, if this user can.
pub(crate) fn as_root(program: &Path) -> Option<Command> {
    if geteuid().is_root() {
        return Some(Command::new(program));
    }
    let can = Command::new("sudo").args(["--non-interactive", "true"]).stderr(Stdio::null()).status();
    can.is_ok_and(|status| status.success()).then(|| {
        let mut command = Command::new("sudo");
        command.arg("--non-interactive").arg(program);
        command
    })
}

/// Runs a command that must succeed, and returns what it prints.
pub(crate) fn run(command: &mut Command) -> Result<String, Failed> {
    let output = command.stdin(Stdio::null()).output()?;
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        Ok(printed.into_owned())
    } else {
        Err(format!("{command:?}: {}\n{printed}{errors}", output.status).into())
    }
}

/// Finds libfaketime in a directory of libraries or in one of its architecture.
pub(crate) fn libfaketime() -> Option<PathBuf> {
    let below = |directory: PathBuf| directory.join("faketime/libfaketime.so.1");
    let libraries = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
    let architectures = read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    libraries.into_iter().chain(architectures).map(below).find(|library| library.is_file())
}
