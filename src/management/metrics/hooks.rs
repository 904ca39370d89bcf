//! Metrics of commands and webhooks.

use std::fmt;

use super::Metrics;
use crate::hooks::HookCounts;

/// Encodes what has become of commands and webhooks.
pub(super) fn encode(hooks: &HookCounts, out: &mut Metrics<'_, '_>) -> fmt::Result {
    let (commands, webhooks) = (hooks.commands(), hooks.webhooks());
    for (name, help, count) in [
        ("hooks_succeeded", "Number of commands of [hooks] that succeeded", commands.0),
        ("hooks_failed", "Number of commands of [hooks] that failed or were not run", commands.1),
        ("webhooks_delivered", "Number of messages that webhooks have taken", webhooks.0),
        ("webhooks_failed", "Number of messages for webhooks that were given up", webhooks.1),
    ] {
        out.counter(name, help, count)?;
    }
    let help = "Number of webhooks whose receivers want no more messages";
    out.gauge("webhooks_disabled", help, hooks.disabled_webhooks())
}
