//! `[hooks]` and `[[webhook]]`: which commands are run and which webhooks are sent when something changes.

mod secret;
mod url;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

pub use self::secret::WebhookSecret;
pub use self::url::WebhookUrl;

/// `[hooks]` and each `[[webhook]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HooksConfig {
    /// `on_down`.
    pub on_down: Option<HookCommand>,
    /// `on_up`.
    pub on_up: Option<HookCommand>,
    /// `on_rejected`.
    pub on_rejected: Option<HookCommand>,
    /// The webhooks by their number in the file, from 1. Those with errors are missing.
    pub webhooks: BTreeMap<usize, Webhook>,
}

impl Webhook {
    /// Returns true if it is told this event. One without a secret is told nothing: its receiver could not check the message.
    pub fn is_told(&self, event: EventKind) -> bool {
        self.events.contains(&event) && !self.secrets.is_empty()
    }
}

impl HooksConfig {
    /// Returns the key for the command that an event runs, and the command, if there is one.
    pub fn command(&self, event: EventKind) -> Option<(&'static str, &HookCommand)> {
        let (key, command) = match event {
            EventKind::Down => ("on_down", &self.on_down),
            EventKind::Up => ("on_up", &self.on_up),
            EventKind::Rejected => ("on_rejected", &self.on_rejected),
            EventKind::Partial | EventKind::Forgotten | EventKind::Soon => return None,
        };
        Some((key, command.as_ref()?))
    }
}

/// A command of `[hooks]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookCommand {
    /// The program: an absolute path, or a name without `/` that is searched for in `PATH`.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The working directory: that of the configuration file.
    pub directory: PathBuf,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where messages are sent. No two webhooks have the same.
    pub url: WebhookUrl,
    /// The events that it is told. At least one, unless the file is invalid.
    pub events: Vec<EventKind>,
    /// The path of the file with the secrets.
    pub secret_file: PathBuf,
    /// The secrets that messages are signed with. At least one; none only if the file is invalid, or if this user may not read the
    /// secrets, and need not, because the configuration is only edited or shown.
    pub secrets: Vec<WebhookSecret>,
}

/// Something that commands are run and webhooks are sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The state has become `down`.
    Down,
    /// The state has become `partial`.
    Partial,
    /// The state has become `up`.
    Up,
    /// A version of the file was rejected.
    Rejected,
    /// A period without an end has been active for 24 hours.
    Forgotten,
    /// A planned downtime begins in 15 minutes, or earlier if it was planned later.
    Soon,
}

impl EventKind {
    /// All events.
    pub const ALL: [Self; 6] =
        [Self::Down, Self::Partial, Self::Up, Self::Rejected, Self::Forgotten, Self::Soon];

    /// Returns its name in the file and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Partial => "partial",
            Self::Up => "up",
            Self::Rejected => "rejected",
            Self::Forgotten => "forgotten",
            Self::Soon => "soon",
        }
    }

    /// Returns the event of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }
}

/// The schema of the name of an event.
pub(super) struct EventName;

impl JsonSchema for EventName {
    fn schema_name() -> Cow<'static, str> {
        "EventName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": EventKind::ALL.map(EventKind::as_str) })
    }
}
