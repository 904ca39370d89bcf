//! The command line.

mod admin;
mod bypass;
mod check;
mod command;
mod completions;
mod config_file;
mod during;
mod edit;
mod end;
mod extend;
mod gateway_address;
mod init;
mod man;
mod output_file;
mod preview;
mod print;
mod prune;
mod schema;
mod scope_args;
mod serve;
mod sockets;
mod start;
mod status;
mod supervisor;
mod time_arg;
mod url_args;
mod usage;
mod wait;
mod webhook;
mod words;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, ValueEnum};
use http::Method;

use self::command::{Command, FileCommand};
use self::config_file::{ConfigFile, DEFAULT_PATHS, VARIABLE};
use self::print::{print_diagnostics, print_error, print_progress, print_result, print_result_after};
use self::usage::{print_usage_error, usage_error};
use self::words::time;
use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::config::time::TimeLiteral;
use crate::editing::parse_duration as duration;
use crate::summary::Summary;

const EXIT_CODES: &str = "\
Exit codes:
  0  Done
  1  The file is invalid, or the command failed
  2  Wrong usage
  3  From status, end and during: the site is not (fully) up";

/// The arguments of `downtime`.
#[derive(Debug, Parser)]
#[command(name = "downtime", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Configuration file [env: DOWNTIME_CONFIG] [default: ./downtime.toml, else /etc/downtime/downtime.toml]
    // clap's own `env` does not treat an empty variable as unset.
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Check the file, print the resulting plan and exit
    #[arg(long)]
    check: bool,

    /// With --check: exit with 1 on warnings too
    #[arg(long, value_name = "WHAT", requires = "check")]
    deny: Option<Deny>,

    /// With --check: print errors and warnings only, no plan
    #[arg(long, requires = "check", conflicts_with_all = ["url", "format"])]
    quiet: bool,

    /// With --check: show the state at this time (RFC 3339; a local time is in the file's time zone)
    #[arg(long, value_name = "TIME", requires = "check", value_parser = time)]
    at: Option<TimeLiteral>,

    /// With --check: show what a request for this URL gets, and why; can be repeated
    #[arg(long, value_name = "URL", requires = "check", value_parser = url_args::parse_url)]
    url: Vec<url_args::UrlArg>,

    /// With --url: method of the request
    #[arg(long, value_name = "METHOD", requires = "url", default_value = "GET")]
    method: Method,

    /// With --url: address of the client
    #[arg(long, value_name = "IP", requires = "url")]
    from: Option<IpAddr>,

    /// With --check: output format
    #[arg(long, value_name = "FORMAT", requires = "check", default_value = "human")]
    format: Format,

    #[command(subcommand)]
    command: Option<Command>,
}

/// The output format: for people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// The diagnostics that `--deny` turns into an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    Warnings,
}

/// Runs the command that the arguments of the process name.
pub fn run() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => cli.run().unwrap_or_else(|code| code),
        Err(error) => print_usage_error(error),
    }
}

impl Cli {
    fn run(mut self) -> Result<ExitCode, ExitCode> {
        if self.check && self.command.is_some() {
            let message = "--check cannot be used with a command: run `downtime --check`";
            return Err(usage_error(ErrorKind::ArgumentConflict, message));
        }
        if let Some(Command::WithoutFile(command)) = &self.command {
            return command.run();
        }
        let found = ConfigFile::find(self.config.take(), std::env::var_os(VARIABLE), &DEFAULT_PATHS);
        let file = match found.or_else(|error| self.file_of_gateway(error)) {
            Ok(file) => file,
            Err(error) => return report_no_file(error, self.format()),
        };
        if !self.is_health_check()
            && let Some(error) = file.missing_of_variable()
        {
            return report_no_file(error, self.format());
        }
        if self.check {
            return check::run(&file.path, &self.into_check());
        }
        match &self.command {
            Some(Command::WithFile(command)) => command.run(&file),
            _ => FileCommand::Serve.run(&file),
        }
    }

    fn into_check(self) -> check::CheckArgs {
        check::CheckArgs {
            at: self.at,
            urls: self.url,
            client: url_args::ClientArgs { method: self.method, from: self.from },
            format: self.format,
            denies_warnings: self.deny == Some(Deny::Warnings),
            is_quiet: self.quiet,
        }
    }

    /// Returns the file that the running gateway has read, for a command that only asks the gateway and finds no file.
    fn file_of_gateway(&self, missing: Diagnostic) -> Result<ConfigFile, Diagnostic> {
        match &self.command {
            Some(Command::WithFile(FileCommand::Status(_) | FileCommand::Wait(_))) => {
                gateway_address::file_at_default_address(&DEFAULT_PATHS, missing)
            }
            _ => Err(missing),
        }
    }

    /// Returns true for `status --serving`, which does not need the file.
    fn is_health_check(&self) -> bool {
        matches!(&self.command, Some(Command::WithFile(FileCommand::Status(status))) if status.serving)
    }

    /// Returns the output format of the command.
    fn format(&self) -> Format {
        match &self.command {
            Some(Command::WithFile(FileCommand::Status(arguments))) => arguments.format,
            _ => self.format,
        }
    }
}

/// Reports that there is no configuration file.
fn report_no_file(error: Diagnostic, format: Format) -> Result<ExitCode, ExitCode> {
    if format == Format::Json {
        print_result(&Summary::new(None, &[error], clock::now()).to_json())?;
    } else {
        print_diagnostics(&[error]);
    }
    Ok(ExitCode::FAILURE)
}

/// Returns 0 if the site is up, else 3.
fn state_code(up: bool) -> ExitCode {
    if up { ExitCode::SUCCESS } else { ExitCode::from(3) }
}
