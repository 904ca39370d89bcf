//! `downtime preview`: shows what visitors will see, before it is needed.

mod server;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use http::Method;

use super::output_file::{write_help, write_whole};
use super::{print_diagnostics, print_error, print_progress, print_result};
use crate::clock;
use crate::config::Config;
use crate::config::diagnostic::Diagnostic;
use crate::config::load::load_to_show;
use crate::config::time::{TimeError, TimeLiteral};
use crate::page::language::Language;
use crate::page::parse_language;
use crate::preview::{PreviewCause, PreviewFault, PreviewOptions, PreviewedPage, navigation};
use crate::schedule::human_time::local;
use crate::schedule::period_name::{self, UnknownName};
use crate::schedule::zone::Fold;

/// The arguments of `preview`.
#[derive(Clone, Debug, Args)]
pub(super) struct PreviewArgs {
    /// Show the page during this period [default: the active one, else the next one]
    #[arg(long, value_name = "NAME", conflicts_with = "unreachable")]
    period: Option<String>,

    /// Show the page while the upstream does not respond
    #[arg(long)]
    unreachable: bool,

    /// Language of the visitor, such as de [default: the browser's; with --out, `lang` in [page]]
    #[arg(long, value_name = "TAG", value_parser = language)]
    lang: Option<Language>,

    /// When the visitor sees it (RFC 3339; a local time is in the file's time zone) [default: now, or the start of
    /// the period]
    #[arg(long, value_name = "TIME", value_parser = super::time, allow_hyphen_values = true)]
    at: Option<TimeLiteral>,

    /// Method of the visitor's request
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: Method,

    /// Write the HTML to this file, or to stdout with "-", instead of serving it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Serves the page until it is interrupted, or writes it; then returns 0.
pub(super) fn run(path: &Path, arguments: &PreviewArgs) -> Result<ExitCode, ExitCode> {
    let page = load(path, arguments).map_err(|errors| {
        print_diagnostics(&errors);
        ExitCode::FAILURE
    })?;
    match &arguments.out {
        Some(file) => write(file, &page),
        None => server::serve(path, arguments),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the file, and returns the page that the arguments name.
fn load(path: &Path, arguments: &PreviewArgs) -> Result<PreviewedPage, Vec<Diagnostic>> {
    let reading = load_to_show(path).reading;
    let Some(config) = reading.config else { return Err(reading.diagnostics) };
    preview(config, arguments).map_err(|error| vec![error])
}

fn preview(config: Config, arguments: &PreviewArgs) -> Result<PreviewedPage, Diagnostic> {
    let zone = config.timezone.clone();
    let at = arguments.at.map(|at| at.resolve(&zone, Fold::First)).transpose();
    let at = at.map_err(|fault| Diagnostic::for_file(format!("--at: {fault}"), TimeError::HELP))?;
    let cause = match &arguments.period {
        _ if arguments.unreachable => PreviewCause::Unreachable,
        Some(name) => {
            let found = period_name::find(config.rules.schedule.periods(), name);
            PreviewCause::Period(found.map_err(|error| unknown_name(name, &error))?.0)
        }
        None => PreviewCause::ActiveOrNext,
    };
    let options = PreviewOptions { cause, at, lang: arguments.lang, method: arguments.method.clone() };
    PreviewedPage::new(config, &options, clock::now()).map_err(|fault| match fault {
        PreviewFault::NotActive(at) => {
            let name = arguments.period.as_deref().unwrap_or_default();
            let when = at.map_or_else(|| "at any time".to_owned(), |at| format!("at {}", local(at, &zone)));
            let message = format!("\"{name}\" is not active {when}");
            Diagnostic::for_file(message, "omit --at to see its next occurrence")
        }
        PreviewFault::NoneActive(at, next) => {
            let message = format!("no period is active at {}", local(at, &zone));
            let help = format!("omit --at to see the next one, which starts at {}", local(next, &zone));
            Diagnostic::for_file(message, help)
        }
    })
}

fn unknown_name(name: &str, error: &UnknownName<'_>) -> Diagnostic {
    let help = match error.nearest {
        Some(nearest) => format!("did you mean `--period {nearest}`?"),
        None if error.names.is_empty() => "no period has a name: give it one, or omit --period".to_owned(),
        None => format!("known names: {}", error.names.join(", ")),
    };
    Diagnostic::for_file(format!("no period is named \"{name}\""), help)
}

fn write(file: &Path, page: &PreviewedPage) -> Result<(), ExitCode> {
    let response = page.respond(&navigation(), "/");
    print_progress(&format!("{}\n", page.description(&response)));
    let html = response.into_body();
    if file == Path::new("-") {
        return print_result(&String::from_utf8_lossy(&html));
    }
    write_whole(file, &html).map_err(|error| {
        let message = format!("cannot write {}: {error}", file.display());
        let help = "check the owner and mode of the directory, or name another file";
        print_error(&message, write_help(&error, help));
        ExitCode::FAILURE
    })
}

fn language(text: &str) -> Result<Language, String> {
    let parsed = Language::from_tag(text).map_or_else(|| parse_language(text), Ok);
    parsed.map_err(|error| format!("{}: {}", error.message, error.help))
}
