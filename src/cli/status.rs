//! `downtime status`: the state now, and what comes next.

use std::path::Path;
use std::process::ExitCode;

use super::{Format, print_diagnostics, print_error, print_result};
use crate::clock;
use crate::load::load;
use crate::schedule::State;
use crate::summary::{Summary, status_lines};

/// 0 where the site is up, 3 where it is not, 1 where the file does not say.
pub(super) fn run(path: &Path, format: Format) -> ExitCode {
    let reading = load(path).reading;
    let now = clock::now();
    let json = format == Format::Json;
    if json {
        print_result(&Summary::new(reading.config.as_ref(), &reading.diagnostics, now).to_json());
    }
    let Some(config) = &reading.config else {
        if !json {
            print_diagnostics(&reading.diagnostics);
            print_error("the state is not known", "a running server goes on with the last good one");
        }
        return ExitCode::FAILURE;
    };
    let moment = config.rules.schedule.at(now);
    if !json {
        print_result(&(status_lines(config, &moment, path, now).join("\n") + "\n"));
    }
    super::state_code(moment.state() == State::Up)
}
