//! Saves by editors and by other programs that operators use.

use std::fs::metadata;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use libtest_mimic::{Completion, Failed};

use super::stamps::run;
use super::watching::{Behaviour, Watching};
use super::{assert_applied, await_in_time, config_with_message};
use crate::debian::{self, RequiredProgram};
use crate::support::awaited::until_file;
use crate::support::process::{GatewayProcess, listening};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    each_save_of_vim_is_applied_whole,
    each_save_of_emacs_is_applied_whole,
    each_file_that_sed_or_cp_writes_is_applied_whole,
];

const VIM: RequiredProgram = ("vim", "vim");
const EMACS: RequiredProgram = ("emacs", "emacs-nox");

/// The settings of an editor, and for its first and second save, true if it replaces the file instead of writing it.
type SaveSettings = (&'static str, [bool; 2]);

const VIM_SETTINGS: [SaveSettings; 6] = [
    ("backupcopy=yes nobackup nowritebackup", [false, false]),
    ("backupcopy=yes nobackup writebackup", [false, false]),
    ("backupcopy=yes backup", [false, false]),
    ("backupcopy=no nobackup nowritebackup", [false, false]),
    ("backupcopy=no nobackup writebackup", [true, true]),
    ("backupcopy=no backup", [true, true]),
];

/// With the first save of a session Emacs makes a backup: by default it renames the old file.
const EMACS_SETTINGS: [SaveSettings; 3] = [
    ("(setq backup-by-copying nil)", [true, false]),
    ("(setq backup-by-copying t)", [false, false]),
    ("(setq file-precious-flag t)", [true, true]),
];

/// An editor that has the file open and reads commands, one a line.
struct EditorSession {
    editor: Child,
    lines: ChildStdin,
}

impl EditorSession {
    fn open(gateway: &GatewayProcess, program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(gateway.directory.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut editor = command.spawn().expect("an editor");
        let lines = editor.stdin.take().expect("piped");
        Self { editor, lines }
    }

    fn send(&mut self, line: &str) {
        writeln!(self.lines, "{line}").expect("written");
    }

    fn close(mut self) {
        drop(self.lines);
        let status = self.editor.wait().expect("an end");
        assert!(status.success(), "{status}");
    }
}

/// Opens Vim. It also makes backups in directories for temporary files, which the tests use.
fn vim(gateway: &GatewayProcess, settings: &str) -> EditorSession {
    let set = format!("set backupskip= {settings}");
    EditorSession::open(gateway, "vim", &["-Nu", "NONE", "-i", "NONE", "-es", "--cmd", &set, "downtime.toml"])
}

/// Opens Emacs with a program that saves the file with each line as the message.
fn emacs(gateway: &GatewayProcess, settings: &str) -> EditorSession {
    let program = format!(
        r#"(let (message)
             (setq backup-enable-predicate (lambda (name) t))
             {settings}
             (find-file "downtime.toml")
             (while (setq message (ignore-errors (read-from-minibuffer "")))
               (goto-char (point-min))
               (re-search-forward "^message = .*")
               (replace-match (format "message = %S" message) t t)
               (save-buffer)))"#
    );
    EditorSession::open(gateway, "emacs", &["--quick", "--batch", "--eval", &program])
}

/// Waits until the file on disk has the message, and asserts that it is then applied in time.
fn await_save(gateway: &GatewayProcess, watching: Watching, message: &str) {
    let (path, text) = (gateway.directory.join("downtime.toml"), listening(&config_with_message(message)));
    until_file(&path, |saved| saved == text);
    await_in_time(gateway, watching, message);
}

fn inode(gateway: &GatewayProcess) -> u64 {
    metadata(gateway.directory.join("downtime.toml")).expect("a file").ino()
}

/// Opens an editor with each of these settings, and saves twice with each.
fn assert_saves_are_applied(
    watching: Watching,
    settings: &[SaveSettings],
    open: impl Fn(&GatewayProcess, &str) -> EditorSession,
    save: impl Fn(&mut EditorSession, &str),
    quit: impl Fn(&mut EditorSession),
) {
    let gateway = watching.start(&config_with_message("first"));
    // Polling takes a second for each save, so it tests only some.
    let settings: Vec<_> = settings.iter().step_by(watching.times(1, 2)).collect();
    for &&(setting, replaces) in &settings {
        let mut editor = open(&gateway, setting);
        for (count, replaces) in ["once", "twice"].into_iter().zip(replaces) {
            let before = inode(&gateway);
            let message = format!("{} saved {count}", setting.replace('"', ""));
            save(&mut editor, &message);
            await_save(&gateway, watching, &message);
            assert_eq!(inode(&gateway) != before, replaces, "{setting}");
        }
        quit(&mut editor);
        editor.close();
    }
    assert_applied(&gateway, 2 * settings.len());
}

fn each_save_of_vim_is_applied_whole(watching: Watching) -> Result<Completion, Failed> {
    debian::with(&[VIM], || {
        let save = |vim: &mut EditorSession, message: &str| {
            vim.send(&format!("%s/^message = .*/message = \"{message}\"/"));
            vim.send("write");
        };
        assert_saves_are_applied(watching, &VIM_SETTINGS, vim, save, |vim| vim.send("quit"));
        Ok(())
    })
}

fn each_save_of_emacs_is_applied_whole(watching: Watching) -> Result<Completion, Failed> {
    debian::with(&[EMACS], || {
        assert_saves_are_applied(watching, &EMACS_SETTINGS, emacs, EditorSession::send, |_| {});
        Ok(())
    })
}

fn each_file_that_sed_or_cp_writes_is_applied_whole(watching: Watching) {
    let gateway = watching.start(&config_with_message("first"));
    for count in ["once", "twice"] {
        let [sed, cp] = ["sed", "cp"].map(|program| format!("{program} {count}"));
        run(&gateway, "sed", &["-i", &format!("s/^message = .*/message = \"{sed}\"/"), "downtime.toml"]);
        await_save(&gateway, watching, &sed);
        gateway.directory.write("new.toml", &listening(&config_with_message(&cp)));
        run(&gateway, "cp", &["new.toml", "downtime.toml"]);
        await_save(&gateway, watching, &cp);
    }
    assert_applied(&gateway, 4);
}
