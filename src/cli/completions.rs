//! `downtime completions`: prints the script that completes commands and options in a shell.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};

use super::config_file::IgnoredConfig;
use super::print_result;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Shell to complete in
    shell: Shell,

    #[command(flatten)]
    _ignored: IgnoredConfig,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the completions of `command`.
pub(super) fn run(mut command: clap::Command, arguments: &CompletionsArgs) -> Result<ExitCode, ExitCode> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    match arguments.shell {
        Shell::Bash => generate(Bash, &mut command, name, &mut script),
        Shell::Zsh => generate(Zsh, &mut command, name, &mut script),
        Shell::Fish => generate(Fish, &mut command, name, &mut script),
    }
    print_result(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
