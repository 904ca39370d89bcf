//! `downtime prune`: removes periods that ended long ago from the file.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::config_file::ConfigFile;
use super::edit::edit;
use super::print_result;
use crate::clock;
use crate::config::duration;
use crate::config::edit::Change;
use crate::editing::{EditPlan, EditRefusal, EditSource, Wait, parse_duration_with};
use crate::escape::escape;
use crate::plural::counted;
use crate::schedule::period::Period;

/// The arguments of `prune`.
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// Remove one-off periods that ended longer ago than this [default: 90days]
    #[arg(long, value_name = "DURATION", value_parser = age, allow_hyphen_values = true)]
    older: Option<Duration>,
}

fn age(text: &str) -> Result<Duration, String> {
    parse_duration_with(text, &["days"])
}

const DEFAULT_AGE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The periods to remove: their indices and their text, in file order, in one version of the file.
struct OldPeriods {
    indices: Vec<usize>,
    text: String,
    sha256: String,
}

/// Prints the periods that ended long ago, then removes them. Returns 0, also if there are none.
pub(super) fn run(file: &ConfigFile, arguments: &PruneArgs) -> Result<ExitCode, ExitCode> {
    let age = arguments.older.unwrap_or(DEFAULT_AGE);
    let found = edit(&file.path, Wait::Never, |source| find(source, age))?;
    let old = &found.outcome;
    if old.indices.is_empty() {
        let age = duration::format(age);
        print_result(&format!("nothing to remove: no one-off period ended more than {age} ago\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    // Printed before they are removed, so that they can be restored even if the output breaks off.
    print_result(&old.text)?;
    let edited = edit(&file.path, Wait::Never, |source| remove(source, old))?;
    edited.print(&edited.outcome, clock::now(), &[])?;
    Ok(ExitCode::SUCCESS)
}

fn find(source: &EditSource<'_>, age: Duration) -> Result<EditPlan<OldPeriods>, EditRefusal> {
    let periods = source.config.rules.schedule.periods().iter().enumerate();
    let is_old = |index, period| source.is_editable(index) && ended_before(period, age, source.now);
    let indices: Vec<_> =
        periods.filter(|(index, period)| is_old(*index, period)).map(|(index, _)| index).collect();
    let texts = indices.iter().map(|&index| source.period_text(index)).collect::<Result<Vec<_>, _>>()?;
    let line = |line: &str| escape(line).into_owned() + "\n";
    let text = texts.iter().flat_map(|text| text.lines().map(line).chain(["\n".to_owned()])).collect();
    let outcome = OldPeriods { indices, text, sha256: source.sha256.to_owned() };
    Ok(EditPlan { changes: Vec::new(), outcome })
}

/// Returns true if the period is one-off and ended more than `age` ago. It does not matter if it is enabled.
fn ended_before(period: &Period, age: Duration, now: Timestamp) -> bool {
    let end = period.once().and_then(|occurrence| occurrence.end);
    let limit = now.checked_sub(age).unwrap_or(Timestamp::MIN);
    end.is_some_and(|end| end < limit)
}

fn remove(source: &EditSource<'_>, old: &OldPeriods) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    if source.sha256 != old.sha256 {
        let message = "the file was changed meanwhile: nothing was removed";
        return Err(EditRefusal::cannot(message, "run the command again"));
    }
    // From the last to the first, so that the indices stay valid.
    let changes = old.indices.iter().rev().map(|&period| Change::Remove { period }).collect();
    Ok(EditPlan { changes, outcome: vec![format!("removed {}", counted(old.indices.len(), "period"))] })
}
