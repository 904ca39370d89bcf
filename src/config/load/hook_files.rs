//! Looks at the programs of `[hooks]` and the secrets of webhooks: a mistake there would only show when something changes.

use std::io;
use std::os::unix::fs::PermissionsExt as _;

use super::admin_files::exposed;
use crate::config::FileFault;
use crate::config::hooks::{HookCommand, HooksConfig};

/// Returns what is wrong with the programs that have a path, as far as this user may know. Others are searched for in the `PATH` of
/// the gateway, which is another one.
pub(super) fn command_faults(hooks: &HooksConfig) -> Vec<FileFault> {
    let HooksConfig { on_down, on_up, on_rejected, .. } = hooks;
    let commands = [("on_down", on_down), ("on_up", on_up), ("on_rejected", on_rejected)];
    commands.into_iter().filter_map(|(key, command)| command_fault(key, command.as_ref()?)).collect()
}

/// Returns what is wrong with the files of secrets, with the numbers of the webhooks.
pub(super) fn secret_faults(hooks: &HooksConfig) -> Vec<(usize, FileFault)> {
    let webhooks = hooks.webhooks.iter();
    webhooks
        .filter_map(|(number, webhook)| Some((*number, exposed("secret_file", &webhook.secret_file)?)))
        .collect()
}

fn command_fault(key: &'static str, command: &HookCommand) -> Option<FileFault> {
    if !command.program.is_absolute() {
        return None;
    }
    let name = command.program.display();
    let fault = |message: String, help: String| Some(FileFault { key, message, help });
    match std::fs::metadata(&command.program) {
        Ok(metadata) if !metadata.is_file() => {
            fault(format!("{name} is not a program"), "write the path of a program".to_owned())
        }
        Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => {
            fault(format!("{name} cannot be run"), format!("run `chmod +x {name}`"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let words: Vec<_> = command.program.to_str().unwrap_or_default().split_whitespace().collect();
            let help = match words.len() {
                0 | 1 => "write the path of a program, or remove the key".to_owned(),
                // It runs without a shell, so nothing would split it.
                _ => format!("did you mean `[\"{}\"]`?", words.join("\", \"")),
            };
            fault(format!("{name} does not exist"), help)
        }
        _ => None,
    }
}
