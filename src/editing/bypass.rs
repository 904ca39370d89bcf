//! Lets testers in while the site is down, and ends that.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::draft::EditPlan;
use super::failure::EditRefusal;
use super::source::EditSource;
use super::times::{date_time_literal, floor_to_second};
use crate::config::Config;
use crate::config::edit::{Change, EditError, Literal};
use crate::matching::bypass::{Bypass, BypassPhase, MAX_TIME, SecretHash};
use crate::schedule::human_time::{distance, local};

/// A bypass that is asked for.
#[derive(Clone, Debug)]
pub struct RequestedBypass {
    /// Its name; without one, it is `testers`, `testers-2` and so on.
    pub name: Option<String>,
    /// How long it lets testers in.
    pub duration: Duration,
    /// The hosts on which it does; empty for all.
    pub hosts: Vec<String>,
    /// The globs of the paths on which it does; empty for all.
    pub paths: Vec<String>,
}

/// The reason why a bypass is not written.
#[derive(Debug)]
pub enum BypassFault {
    /// It would last more than 30 days.
    TooLong,
    /// One of this name is not over.
    NotOver {
        /// Describes it.
        message: String,
        /// Its name.
        name: String,
    },
    /// The edit is refused.
    Refused(EditRefusal),
}

impl From<EditRefusal> for BypassFault {
    fn from(refusal: EditRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Returns 256 random bits as text that needs no escapes in a URL or a cookie.
pub fn random_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Writes a bypass with the hash of this secret. One of the same name that is over is replaced.
pub fn begin_bypass(
    source: &EditSource<'_>,
    requested: &RequestedBypass,
    secret: &str,
) -> Result<EditPlan<Vec<String>>, BypassFault> {
    let (config, now) = (source.config, source.now);
    let until = now.checked_add(requested.duration).map(floor_to_second).map_err(|_| BypassFault::TooLong)?;
    if until.duration_since(now) > MAX_TIME {
        return Err(BypassFault::TooLong);
    }
    let mut changes = Vec::new();
    if let Some(name) = &requested.name
        && let Some((index, bypass)) = find(config, name)
    {
        if bypass.phase(now) != BypassPhase::Over {
            let message = format!("the bypass \"{name}\" ({}) is not over", bypass.place());
            return Err(BypassFault::NotOver { message, name: name.clone() });
        }
        changes.push(removal(config, index, bypass)?);
    }
    let name = requested.name.clone().unwrap_or_else(|| unused_name(config));
    let zone = &config.timezone;
    let outcome =
        vec![format!("\"{name}\" lets testers in until {}, {}", local(until, zone), distance(until, now))];
    let mut keys = vec![
        ("name", Literal::String(name)),
        ("hash", Literal::String(SecretHash::of(secret.as_bytes()).to_string())),
        ("until", date_time_literal(until, zone)),
    ];
    let lists = [("hosts", &requested.hosts), ("paths", &requested.paths)];
    let given = lists.into_iter().filter(|(_, texts)| !texts.is_empty());
    keys.extend(given.map(|(key, texts)| (key, Literal::Strings(texts.clone()))));
    changes.push(Change::AppendBypass(keys));
    Ok(EditPlan { changes, outcome })
}

/// Removes the bypass of this name.
pub fn end_bypass(source: &EditSource<'_>, name: &str) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let Some((index, _)) = find(source.config, name) else {
        let names = source.config.rules.bypasses.all().iter().filter_map(|bypass| bypass.name.as_deref());
        let names: Vec<_> = names.collect();
        let help = if names.is_empty() {
            "the file has no bypass with a name".to_owned()
        } else {
            format!("bypasses in the file: {}", names.join(", "))
        };
        return Err(EditRefusal::cannot(format!("no bypass has the name \"{name}\""), help));
    };
    remove_bypass(source, index)
}

/// Removes the bypass of this index.
pub fn remove_bypass(source: &EditSource<'_>, index: usize) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let bypass = source.config.rules.bypasses.all().get(index).ok_or(EditError::Misread)?;
    let changes = vec![removal(source.config, index, bypass)?];
    Ok(EditPlan { changes, outcome: vec![format!("{} lets nobody in any more", bypass.title())] })
}

/// Returns true if edits may change a bypass: it is in the file that they go to.
pub fn is_editable_bypass(config: &Config, bypass: &Bypass) -> bool {
    config.periods_file.is_none() || bypass.file.is_some()
}

fn find<'c>(config: &'c Config, name: &str) -> Option<(usize, &'c Bypass)> {
    config.rules.bypasses.all().iter().enumerate().find(|(_, bypass)| bypass.name.as_deref() == Some(name))
}

/// Returns the removal of a bypass from the file that commands edit.
fn removal(config: &Config, index: usize, bypass: &Bypass) -> Result<Change, EditRefusal> {
    if !is_editable_bypass(config, bypass) {
        let message = format!(
            "{} is at line {} of the main file, which commands do not edit: it names a periods file",
            bypass.title(),
            bypass.line
        );
        return Err(EditRefusal::cannot(message, "delete it there, or move it to the periods file"));
    }
    let all = config.rules.bypasses.all();
    let in_main_file = all.iter().filter(|other| !is_editable_bypass(config, other));
    Ok(Change::RemoveBypass { bypass: index.saturating_sub(in_main_file.count()) })
}

/// Returns a name that no bypass has.
fn unused_name(config: &Config) -> String {
    let numbered = (2..).map(|number: u32| format!("testers-{number}"));
    let mut names = std::iter::once("testers".to_owned()).chain(numbered);
    names.find(|name| find(config, name).is_none()).unwrap_or_default()
}
