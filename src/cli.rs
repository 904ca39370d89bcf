//! The command line.

mod check;
mod config_file;
mod edit;
mod end;
mod print;
mod schema;
mod serve;
mod start;
mod status;
mod url_args;
mod wait;
mod words;

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use http::Method;

use self::config_file::{ConfigFile, PLACES, VARIABLE};
use self::print::{
    check_written, colour, escaped, print_diagnostics, print_error, print_result, print_result_of,
};
use self::words::{duration, time};
use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::config::time::TimeLiteral;
use crate::summary::Summary;

/// Keeps a site's visitors well served while the site itself is down.
#[derive(Debug, Parser)]
#[command(name = "downtime", version, about, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done; 1 the file is invalid, or the command failed; 2 wrong usage; \
                        3 from status and end: not (fully) up.")]
pub struct Cli {
    /// The config file [env: DOWNTIME_CONFIG] [default: ./downtime.toml, else /etc/downtime/downtime.toml]
    // An empty variable counts as unset, which clap's own `env` does not know.
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Check the file and print the resulting plan
    #[arg(long)]
    check: bool,

    /// With --check: exit 1 on a warning too
    #[arg(long, value_name = "WHAT", requires = "check")]
    deny: Option<Deny>,

    /// With --check: as of that time (RFC 3339; a local time is in the file's time zone)
    #[arg(long, value_name = "TIME", requires = "check", value_parser = time)]
    at: Option<TimeLiteral>,

    /// With --check: decide a request for that URL and explain why; repeatable
    #[arg(long, value_name = "URL", requires = "check", value_parser = url_args::parse_url)]
    url: Vec<url_args::UrlArg>,

    /// With --url: the request's method
    #[arg(long, value_name = "M", requires = "url", default_value = "GET")]
    method: Method,

    /// With --url: the client's address
    #[arg(long, value_name = "IP", requires = "url")]
    from: Option<IpAddr>,

    /// With --check: how the result looks
    #[arg(long, value_name = "FORMAT", requires = "check", default_value = "human")]
    format: Format,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway (default)
    Serve,
    /// Start a downtime now, or plan one
    Start(start::StartArgs),
    /// End the current downtime
    End(end::EndArgs),
    /// Show the current state and what comes next
    Status {
        /// How the result looks
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: Format,
    },
    /// Print the JSON Schema of the file
    Schema,
}

/// How results look: for people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// What `--deny` makes an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    Warnings,
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => cli.run().unwrap_or_else(|code| code),
        Err(error) => usage(&error),
    }
}

impl Cli {
    fn run(mut self) -> Result<ExitCode, ExitCode> {
        if self.check && self.command.is_some() {
            let message = "--check goes without a command: write `downtime --check`";
            return Err(wrong(ErrorKind::ArgumentConflict, message));
        }
        if matches!(self.command, Some(Command::Schema)) {
            return schema::run();
        }
        let file = match ConfigFile::find(self.config.take(), std::env::var_os(VARIABLE), &PLACES) {
            Ok(file) => file,
            Err(error) => return no_file(error, self.format()),
        };
        if self.check {
            return check::run(&file.path, &self.into_check());
        }
        match &self.command {
            None | Some(Command::Serve) => Ok(serve::run(&file.path)),
            Some(Command::Start(arguments)) => start::run(&file.path, arguments),
            Some(Command::End(arguments)) => end::run(&file, arguments),
            Some(Command::Status { format }) => status::run(&file.path, *format),
            Some(Command::Schema) => schema::run(),
        }
    }

    fn into_check(self) -> check::CheckArgs {
        check::CheckArgs {
            at: self.at,
            urls: self.url,
            client: url_args::ClientArgs { method: self.method, from: self.from },
            format: self.format,
            denies_warnings: self.deny == Some(Deny::Warnings),
        }
    }

    /// How the result looks.
    fn format(&self) -> Format {
        match self.command {
            Some(Command::Status { format }) => format,
            _ => self.format,
        }
    }
}

/// Says that there is no config file.
fn no_file(error: Diagnostic, format: Format) -> Result<ExitCode, ExitCode> {
    if format == Format::Json {
        print_result(&Summary::new(None, &[error], clock::now()).to_json())?;
    } else {
        print_diagnostics(&[error]);
    }
    Ok(ExitCode::FAILURE)
}

fn wrong(kind: ErrorKind, message: &str) -> ExitCode {
    usage(&Cli::command().error(kind, message))
}

/// Prints what clap has to say: help and version to stdout with 0, anything else to stderr with 2.
fn usage(error: &clap::Error) -> ExitCode {
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
        && let Some(instead) = words::instead_of(word)
    {
        let message = format!("unknown command `{word}`: {instead}");
        return wrong(ErrorKind::InvalidSubcommand, &message);
    }
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && let Some(instead) = words::argument_instead_of(argument)
    {
        return wrong(ErrorKind::UnknownArgument, &format!("unexpected argument `{argument}`: {instead}"));
    }
    let printed = error.print();
    if error.use_stderr() {
        // Nobody is left to be told that the terminal is gone.
        return ExitCode::from(2);
    }
    let written = check_written("", printed.and_then(|()| std::io::stdout().flush()));
    written.map_or_else(|code| code, |()| ExitCode::SUCCESS)
}

/// The exit code that says whether the site is up.
fn state_code(up: bool) -> ExitCode {
    if up { ExitCode::SUCCESS } else { ExitCode::from(3) }
}
