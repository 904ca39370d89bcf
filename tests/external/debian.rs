//! Programs that tests take from Debian's packages.

use libtest_mimic::{Completion, Failed};

/// A program and the package that has it.
pub(crate) type Needed = (&'static str, &'static str);

/// Runs a test that needs these programs. Where one is not there the test is ignored and says why; under CI it fails.
pub(crate) fn with(
    programs: &[Needed],
    test: impl FnOnce() -> Result<(), Failed>,
) -> Result<Completion, Failed> {
    match programs.iter().find(|(program, _)| !is_there(program)) {
        None => test().map(|()| Completion::Completed),
        Some((program, package)) => {
            let reason = format!("there is no {program} here (Debian: apt-get install {package})");
            ignored(reason)
        }
    }
}

/// Ignores a test that cannot run here; under CI it fails.
pub(crate) fn ignored(reason: String) -> Result<Completion, Failed> {
    match std::env::var_os("CI") {
        Some(_) => Err(reason.into()),
        None => Ok(Completion::ignored_with(reason)),
    }
}

/// Daemons stand in folders that are not in everybody's PATH.
fn is_there(program: &str) -> bool {
    let mut folders = std::env::var_os("PATH").unwrap_or_default();
    folders.push(":/usr/sbin:/sbin");
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}
