//! `downtime webhook`: tests the webhooks of the file.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::config_file::ConfigFile;
use super::{print_diagnostics, print_error, print_result};
use crate::clock;
use crate::config::hooks::Webhook;
use crate::config::load::load_to_show;
use crate::hooks::send_test;
use crate::snapshot::Snapshot;

/// The arguments of `webhook`.
#[derive(Debug, Args)]
pub(super) struct WebhookArgs {
    #[command(subcommand)]
    command: WebhookCommand,
}

#[derive(Debug, Subcommand)]
enum WebhookCommand {
    /// Send a test message, and print the status code of the answer
    Test {
        /// The webhook: its URL, or its number in the file, from 1 [default: each webhook]
        #[arg(value_name = "WEBHOOK")]
        webhook: Option<String>,
    },
}

/// Returns 0 if each webhook has taken the message.
pub(super) fn run(file: &ConfigFile, arguments: &WebhookArgs) -> Result<ExitCode, ExitCode> {
    let WebhookCommand::Test { webhook } = &arguments.command;
    let reading = load_to_show(&file.path).reading;
    let Some(config) = reading.config else {
        print_diagnostics(&reading.diagnostics);
        return Err(ExitCode::FAILURE);
    };
    let now = clock::now();
    let hooks = std::sync::Arc::clone(&config.hooks);
    let snapshot = Snapshot::new(config, 0, String::new(), now);
    let mut are_taken = true;
    for (number, webhook) in selected(&hooks.webhooks, webhook.as_deref())? {
        are_taken &= test(number, webhook, &snapshot)?;
    }
    Ok(if are_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the webhooks that an argument names, with their numbers.
fn selected<'w>(
    webhooks: &'w BTreeMap<usize, Webhook>,
    named: Option<&str>,
) -> Result<Vec<(usize, &'w Webhook)>, ExitCode> {
    let number: Option<usize> = named.and_then(|named| named.parse().ok());
    let url = named.and_then(|named| crate::config::hooks::WebhookUrl::parse(named).ok());
    let is_selected = |(at, webhook): &(usize, &Webhook)| {
        named.is_none() || number == Some(*at) || url.as_ref() == Some(&webhook.url)
    };
    let webhooks_by_number = webhooks.iter().map(|(number, webhook)| (*number, webhook));
    let selected: Vec<_> = webhooks_by_number.filter(is_selected).collect();
    if !selected.is_empty() {
        return Ok(selected);
    }
    let (message, help) = match (webhooks.len(), named) {
        (0, _) => ("the file has no webhook", "add a [[webhook]] with `url` and `secret_file`".to_owned()),
        (count, _) => (
            "the file has no such webhook",
            format!("write its URL as in the file, or a number from 1 to {count}"),
        ),
    };
    print_error(message, &help);
    Err(ExitCode::FAILURE)
}

/// Sends a test message to a webhook and prints the status. Returns true if it has taken the message.
fn test(number: usize, webhook: &Webhook, snapshot: &Snapshot) -> Result<bool, ExitCode> {
    if webhook.secrets.is_empty() {
        let message = format!(
            "this user cannot read {}, the secret of webhook {number}",
            webhook.secret_file.display()
        );
        print_error(&message, "run the command as root or as the gateway\'s user");
        return Ok(false);
    }
    match send_test(webhook, snapshot, clock::now()) {
        Ok(status) => {
            print_result(&format!("{}\n", status.as_u16()))?;
            Ok(status.is_success())
        }
        Err(error) => {
            print_error(
                &format!("webhook {number} ({}): {error}", webhook.url),
                "check its URL, and that the receiver runs",
            );
            Ok(false)
        }
    }
}
