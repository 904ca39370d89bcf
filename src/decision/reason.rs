//! The reason for a decision, for operators.

use std::fmt;

use super::{Decision, Pass};
use crate::schedule::period::Period;
use crate::schedule::state::Schedule;

/// Displays the reason for a decision. The schedule supplies the names of the periods.
pub struct DecisionReason<'a>(pub &'a Decision<'a>, pub &'a Schedule);

impl DecisionReason<'_> {
    /// Returns the line of the deciding rule or period.
    pub fn line(&self) -> Option<usize> {
        match self.0 {
            Decision::Https(https_only, _) => Some(https_only.line),
            Decision::Pass(Pass::Probe { path, .. }) => Some(path.line),
            Decision::Pass(Pass::Exempt(rule)) => Some(rule.line),
            Decision::Pass(Pass::Bypass(bypass)) => Some(bypass.line),
            _ => self.period().map(|period| period.line),
        }
    }

    /// Returns the periods file, if the deciding period is in it.
    pub fn file(&self) -> Option<&str> {
        self.period().and_then(|period| period.file.as_deref())
    }

    fn period(&self) -> Option<&Period> {
        let index = match self.0 {
            Decision::Pass(Pass::RedirectTarget(period)) => *period,
            Decision::Https(..) | Decision::Pass(_) => return None,
            Decision::Unavailable(down) | Decision::Redirect(down, _) => down.period,
        };
        self.1.periods().get(index)
    }
}

impl fmt::Display for DecisionReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = || self.period().map_or(String::new(), Period::title);
        match self.0 {
            Decision::Https(..) => f.write_str("it came over http, and [server] https_only is true"),
            Decision::Pass(Pass::Status) => f.write_str("it is the status path"),
            Decision::Pass(Pass::Enter) => f.write_str("it is the page at which testers enter"),
            Decision::Pass(Pass::Bypass(bypass)) => write!(f, "it carries the secret of {}", bypass.title()),
            Decision::Pass(Pass::Probe { path, is_down: true }) => {
                write!(f, "a probe path, which the gateway answers itself while the site is down: {path}")
            }
            Decision::Pass(Pass::Probe { path, is_down: false }) => {
                write!(f, "a probe path, which passes while the site is not down: {path}")
            }
            Decision::Pass(Pass::Exempt(rule)) => write!(f, "exempt: {rule}"),
            Decision::Pass(Pass::Acme) => f.write_str("exempt: an ACME challenge, by [exempt] acme"),
            Decision::Pass(Pass::Up) => f.write_str("no active period covers it"),
            Decision::Pass(Pass::RedirectTarget(_)) => write!(f, "{} redirects to this path", title()),
            Decision::Unavailable(_) | Decision::Redirect(..) => write!(f, "{} is active", title()),
        }
    }
}
