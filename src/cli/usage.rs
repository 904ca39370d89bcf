//! Reports of wrong usage, with hints that clap does not give.

use std::io::Write as _;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::print::check_write;
use super::{Cli, duration, words};
use crate::escape::shell_word;

/// Prints that the command line is wrong, with the usage of `downtime`, and returns exit code 2.
pub(super) fn usage_error(kind: ErrorKind, message: &str) -> ExitCode {
    usage_error_of(Cli::command(), kind, message)
}

/// As [`usage_error`], with the usage of `command`.
fn usage_error_of(mut command: clap::Command, kind: ErrorKind, message: &str) -> ExitCode {
    print_usage_error(command.error(kind, message))
}

/// Suggests the command or the value that only differs in case.
fn suggest_lower_case(error: &mut clap::Error) {
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) {
        let lower = word.to_lowercase();
        if lower != *word && Cli::command().find_subcommand(&lower).is_some() {
            error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![lower]));
        }
    } else if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidValue)
        && let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue)
    {
        let lower = word.to_lowercase();
        if valid.contains(&lower) {
            error.insert(ContextKind::SuggestedValue, ContextValue::String(lower));
        }
    }
}

/// Prints an "error" of clap: help and version to stdout with exit code 0, anything else to stderr with 2.
pub(super) fn print_usage_error(mut error: clap::Error) -> ExitCode {
    suggest_lower_case(&mut error);
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
        && let Some(hint) = words::command_hint(&word.to_lowercase())
    {
        let message = format!("unknown command `{word}`: {hint}");
        return usage_error(ErrorKind::InvalidSubcommand, &message);
    }
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
        && word.contains(['.', '/'])
    {
        let message = format!("`{word}` is not a command: did you mean `--config {}`?", shell_word(word));
        return usage_error(ErrorKind::InvalidSubcommand, &message);
    }
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && let Some(hint) = words::argument_hint(&given_command(), argument)
    {
        let message = format!("unexpected argument `{argument}`: {hint}");
        return usage_error_of(given_command(), ErrorKind::UnknownArgument, &message);
    }
    if error.kind() == ErrorKind::MissingRequiredArgument
        && let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg)
        && missing.iter().any(|argument| argument.contains("--by"))
        && given_command().get_name() == "extend"
        && let Some(by) = arguments().find(|argument| duration(argument).is_ok())
    {
        let message = format!("missing --by or --until: did you mean `--by {by}`?");
        return usage_error_of(given_command(), ErrorKind::MissingRequiredArgument, &message);
    }
    if error.kind() == ErrorKind::UnknownArgument {
        // It says how to pass an option as a name, which nobody means.
        error.remove(ContextKind::Suggested);
    }
    let printed = error.print();
    if error.use_stderr() {
        // If stderr is gone, there is nobody to report it to.
        return ExitCode::from(2);
    }
    let result = check_write("", printed.and_then(|()| std::io::stdout().flush()));
    result.map_or_else(|code| code, |()| ExitCode::SUCCESS)
}

/// Returns the arguments of the process that are UTF-8.
fn arguments() -> impl Iterator<Item = String> {
    std::env::args_os().skip(1).filter_map(|argument| argument.into_string().ok())
}

/// Returns the command that the arguments of the process name.
fn given_command() -> clap::Command {
    let mut all = Cli::command();
    // The usage of a command then begins with `downtime`.
    all.build();
    let named = arguments().find_map(|argument| all.find_subcommand(argument).cloned());
    named.unwrap_or(all)
}
