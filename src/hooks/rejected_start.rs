//! The hooks of a file that was rejected at the start. The gateway does not run, so they have no thread.

use std::io;
use std::path::Path;

use futures_util::future::join_all;
use tokio::signal::unix::{SignalKind, signal};

use super::client::send;
use super::command::{COMMAND_LIMIT, run};
use super::delivery::AttemptError;
use super::event::Event;
use super::thread::{absolute, runtime};
use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::config::hooks::{EventKind, HooksConfig};
use crate::net::names::Names;

/// Runs the command and sends the webhooks for a file that was rejected at the start, and waits for them: the command has as long
/// as at any other time, a webhook has one attempt. Returns what failed. A signal that stops the gateway ends both.
pub fn reject_start(path: &Path, config: &HooksConfig, diagnostics: &[Diagnostic]) -> Vec<String> {
    let told: Vec<_> =
        config.webhooks.iter().filter(|(_, webhook)| webhook.is_told(EventKind::Rejected)).collect();
    let command = config.command(EventKind::Rejected);
    if command.is_none() && told.is_empty() {
        return Vec::new();
    }
    let event = &Event::rejected_at_start(clock::now(), diagnostics);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return vec![format!("cannot run [hooks]: {error}")],
    };
    let file = absolute(path);
    let command = async {
        let (key, command) = command?;
        let failed = run(command, &event.environment(&file), COMMAND_LIMIT).await.err()?;
        Some(format!("{key} of [hooks] {failed}"))
    };
    let names = Names::default();
    let webhooks = told.into_iter().map(|(number, webhook)| {
        let names = names.clone();
        async move {
            let outcome = send(webhook, &event.id, event.payload().into(), &names).await;
            let failed = AttemptError::check(outcome).err()?;
            Some(format!("cannot send `rejected` to webhook {number} ({}): {failed}", webhook.url))
        }
    });
    let failed = runtime.block_on(async {
        tokio::select! {
            biased;
            stopped = stop_signal() => vec![stopped.map_or_else(
                |error| format!("cannot run [hooks]: {error}"),
                |()| "a signal has ended what was told of the rejected file".to_owned(),
            )],
            (command, webhooks) = async { tokio::join!(command, join_all(webhooks)) } => {
                command.into_iter().chain(webhooks.into_iter().flatten()).collect()
            }
        }
    });
    runtime.shutdown_background();
    failed
}

/// Waits for a signal that stops the gateway. Without this, it would end at once and leave its command behind.
async fn stop_signal() -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
