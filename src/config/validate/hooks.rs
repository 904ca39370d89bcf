//! Validates `[hooks]` and each `[[webhook]]`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use toml::Spanned;

use crate::config::document::{Document, Field, Texts, WebhookTable};
use crate::config::hooks::{EventKind, HookCommand, HooksConfig, Webhook, WebhookSecret, WebhookUrl};
use crate::config::read_file::{ReadFile, UnreadableCause};
use crate::config::report::Report;
use crate::escape::shell_word;

/// Names of events in other programs.
const OTHER_NAMES: [(EventKind, &[&str]); 6] = [
    (EventKind::Down, &["start", "started", "begin", "begun", "outage", "offline"]),
    (EventKind::Partial, &["partly_down", "degraded", "partial_outage"]),
    (EventKind::Up, &["end", "ended", "online", "back", "resolved", "recovered"]),
    (EventKind::Rejected, &["invalid", "error", "failed", "reject"]),
    (EventKind::Forgotten, &["open", "stale", "overdue", "forgot"]),
    (EventKind::Soon, &["upcoming", "planned", "scheduled", "reminder", "before"]),
];

/// Returns the commands and webhooks. Adds the reasons why files that this user need not read were not checked to `unchecked`.
pub(super) fn validate(
    document: &Document,
    directory: &Path,
    read: ReadFile<'_>,
    report: &Report,
    unchecked: &mut Vec<String>,
) -> HooksConfig {
    let command = |list: &Texts| command(list, directory, report);
    let hooks = &document.hooks;
    let mut lines = HashMap::new();
    let mut webhooks = BTreeMap::new();
    for (number, table) in (1..).zip(&document.webhooks) {
        check_keys(table, report);
        let url = url(&table.url, &mut lines, report);
        let events = events(&table.events, report);
        let secrets = table.secret_file.as_ref().map(|file| {
            let path = directory.join(file.get_ref());
            let secrets = secrets(file, &path, read, report, unchecked);
            (path, secrets)
        });
        if let (Some(url), Some((secret_file, secrets))) = (url, secrets) {
            webhooks.insert(number, Webhook { url, events, secret_file, secrets });
        }
    }
    HooksConfig {
        on_down: command(&hooks.on_down),
        on_up: command(&hooks.on_up),
        on_rejected: command(&hooks.on_rejected),
        webhooks,
    }
}

fn check_keys(table: &WebhookTable, report: &Report) {
    if table.broken || report.is_trial() {
        return;
    }
    if table.url.is_none() {
        let help = "write where messages are sent, such as `url = \"https://hooks.example.com/x\"`";
        report.error(table.span.clone(), "this webhook has no `url`", help);
    }
    if table.secret_file.is_none() {
        let help = "write the file with the secret that messages are signed with, such as `secret_file = \"hook.key\"`";
        report.error(table.span.clone(), "this webhook has no `secret_file`", help);
    }
}

fn command(list: &Texts, directory: &Path, report: &Report) -> Option<HookCommand> {
    let list = list.as_ref()?;
    let refuse = |place: std::ops::Range<usize>, message: &str| {
        let help = "write a program and its arguments, such as `[\"/usr/local/bin/tell\", \"down\"]`, or remove the key";
        report.error(place, message, help);
    };
    let Some((program, arguments)) = list.get_ref().split_first() else {
        refuse(list.span(), "the command is empty");
        return None;
    };
    if program.get_ref().is_empty() {
        refuse(program.span(), "the name of the program is empty");
        return None;
    }
    if let Some(text) = list.get_ref().iter().find(|text| text.get_ref().contains('\0')) {
        refuse(text.span(), "a command cannot have a NUL");
        return None;
    }
    // Empty for a file in the current directory that is named without a path.
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let name = program.get_ref();
    Some(HookCommand {
        program: if name.contains('/') { directory.join(name) } else { name.into() },
        arguments: arguments.iter().map(|text| text.get_ref().clone()).collect(),
        directory,
    })
}

fn url(field: &Field<String>, lines: &mut HashMap<WebhookUrl, usize>, report: &Report) -> Option<WebhookUrl> {
    let field = field.as_ref()?;
    let url = report.valid(field.span(), WebhookUrl::parse(field.get_ref()))?;
    let line = report.line(&field.span());
    if let Some(other) = lines.insert(url.clone(), line) {
        let message = format!("the webhook at line {other} has the same URL");
        report.error(field.span(), message, "list the events of both in one [[webhook]]");
        return None;
    }
    Some(url)
}

fn events(list: &Texts, report: &Report) -> Vec<EventKind> {
    let Some(list) = list else { return EventKind::ALL.to_vec() };
    if list.get_ref().is_empty() {
        report.error(
            list.span(),
            "a webhook without events is never sent",
            "remove `events` for all of them",
        );
    }
    let events: Vec<_> = list.get_ref().iter().map(|name| event(name, report)).collect();
    // None of them if one is invalid, so that nothing is sent to a webhook that is not as it was meant.
    events.into_iter().collect::<Option<_>>().unwrap_or_default()
}

fn event(name: &Spanned<String>, report: &Report) -> Option<EventKind> {
    let text = name.get_ref();
    let event = EventKind::from_name(text);
    if event.is_none() {
        let help = match meant(&text.to_lowercase().replace('-', "_")) {
            Some(event) => format!("did you mean `{}`?", event.as_str()),
            None => format!("known events: {}", EventKind::ALL.map(EventKind::as_str).join(", ")),
        };
        report.error(name.span(), format!("unknown event `{text}`"), help);
    }
    event
}

/// Returns the event that a name probably means.
fn meant(name: &str) -> Option<EventKind> {
    let other = OTHER_NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(event, _)| *event);
    let is_near = |event: &EventKind| {
        let limit = if event.as_str().len() > 4 { 2 } else { 1 };
        name.len() <= 16 && strsim::osa_distance(event.as_str(), name) <= limit
    };
    other.or_else(|| EventKind::ALL.into_iter().find(is_near))
}

fn secrets(
    file: &Spanned<String>,
    path: &Path,
    read: ReadFile<'_>,
    report: &Report,
    unchecked: &mut Vec<String>,
) -> Vec<WebhookSecret> {
    let name = file.get_ref();
    if report.is_trial() {
        return Vec::new();
    }
    if name.is_empty() {
        report.error(file.span(), "the path is empty", "write the path of the file with the secret");
        return Vec::new();
    }
    match read(path) {
        Ok(content) => WebhookSecret::from_file(&content).unwrap_or_else(|error| {
            report.error(file.span(), format!("{} {}", path.display(), error.message), error.help);
            Vec::new()
        }),
        Err(error) if error.cause == UnreadableCause::Private => {
            unchecked.push(error.message);
            Vec::new()
        }
        Err(error) => {
            let make_one = format!(
                "make one that the gateway's group can read: `(umask 027; echo whsec_$(openssl rand -base64 32) >{path}); \
                 chgrp downtime {path}`",
                path = shell_word(&path.to_string_lossy())
            );
            let help = error.help(path, make_one);
            report.error(file.span(), error.message, help);
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ParsedConfig};

    const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n";

    fn read(text: &str) -> ParsedConfig {
        let file = |path: &Path| match path.to_str().unwrap_or_default() {
            "/etc/hook.key" => Ok(SECRET.into()),
            "/etc/short.key" => Ok("whsec_c2hvcnQ=\n".into()),
            other => Err(crate::config::read_file::UnreadableFile {
                message: format!("{other} does not exist"),
                cause: UnreadableCause::Missing,
                closed_directory: None,
            }),
        };
        Config::parse("downtime.toml", text, Path::new("/etc"), &file)
    }

    fn webhook(keys: &str) -> String {
        format!("[[webhook]]\nurl = \"https://a.example/x\"\nsecret_file = \"hook.key\"\n{keys}\n")
    }

    #[test]
    fn a_command_is_a_program_and_its_arguments() {
        for (list, expected) in [
            ("['/bin/tell', 'down']", Some(("/bin/tell", vec!["down"]))),
            ("['tell']", Some(("tell", vec![]))),
            ("['./tell', '']", Some(("/etc/./tell", vec![""]))),
            ("[]", None),
            ("['']", None),
            ("[\"a\\u0000\"]", None),
        ] {
            let config = read(&format!("[hooks]\non_down = {list}\n")).config;
            let found = config.and_then(|config| config.hooks.on_down.clone());
            let found = found.as_ref().map(|command| {
                let arguments: Vec<_> = command.arguments.iter().map(String::as_str).collect();
                (command.program.to_str().unwrap(), arguments)
            });
            assert_eq!(found, expected, "{list}");
        }
    }

    #[test]
    fn a_webhook_is_told_all_events_unless_it_lists_some() {
        for (keys, expected) in
            [("", "down partial up rejected forgotten soon"), ("events = ['up', 'down']", "up down")]
        {
            let config = read(&webhook(keys)).config.unwrap();
            let webhook = &config.hooks.webhooks[&1];
            let events: Vec<_> = webhook.events.iter().map(|event| event.as_str()).collect();
            assert_eq!(events.join(" "), expected);
            assert_eq!(webhook.secrets[0].key(), b"01234567890123456789012345678901");
        }
    }

    #[test]
    fn a_mistake_gets_a_remedy() {
        let error = |text: &str| {
            let found = read(text).diagnostics;
            let [error] = &found[..] else { panic!("{text}: {found:?}") };
            (error.message.clone(), error.help.clone().unwrap_or_default())
        };
        for (keys, message, help) in [
            ("events = ['don']", "unknown event `don`", "did you mean `down`?"),
            ("events = ['Started']", "unknown event `Started`", "did you mean `down`?"),
            (
                "events = ['lunch']",
                "unknown event `lunch`",
                "known events: down, partial, up, rejected, forgotten, soon",
            ),
            ("events = []", "a webhook without events is never sent", "remove `events` for all of them"),
        ] {
            assert_eq!(error(&webhook(keys)), (message.to_owned(), help.to_owned()), "{keys}");
        }
        for (keys, words) in [
            ("url = 'https://a.example/x'", "this webhook has no `secret_file`"),
            ("secret_file = 'hook.key'", "this webhook has no `url`"),
            ("url = 'https://a.example/x'\nsecret_file = 'none.key'", "/etc/none.key does not exist"),
            ("url = 'https://a.example/x'\nsecret_file = ''", "the path is empty"),
            (
                "url = 'https://a.example/x'\nsecret_file = 'short.key'",
                "/etc/short.key has no secret at line 1",
            ),
        ] {
            let (message, _) = error(&format!("[[webhook]]\n{keys}\n"));
            assert!(message.starts_with(words), "{message}");
        }
        let (message, _) = error(&webhook("").repeat(2));
        assert_eq!(message, "the webhook at line 2 has the same URL");
    }
}
