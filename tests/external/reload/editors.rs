//! Files saved as editors and operators save them (row W2).

use std::fs::{metadata, read_to_string};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use libtest_mimic::{Completion, Failed};

use super::stamps::run;
use super::watching::{Behaviour, Watching};
use super::{assert_applied, await_in_time, saying};
use crate::debian::{self, Needed};
use crate::support::process::{Gateway, listening};
use crate::support::until;

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    each_save_of_vim_is_seen_and_none_by_half,
    each_save_of_emacs_is_seen_and_none_by_half,
    each_file_that_sed_or_cp_leaves_is_seen_and_none_by_half,
];

const VIM: Needed = ("vim", "vim");
const EMACS: Needed = ("emacs", "emacs-nox");

/// How an editor is told to save, and whether its first save and its second put another file in the place of the old one.
type Way = (&'static str, [bool; 2]);

const WAYS_OF_VIM: [Way; 6] = [
    ("backupcopy=yes nobackup nowritebackup", [false, false]),
    ("backupcopy=yes nobackup writebackup", [false, false]),
    ("backupcopy=yes backup", [false, false]),
    ("backupcopy=no nobackup nowritebackup", [false, false]),
    ("backupcopy=no nobackup writebackup", [true, true]),
    ("backupcopy=no backup", [true, true]),
];

/// With the first save of a session Emacs makes a backup: by default it moves the old file away.
const WAYS_OF_EMACS: [Way; 3] = [
    ("(setq backup-by-copying nil)", [true, false]),
    ("(setq backup-by-copying t)", [false, false]),
    ("(setq file-precious-flag t)", [true, true]),
];

/// An editor that has the file open, and does what it is told line by line.
struct Session {
    editor: Child,
    lines: ChildStdin,
}

impl Session {
    fn open(gateway: &Gateway, program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(gateway.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut editor = command.spawn().expect("an editor");
        let lines = editor.stdin.take().expect("piped");
        Self { editor, lines }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.lines, "{line}").expect("told");
    }

    fn close(mut self) {
        drop(self.lines);
        let status = self.editor.wait().expect("an end");
        assert!(status.success(), "{status}");
    }
}

/// Backups are made in folders for temporary files too, where the tests are.
fn vim(gateway: &Gateway, way: &str) -> Session {
    let set = format!("set backupskip= {way}");
    Session::open(gateway, "vim", &["-Nu", "NONE", "-i", "NONE", "-es", "--cmd", &set, "downtime.toml"])
}

/// Saves with the message that each line is.
fn emacs(gateway: &Gateway, way: &str) -> Session {
    let program = format!(
        r#"(let (message)
             (setq backup-enable-predicate (lambda (name) t))
             {way}
             (find-file "downtime.toml")
             (while (setq message (ignore-errors (read-from-minibuffer "")))
               (goto-char (point-min))
               (re-search-forward "^message = .*")
               (replace-match (format "message = %S" message) t t)
               (save-buffer)))"#
    );
    Session::open(gateway, "emacs", &["--quick", "--batch", "--eval", &program])
}

/// Each save is seen in time from when the file on disk says so.
fn await_save(gateway: &Gateway, watching: Watching, message: &str) {
    let (path, text) = (gateway.folder.join("downtime.toml"), listening(&saying(message)));
    until(message, || read_to_string(&path).is_ok_and(|saved| saved == text).then_some(()));
    await_in_time(gateway, watching, message);
}

fn inode(gateway: &Gateway) -> u64 {
    metadata(gateway.folder.join("downtime.toml")).expect("a file").ino()
}

/// Saves twice in each of these ways, in a session each.
fn save_in(
    watching: Watching,
    ways: &[Way],
    open: impl Fn(&Gateway, &str) -> Session,
    save: impl Fn(&mut Session, &str),
    quit: impl Fn(&mut Session),
) {
    let gateway = watching.start(&saying("first"));
    // Where each save takes a second, not in all of them.
    let ways: Vec<_> = ways.iter().step_by(watching.times(1, 2)).collect();
    for &&(way, replaces) in &ways {
        let mut editor = open(&gateway, way);
        for (count, replaces) in ["once", "twice"].into_iter().zip(replaces) {
            let before = inode(&gateway);
            let message = format!("{} saved {count}", way.replace('"', ""));
            save(&mut editor, &message);
            await_save(&gateway, watching, &message);
            assert_eq!(inode(&gateway) != before, replaces, "{way}");
        }
        quit(&mut editor);
        editor.close();
    }
    assert_applied(&gateway, 2 * ways.len());
}

fn each_save_of_vim_is_seen_and_none_by_half(watching: Watching) -> Result<Completion, Failed> {
    debian::with(&[VIM], || {
        let save = |vim: &mut Session, message: &str| {
            vim.tell(&format!("%s/^message = .*/message = \"{message}\"/"));
            vim.tell("write");
        };
        save_in(watching, &WAYS_OF_VIM, vim, save, |vim| vim.tell("quit"));
        Ok(())
    })
}

fn each_save_of_emacs_is_seen_and_none_by_half(watching: Watching) -> Result<Completion, Failed> {
    debian::with(&[EMACS], || {
        save_in(watching, &WAYS_OF_EMACS, emacs, Session::tell, |_| {});
        Ok(())
    })
}

fn each_file_that_sed_or_cp_leaves_is_seen_and_none_by_half(watching: Watching) {
    let gateway = watching.start(&saying("first"));
    for count in ["once", "twice"] {
        let [sed, cp] = ["sed", "cp"].map(|program| format!("{program} {count}"));
        run(&gateway, "sed", &["-i", &format!("s/^message = .*/message = \"{sed}\"/"), "downtime.toml"]);
        await_save(&gateway, watching, &sed);
        gateway.folder.write("new.toml", &listening(&saying(&cp)));
        run(&gateway, "cp", &["new.toml", "downtime.toml"]);
        await_save(&gateway, watching, &cp);
    }
    assert_applied(&gateway, 4);
}
