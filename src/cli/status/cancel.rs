//! The commands that cancel periods, as many as a short status has room for.

use jiff::Timestamp;

use crate::cli::config_file::ConfigFile;
use crate::cli::end::end_line_command;
use crate::config::load::Loaded;
use crate::editing::first_editable;
use crate::escape::escape;
use crate::schedule::human_time::local;
use crate::schedule::period::Period;

/// The most lines of the status.
const MAX_LINES: usize = 10;

/// The commands that cancel the periods to come without a name.
pub(super) struct Cancel {
    /// A line for each period, the next one first.
    lines: Vec<String>,
    /// The command that shows all periods.
    show_all: String,
}

impl Cancel {
    /// Those that are to come at `now`.
    pub(super) fn new(loaded: &Loaded, file: &ConfigFile, now: Timestamp) -> Self {
        let lines = cancel_lines(loaded, file, now).unwrap_or_default();
        Self { lines, show_all: file.command("--check") }
    }

    /// Adds the commands to the status, as far as it stays short, and says how many others there are.
    pub(super) fn add_to(&self, mut status: Vec<String>) -> String {
        let left = MAX_LINES.saturating_sub(status.len());
        let shown = if self.lines.len() > left { left.saturating_sub(1) } else { left };
        let (shown, others) = self.lines.split_at(shown.min(self.lines.len()));
        status.extend_from_slice(shown);
        let others = match others.len() {
            0 => None,
            1 => Some("1 other period to come has no name".to_owned()),
            count => Some(format!("{count} other periods to come have no name")),
        };
        if let Some(others) = others.map(|others| format!("{others}; `{}` shows all periods", self.show_all))
        {
            match status.last_mut() {
                Some(last) if left == 0 => last.extend(["; ", &others]),
                _ => status.push(format!("cancel    {others}")),
            }
        }
        status.iter().map(|line| escape(line).into_owned() + "\n").collect()
    }
}

fn cancel_lines(loaded: &Loaded, file: &ConfigFile, now: Timestamp) -> Option<Vec<String>> {
    let (config, sha256) = (loaded.reading.config.as_ref()?, loaded.sha256.as_ref()?);
    let to_come = |period: &&Period| period.name.is_none() && period.once().is_some();
    let editable = config.rules.schedule.periods().iter().skip(first_editable(config));
    let periods = editable.filter(to_come);
    let mut next: Vec<_> = periods.filter_map(|period| Some((period.next(now)?.start, period))).collect();
    next.sort_by_key(|(start, period)| (*start, period.line));
    let line = |(start, period): &(Timestamp, &Period)| {
        let command = end_line_command(file, period, sha256);
        format!(
            "cancel    {}, which starts at {}: {command}",
            period.title(),
            local(*start, &config.timezone)
        )
    };
    Some(next.iter().map(line).collect())
}
