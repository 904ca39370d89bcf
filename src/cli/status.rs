//! `downtime status`: the state now and what comes next, as the running gateway says if the file tells where to ask it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Format, escaped, print_diagnostics, print_error, print_result};
use crate::clock;
use crate::config::Listen;
use crate::config::diagnostic::Diagnostic;
use crate::config::load::{Loaded, load};
use crate::management::client::{DiagnosticSummary, Facts, Rejection, Told, ask};
use crate::schedule::human_time::local;
use crate::schedule::state::State;
use crate::summary::{Summary, status_lines, to_json};

/// How long the gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// 0 if the site is up, 3 if it is not, 1 if the state is unknown, or the gateway has rejected the file.
pub(super) fn run(path: &Path, format: Format) -> Result<ExitCode, ExitCode> {
    let loaded = load(path);
    let Some(listen) = loaded.reading.management.clone() else { return of_file(path, &loaded, format, None) };
    match ask(&listen, PATIENCE) {
        Ok(told) if serves(&told, path, &loaded) => {
            of_server(&StatusReply { told, listen }, path, &loaded, format)
        }
        Ok(told) => {
            let other = escaped(&told.facts.file.display().to_string());
            of_file(
                path,
                &loaded,
                format,
                Some((listen, format!("that gateway serves another file, {other}"))),
            )
        }
        Err(error) => of_file(path, &loaded, format, Some((listen, escaped(&error.to_string())))),
    }
}

/// Whether the gateway that was asked is the one that serves this file: by its path, or by what is in it, since a
/// container may have another name for it.
fn serves(told: &Told, path: &Path, loaded: &Loaded) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    let same = real(&told.facts.file).zip(real(path)).is_some_and(|(theirs, ours)| theirs == ours);
    let named = std::path::absolute(path).is_ok_and(|path| path == told.facts.file);
    same || named || loaded.sha256.as_ref() == Some(&told.facts.sha256)
}

/// A server, and what it said.
struct StatusReply {
    told: Told,
    listen: Listen,
}

/// What became of the file as it is now.
enum FileStatus<'a> {
    Applied,
    Rejected(&'a Rejection),
    /// The server has not read it yet.
    Unread,
}

impl<'a> FileStatus<'a> {
    fn new(facts: &'a Facts, loaded: &Loaded) -> Self {
        // One without a hash could not be read, by the server at least.
        let of_this =
            |rejection: &&Rejection| rejection.sha256.is_none() || rejection.sha256 == loaded.sha256;
        match facts.rejected.as_ref().filter(of_this) {
            Some(rejection) => Self::Rejected(rejection),
            None if loaded.sha256.as_ref() == Some(&facts.sha256) => Self::Applied,
            None => Self::Unread,
        }
    }
}

fn of_server(
    asked: &StatusReply,
    path: &Path,
    loaded: &Loaded,
    format: Format,
) -> Result<ExitCode, ExitCode> {
    let facts = &asked.told.facts;
    let fate = FileStatus::new(facts, loaded);
    if format == Format::Json {
        let mut document = asked.told.document.clone();
        let differs = loaded.sha256.as_ref() != Some(&facts.sha256);
        document.insert("file_differs".into(), differs.into());
        print_result(&to_json(&document))?;
    } else {
        print_result(&describe(asked, path, &fate))?;
        if let FileStatus::Rejected(rejection) = fate {
            print_diagnostics(&problems(rejection, loaded));
        }
    }
    Ok(match fate {
        FileStatus::Rejected(_) => ExitCode::FAILURE,
        FileStatus::Applied | FileStatus::Unread => super::state_code(facts.state == State::Up.as_str()),
    })
}

fn describe(StatusReply { told, listen }: &StatusReply, path: &Path, fate: &FileStatus<'_>) -> String {
    let facts = &told.facts;
    let zone = facts.timezone.as_ref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let at = |time: Timestamp| local(time, &zone);
    let file = match fate {
        FileStatus::Applied => "is what is applied".into(),
        FileStatus::Rejected(rejection) => {
            format!("was rejected at {}; what was applied before it is served", at(rejection.at))
        }
        FileStatus::Unread => "differs from what is applied: the gateway has not read it yet".into(),
    };
    let mut lines: Vec<_> = facts.lines.iter().map(|line| escaped(line)).collect();
    lines.push(format!(
        "source    the gateway at {listen}: snapshot {} since {}, by {}",
        facts.generation,
        at(facts.applied_at),
        escaped(&facts.watch)
    ));
    lines.push(format!("file      {} {file}", path.display()));
    lines.join("\n") + "\n"
}

/// What is wrong with the file that was rejected: in its lines, where that is the file as it is.
fn problems(rejection: &Rejection, loaded: &Loaded) -> Vec<Diagnostic> {
    if loaded.reading.config.is_none() && rejection.sha256 == loaded.sha256 {
        return loaded.reading.diagnostics.clone();
    }
    rejection.errors().map(restated).collect()
}

/// An error that the gateway told of.
pub(super) fn restated(problem: &DiagnosticSummary) -> Diagnostic {
    let line = problem.line.map_or(String::new(), |line| format!("line {line}: "));
    let message = format!("the gateway says: {line}{}", escaped(&problem.message));
    Diagnostic { help: problem.help.as_deref().map(escaped), ..Diagnostic::for_file(message, "") }
}

/// What the file says; `unasked` is the server that could not be asked, and why.
fn of_file(
    path: &Path,
    loaded: &Loaded,
    format: Format,
    unasked: Option<(Listen, String)>,
) -> Result<ExitCode, ExitCode> {
    let reading = &loaded.reading;
    let now = clock::now();
    if format == Format::Json {
        print_result(&Summary::new(reading.config.as_ref(), &reading.diagnostics, now).to_json())?;
    }
    let Some(config) = &reading.config else {
        if format == Format::Human {
            print_diagnostics(&reading.diagnostics);
            let help = "a running gateway keeps its last good configuration";
            let is_read = reading.diagnostics.iter().any(|diagnostic| diagnostic.place.is_some());
            let why = if is_read { "is invalid" } else { "cannot be read" };
            print_error(&format!("state unknown: the file {why}"), help);
        }
        return Ok(ExitCode::FAILURE);
    };
    let moment = config.rules.schedule.at(now);
    if format == Format::Human {
        let server = unasked.map_or("no running gateway was asked: there is no [management]".into(), why);
        let source = format!("source    {}; {server}", path.display());
        let lines = status_lines(config, &moment, None, now).map(|line| escaped(&line) + "\n");
        print_result(&(lines.concat() + &source + "\n"))?;
    }
    Ok(super::state_code(moment.state() == State::Up))
}

fn why((listen, why): (Listen, String)) -> String {
    format!("could not query the gateway at {listen}: {why}")
}
