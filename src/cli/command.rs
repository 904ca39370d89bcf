//! The commands, each with its line of help, and what runs it.

use std::process::ExitCode;

use clap::{CommandFactory as _, Subcommand};

use super::config_file::{ConfigFile, IgnoredConfig, VARIABLE};
use super::{
    Cli, EXIT_CODES, admin, bypass, completions, during, end, extend, init, man, preview, prune, schema,
    serve, start, status, wait, webhook,
};

/// A command of `downtime`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    #[command(flatten)]
    WithFile(FileCommand),
    #[command(flatten)]
    WithoutFile(FilelessCommand),
}

/// The commands that need the configuration file.
#[derive(Debug, Subcommand)]
pub(super) enum FileCommand {
    /// Run the gateway (default)
    Serve,
    /// Start a downtime now, or plan one
    Start(start::StartArgs),
    /// End the current downtime
    End(end::EndArgs),
    /// Move the end of a running downtime
    Extend(extend::ExtendArgs),
    /// Run a command while the site is down
    During(during::DuringArgs),
    /// Show the current state and what comes next
    Status(status::StatusArgs),
    /// Wait until the site is up or down
    Wait(wait::WaitArgs),
    /// Let testers in while the site is down
    Bypass(bypass::BypassArgs),
    /// Test the webhooks
    Webhook(webhook::WebhookArgs),
    /// Remove periods that are over
    Prune(prune::PruneArgs),
    /// Show what visitors will see
    Preview(preview::PreviewArgs),
    /// Serve the operators' web page
    Admin(admin::AdminArgs),
}

/// The commands that do not need a configuration file.
#[derive(Debug, Subcommand)]
pub(super) enum FilelessCommand {
    /// Write a commented file to start from
    Init(init::InitArgs),
    /// Print the JSON Schema of the file
    Schema(IgnoredConfig),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Print a manual page
    Man(man::ManArgs),
}

impl FileCommand {
    /// Runs the command.
    pub(super) fn run(&self, file: &ConfigFile) -> Result<ExitCode, ExitCode> {
        match self {
            Self::Serve => Ok(serve::run(file)),
            Self::Start(arguments) => start::run(file, arguments),
            Self::End(arguments) => end::run(file, arguments),
            Self::Extend(arguments) => extend::run(file, arguments),
            Self::During(arguments) => during::run(file, arguments),
            Self::Status(arguments) => status::run(file, arguments),
            Self::Wait(arguments) => wait::run(file, arguments),
            Self::Bypass(arguments) => bypass::run(file, arguments),
            Self::Webhook(arguments) => webhook::run(file, arguments),
            Self::Prune(arguments) => prune::run(file, arguments),
            Self::Preview(arguments) => preview::run(&file.path, arguments),
            Self::Admin(arguments) => admin::run(file, arguments),
        }
    }
}

impl FilelessCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<ExitCode, ExitCode> {
        match self {
            Self::Init(arguments) => init::run(arguments, std::env::var_os(VARIABLE)),
            Self::Schema(_) => schema::run(),
            Self::Completions(arguments) => completions::run(Cli::command(), arguments),
            Self::Man(arguments) => man::run(Cli::command(), EXIT_CODES, arguments),
        }
    }
}
