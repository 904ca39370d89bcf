//! Warns of commands that cannot be run, and of secrets that others can read.

use toml::Spanned;

use super::LintInput;
use crate::config::document::HooksSection;

pub(super) fn lint(input: &LintInput<'_>) {
    let HooksSection { on_down, on_up, on_rejected } = &input.document.hooks;
    for fault in &input.context.command_faults {
        let list = match fault.key {
            "on_down" => on_down,
            "on_up" => on_up,
            _ => on_rejected,
        };
        let program = list.as_ref().and_then(|list| list.get_ref().first());
        input.warn(program.map_or(0..0, Spanned::span), fault.message.as_str(), fault.help.as_str());
    }
    for (number, fault) in &input.context.secret_faults {
        let table = number.checked_sub(1).and_then(|index| input.document.webhooks.get(index));
        let file = table.and_then(|table| table.secret_file.as_ref());
        input.warn(file.map_or(0..0, Spanned::span), fault.message.as_str(), fault.help.as_str());
    }
}
