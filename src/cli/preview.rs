//! `downtime preview`: shows what visitors will see, before it is needed.

mod page;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use http::Method;

use self::page::PreviewedPage;
use super::{print_diagnostics, print_error, print_progress, print_result};
use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::config::load::load_to_show;
use crate::config::time::TimeLiteral;
use crate::page::language::Language;
use crate::page::parse_language;

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
    PreviewedPage::new(config, arguments, clock::now()).map_err(|error| vec![error])
}

fn write(file: &Path, page: &PreviewedPage) -> Result<(), ExitCode> {
    let response = page.respond(&page::navigation(), "/");
    print_progress(&format!("{}\n", page.description(&response)));
    let html = response.into_body();
    if file == Path::new("-") {
        return print_result(&String::from_utf8_lossy(&html));
    }
    fs::write(file, &html).map_err(|error| {
        let message = format!("cannot write {}: {error}", file.display());
        print_error(&message, "check the owner and mode of the directory, or name another file");
        ExitCode::FAILURE
    })
}

fn language(text: &str) -> Result<Language, String> {
    let parsed = Language::from_tag(text).map_or_else(|| parse_language(text), Ok);
    parsed.map_err(|error| format!("{}: {}", error.message, error.help))
}
