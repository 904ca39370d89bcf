//! An event, and what commands and webhooks are told of it.

use jiff::Timestamp;
use serde::Serialize;

use crate::config::diagnostic::{Diagnostic, errors};
use crate::config::hooks::EventKind;
use crate::escape::cut_to;
use crate::hex;
use crate::snapshot::{RejectedReading, Snapshot};
use crate::summary::StateFields;

/// How much of a text is told, in bytes: a message may be as long as the file, and an environment variable has a limit.
const MAX_TEXT: usize = 4096;
/// The length of the random part of an identifier, in bytes.
const ID_LENGTH: usize = 16;

/// An event.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Unique, and the same for each webhook and at each attempt.
    pub(super) id: String,
    pub(super) kind: EventKind,
    pub(super) at: Timestamp,
    pub(super) facts: EventFacts,
    /// The first error of a rejected file, for commands only: it may quote the file.
    pub(super) error: Option<String>,
}

/// What webhooks are told of an event: no secret, no path, and no part of the file but names of periods and messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct EventFacts {
    /// `up`, `partial` or `down`; `None` if the gateway could not start.
    pub(super) state: Option<&'static str>,
    /// When the state ends, if that is known; for `soon`, when the planned downtime ends.
    pub(super) until: Option<String>,
    /// When the downtime began; for `soon`, when it begins.
    pub(super) start: Option<String>,
    /// The name of the period that the event is about, if it has one.
    pub(super) period: Option<String>,
    /// The message for visitors in the language of the file.
    pub(super) message: Option<String>,
    /// The number of the snapshot.
    pub(super) generation: u64,
}

impl EventFacts {
    /// Returns the state at `now`, without what depends on the event.
    pub(super) fn of_state(snapshot: &Snapshot, now: Timestamp) -> Self {
        let StateFields { state, until, period } = snapshot.state_fields(now);
        Self { state: Some(state), until, period, generation: snapshot.generation, ..Self::default() }
    }

    /// Adds the message of a period, given by its index.
    pub(super) fn with_message(self, snapshot: &Snapshot, period: Option<usize>) -> Self {
        let config = &snapshot.config;
        let response = period.and_then(|period| config.rules.responses.get(period));
        let message = response.and_then(|response| response.message.as_ref()?.text(config.page.lang));
        Self { message: message.map(shortened), ..self }
    }
}

impl Event {
    pub(super) fn new(kind: EventKind, at: Timestamp, facts: EventFacts) -> Self {
        Self { id: new_id(), kind, at, facts, error: None }
    }

    /// A version of the file that was rejected while `snapshot` was the current one.
    pub(super) fn rejected(snapshot: &Snapshot, rejected: &RejectedReading) -> Self {
        let facts = EventFacts::of_state(snapshot, rejected.at);
        Self {
            error: first_error(&rejected.diagnostics),
            ..Self::new(EventKind::Rejected, rejected.at, facts)
        }
    }

    /// A file that was rejected at the start.
    pub(super) fn rejected_at_start(now: Timestamp, diagnostics: &[Diagnostic]) -> Self {
        let event = Self::new(EventKind::Rejected, now, EventFacts::default());
        Self { error: first_error(diagnostics), ..event }
    }

    /// Returns the environment variables for a command; one that does not apply is empty. `file` is the path of the file.
    pub(super) fn environment(&self, file: &str) -> [(&'static str, String); 10] {
        let EventFacts { state, until, start, period, message, generation } = &self.facts;
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().replace('\0', " ");
        [
            ("DOWNTIME_EVENT", self.kind.as_str().to_owned()),
            ("DOWNTIME_TIME", self.at.to_string()),
            ("DOWNTIME_STATE", state.unwrap_or_default().to_owned()),
            ("DOWNTIME_START", text(start)),
            ("DOWNTIME_UNTIL", text(until)),
            ("DOWNTIME_PERIOD", text(period)),
            ("DOWNTIME_MESSAGE", text(message)),
            ("DOWNTIME_GENERATION", generation.to_string()),
            ("DOWNTIME_FILE", file.to_owned()),
            ("DOWNTIME_ERROR", text(&self.error)),
        ]
    }

    /// Returns the body of the message for webhooks.
    pub(super) fn payload(&self) -> Vec<u8> {
        payload(self.kind.as_str(), self.at, &self.facts)
    }
}

fn first_error(diagnostics: &[Diagnostic]) -> Option<String> {
    errors(diagnostics).next().map(|error| shortened(&error.summary()))
}

/// Returns a text that is not too long.
fn shortened(text: &str) -> String {
    cut_to(MAX_TEXT, text).into_owned()
}

/// Returns the body of a message (Standard Webhooks, "Payload structure").
pub(super) fn payload(kind: &str, at: Timestamp, data: &EventFacts) -> Vec<u8> {
    #[derive(Serialize)]
    struct Payload<'a> {
        r#type: &'a str,
        timestamp: Timestamp,
        data: &'a EventFacts,
    }
    // Texts and numbers can always be written.
    serde_json::to_vec(&Payload { r#type: kind, timestamp: at, data }).unwrap_or_default()
}

/// Returns a new identifier of a message.
pub(super) fn new_id() -> String {
    let mut bytes = [0; ID_LENGTH];
    // Without random numbers, TLS would not work either.
    let _ = getrandom::fill(&mut bytes);
    format!("msg_{}", hex::encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        let facts = EventFacts {
            state: Some("down"),
            until: Some("2026-12-02T01:00:00Z".into()),
            period: Some("db\0upgrade".into()),
            message: Some("We \"move\".".into()),
            generation: 3,
            ..EventFacts::default()
        };
        Event::new(EventKind::Down, "2026-12-01T21:00:00Z".parse().unwrap(), facts)
    }

    #[test]
    fn the_payload_has_type_timestamp_and_data() {
        let payload: serde_json::Value = serde_json::from_slice(&event().payload()).unwrap();
        let expected = serde_json::json!({
            "type": "down",
            "timestamp": "2026-12-01T21:00:00Z",
            "data": {
                "state": "down",
                "until": "2026-12-02T01:00:00Z",
                "start": null,
                "period": "db\0upgrade",
                "message": "We \"move\".",
                "generation": 3,
            },
        });
        assert_eq!(payload, expected);
    }

    #[test]
    fn a_variable_is_empty_if_it_does_not_apply_and_never_has_a_nul() {
        let event = event();
        let variables = event.environment("/etc/downtime.toml");
        let get = |name: &str| variables.iter().find(|(other, _)| *other == name).unwrap().1.as_str();
        assert_eq!(
            (get("DOWNTIME_PERIOD"), get("DOWNTIME_START"), get("DOWNTIME_ERROR")),
            ("db upgrade", "", "")
        );
        assert_eq!((get("DOWNTIME_EVENT"), get("DOWNTIME_GENERATION")), ("down", "3"));
    }

    #[test]
    fn identifiers_differ() {
        let (one, other) = (new_id(), new_id());
        assert!(one != other && one.starts_with("msg_") && one.len() == 36, "{one} {other}");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        for (text, length) in [("ä".repeat(2048), 4096), ("ä".repeat(2049), 4099), ("x".repeat(5000), 4099)]
        {
            assert_eq!(shortened(&text).len(), length);
        }
    }
}
