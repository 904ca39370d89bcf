//! The manual pages and completions, judged by the programs that read them.

use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};

use crate::debian;

const DOWNTIME: &str = env!("CARGO_BIN_EXE_downtime");

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::ignorable_test("manual::groff_finds_no_fault_in_the_pages", groff_finds_no_fault),
        Trial::ignorable_test("manual::zsh_and_fish_read_the_completions", shells_read_the_completions),
    ]
}

fn groff_finds_no_fault() -> Result<Completion, Failed> {
    debian::with(&[("groff", "groff-base")], || {
        let directory = tempfile::tempdir()?;
        let written = Command::new(DOWNTIME).args(["man", "--dir"]).arg(directory.path()).status()?;
        assert!(written.success());
        for entry in std::fs::read_dir(directory.path())? {
            let path = entry?.path();
            // Words longer than a line of 80 characters are no fault of the page.
            let output = Command::new("groff")
                .args(["-man", "-Kutf8", "-Tutf8", "-ww", "-z", "-rLL=200n"])
                .arg(&path)
                .output()?;
            let faults = String::from_utf8(output.stderr)?;
            assert!(output.status.success() && faults.is_empty(), "{}: {faults}", path.display());
        }
        Ok(())
    })
}

fn shells_read_the_completions() -> Result<Completion, Failed> {
    debian::with(&[("zsh", "zsh"), ("fish", "fish")], || {
        for (shell, option) in [("zsh", "-n"), ("fish", "--no-execute")] {
            let printed = Command::new(DOWNTIME).args(["completions", shell]).output()?;
            let directory = tempfile::tempdir()?;
            let script = directory.path().join("script");
            std::fs::write(&script, printed.stdout)?;
            let output = Command::new(shell).arg(option).arg(&script).stdin(Stdio::null()).output()?;
            let faults = String::from_utf8(output.stderr)?;
            assert!(output.status.success() && faults.is_empty(), "{shell}: {faults}");
        }
        Ok(())
    })
}
