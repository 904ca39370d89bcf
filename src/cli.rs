//! The command line.

mod check;
mod edit;
mod end;
mod facts;
mod schema;
mod serve;
mod start;
mod status;
mod wait;

use std::io::{IsTerminal, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use http::Method;

use crate::config::diagnostic::{self, Diagnostic};
use crate::config::time::{TimeFault, Written};

/// Keeps a site's visitors well served while the site itself is down.
#[derive(Debug, Parser)]
#[command(name = "downtime", version, about, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done; 1 the file is invalid, or the thing could not be done; 2 wrong usage; \
                        3 from status and end: not (wholly) up."
)]
pub struct Cli {
    /// The config file
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "DOWNTIME_CONFIG",
        default_value = "./downtime.toml"
    )]
    config: PathBuf,

    /// Test the file, print the snapshot it makes, exit
    #[arg(long)]
    check: bool,

    /// With --check: as of that time (RFC 3339; a local time is in the file's time zone)
    #[arg(long, value_name = "TIME", requires = "check", value_parser = time)]
    at: Option<Written>,

    /// With --check: decide a request for that URL, and say why; may be repeated
    #[arg(long, value_name = "URL", requires = "check", value_parser = facts::parse_url)]
    url: Vec<facts::Url>,

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
    /// Run the gateway; what no command means too
    Serve,
    /// Start an unscheduled downtime now
    Start(start::Arguments),
    /// End it
    End(end::Arguments),
    /// The state now, and what comes next
    Status {
        /// How the result looks
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: Format,
    },
    /// Print the JSON Schema of the file, for editors
    Schema,
    #[command(hide = true)]
    Stop,
    #[command(hide = true)]
    Restart,
    #[command(hide = true)]
    Reload,
}

/// How results look: for people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let config = &cli.config;
    match (&cli.command, cli.check) {
        (Some(_), true) => {
            wrong(ErrorKind::ArgumentConflict, "--check goes without a command: write `downtime --check`")
        }
        (None, true) => check::run(
            config,
            cli.at,
            &cli.url,
            &facts::Client { method: cli.method, from: cli.from },
            cli.format,
        ),
        (Some(Command::Status { format }), _) => status::run(config, *format),
        (None | Some(Command::Serve), _) => serve::run(config),
        (Some(Command::Start(arguments)), _) => start::run(config, arguments),
        (Some(Command::End(arguments)), _) => end::run(config, arguments),
        (Some(Command::Schema), _) => schema::run(),
        (Some(Command::Stop), _) => no_command(
            "stop",
            "to take the site down write `downtime start`; to stop the gateway `systemctl stop downtime`",
        ),
        (Some(Command::Restart), _) => no_command(
            "restart",
            "an edit of the file takes effect by itself; else `systemctl restart downtime`",
        ),
        (Some(Command::Reload), _) => no_command(
            "reload",
            "an edit of the file takes effect by itself; `downtime --check` tests it, `systemctl reload downtime` reads it at once",
        ),
    }
}

fn no_command(name: &str, help: &str) -> ExitCode {
    wrong(ErrorKind::InvalidSubcommand, &format!("`{name}` is no command: {help}"))
}

fn wrong(kind: ErrorKind, message: &str) -> ExitCode {
    usage(&Cli::command().error(kind, message))
}

/// Prints what clap has to say: help and version to stdout with 0, anything else to stderr with 2.
fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to be told that the terminal is gone.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

fn time(text: &str) -> Result<Written, String> {
    Written::parse(text).map_err(|fault| format!("{fault}: {}", TimeFault::HELP))
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err("it is longer than zero: write one such as 90s, 5m or \"1h 30m\"".into()),
        Err(error) => Err(format!("{error}: write one such as 90s, 5m or \"1h 30m\"")),
    }
}

/// Prints diagnostics to stderr, in colour where a person looks. A reader that has left is no error.
fn print_diagnostics(diagnostics: &[Diagnostic]) {
    if !diagnostics.is_empty() {
        let text = diagnostic::render_all(diagnostics, colour(&std::io::stderr())) + "\n";
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Prints an error that is not of a place in the file.
fn print_error(message: &str, help: &str) {
    print_diagnostics(&[Diagnostic::of_file(message, help)]);
}

/// Colour is for terminals, and for those who have not asked for none (no-color.org).
fn colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints a result to stdout. A reader that has left, as `head` does, is no error.
fn print_result(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// The exit code that says whether the site is up.
fn state_code(up: bool) -> ExitCode {
    if up { ExitCode::SUCCESS } else { ExitCode::from(3) }
}
