//! `downtime man` and `downtime completions`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use downtime::config::reference::reference;

use crate::working_directory::WorkingDirectory;

/// The commands that `--help` lists.
fn commands(directory: &WorkingDirectory) -> BTreeSet<String> {
    let help = directory.run(&["--help"]).stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let names = commands.lines().map_while(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn there_is_a_page_for_each_command_and_for_the_file() {
    let directory = WorkingDirectory::empty();
    directory.run(&["man", "--dir", "."]).prints(0, &[]);
    let files: BTreeSet<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let pages = commands(&directory).iter().map(|name| format!("downtime-{name}.1")).collect::<Vec<_>>();
    let expected: BTreeSet<_> =
        pages.into_iter().chain(["downtime.1".to_owned(), "downtime.toml.5".to_owned()]).collect();
    assert_eq!(files, expected);
    for (page, file) in
        [("downtime", "downtime.1"), ("start", "downtime-start.1"), ("downtime.toml", "downtime.toml.5")]
    {
        let printed = directory.run(&["man", page]).stdout;
        assert_eq!(printed, fs::read_to_string(directory.path().join(file)).unwrap());
    }
    directory.run(&["man", "begin"]).refuses(2, &["unknown page `begin`", "the pages are downtime, "]);
    directory.run(&["man", "--dir", "none"]).refuses(1, &["cannot write none/downtime.1"]);
}

#[test]
fn a_full_disk_is_named() {
    let directory = WorkingDirectory::empty();
    let page = directory.path().join("downtime.1");
    std::os::unix::fs::symlink("/dev/full", &page).unwrap();
    let run = directory.run(&["man", "--dir", "."]);
    run.refuses(1, &["cannot write ./downtime.1: No space left on device", "free some space"]);
}

#[test]
fn the_page_of_the_file_has_each_key() {
    let page = WorkingDirectory::empty().run(&["man", "downtime.toml"]).stdout;
    for section in reference() {
        assert!(page.contains(&format!(".SH {}", section.header)), "{}", section.header);
        for key in section.keys {
            assert!(page.contains(&format!(".TP\n\\fB{}\\fR\n", key.name)), "{}", key.path);
        }
    }
}

#[test]
fn bash_completes_commands_and_options() {
    let directory = WorkingDirectory::empty();
    let script = directory.run(&["completions", "bash"]).stdout;
    let complete = |words: &[&str]| {
        let program = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={}; _downtime downtime \"${{COMP_WORDS[COMP_CWORD]}}\" \
             \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len() - 1,
        );
        let output = Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["downtime", "stat"]), ["status"]);
    assert_eq!(complete(&["downtime", "start", "--mes"]), ["--message"]);
    assert_eq!(complete(&["downtime", "status", "--format", "j"]), ["json"]);
}
