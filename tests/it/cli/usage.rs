//! Exit codes, streams, and the messages for wrong usage.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use crate::working_directory::{CommandOutput, WorkingDirectory, output};

#[test]
fn help_and_version_go_to_stdout() {
    let directory = WorkingDirectory::empty();
    for (arguments, text) in [
        (&["--help"][..], "Exit codes:\n  0  Done\n  1  "),
        (&["-h"], "Usage: downtime [OPTIONS] [COMMAND]"),
        (&["help"], "start"),
        (&["start", "--help"], "--until <TIME>"),
        (&["end", "-h"], "--all"),
        (&["--version"], concat!("downtime ", env!("CARGO_PKG_VERSION"), "\n")),
        (&["-V"], "downtime "),
    ] {
        directory.run(arguments).prints(0, &[text]);
    }
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_wrong() {
    let directory = WorkingDirectory::with("# nothing\n");
    for (arguments, texts) in [
        (&["halt"][..], &["unrecognized subcommand 'halt'"][..]),
        (&["strt"], &["'start'"]),
        (&["--check", "site.toml"], &["`site.toml` is not a command: did you mean `--config site.toml`?"]),
        (&["my/site"], &["did you mean `--config my/site`?"]),
        (&["--colour"], &["--colour"]),
        (&["--url", "/x"], &["--check"]),
        (&["--at", "2026-06-01T00:00:00Z"], &["--check"]),
        (&["--check", "--method", "GET"], &["--url"]),
        (&["--check", "--from", "192.0.2.1"], &["--url"]),
        (
            &["--check", "--at", "yesterday"],
            &["'yesterday'", "not a date-time", "write a date-time such as 2026-"],
        ),
        (&["--check", "--at", "2026-06-01"], &["this is a date without a time"]),
        (&["--check", "--at", "2026-02-30T00:00:00Z"], &["not a date-time"]),
        (&["--check", "--url", "page"], &["write a URL such as"]),
        (&["--check", "--url", "/", "--from", "localhost"], &["'localhost'", "--from"]),
        (&["--check", "--url", "/", "--method", "G T"], &["'G T'", "--method"]),
        (&["--check", "--format", "xml"], &["human, json"]),
        (&["--check", "start"], &["--check cannot be used with a command"]),
        (&["start", "--check"], &["--check"]),
        (&["start", "--format", "json"], &["'--format'"]),
        (&["serve", "--format", "json"], &["'--format'"]),
        (&["start", "--for", "0s"], &["must be longer than zero"]),
        (&["start", "--for", "four hours"], &["'four hours'", "did you mean `4h`?"]),
        (&["start", "--for", "-1h"], &["'-1h'", "cannot be negative: write `1h`"]),
        (&["start", "--for", "--wait"], &["missing duration"]),
        (&["start", "--for", "30M"], &["`M` means months: did you mean `30m`?"]),
        (&["start", "--for", "2"], &["missing unit: did you mean `2h` or `2m`?"]),
        (&["start", "--until", "1h"], &["'1h'", "did you mean `--for 1h`?"]),
        (&["start", "--at", "-1h"], &["'-1h'", "a duration is not a time: write a time such as 22:00"]),
        (&["start", "--at", "2h"], &["'2h'", "did you mean `--in 2h`?"]),
        (&["start", "--at", "22:00", "--in", "2h"], &["--at", "--in"]),
        (&["start", "--in", "22:00"], &["'22:00'", "unexpected `:`"]),
        (&["end", "--line", "3"], &["--sha256 <HASH>"]),
        (&["end", "--line", "x", "--sha256", "0123456789ab"], &["'x'", "write the number of the line"]),
        (&["wait", "up", "--timeout", "5"], &["did you mean `5s` or `5m`?"]),
        (&["prune", "--older", "5"], &["did you mean `5days`?"]),
        (&["end", "--sha256", "0123456789ab"], &["--line <LINE>"]),
        (&["end", "--line", "3", "--sha256", "0123"], &["write 8 to 64 hexadecimal digits"]),
        (&["end", "--line", "3", "--all", "--sha256", "0123456789ab"], &["--all"]),
        (&["--deny", "warnings"], &["--check"]),
        (&["--check", "--deny", "notes"], &["[possible values: warnings]"]),
        (&["start", "--for", "1h", "--until", "2999-01-01T00:00:00Z"], &["--for", "--until"]),
        (&["start", "--until", "tomorrow"], &["'tomorrow'", "not a date-time"]),
        (&["start", "--name", ""], &["a name must be one non-empty line"]),
        (&["start", "--name", "two\nlines"], &["a name must be one non-empty line"]),
        (&["start", "name"], &["'name'"]),
        (
            &["start", "30m"],
            &["unexpected argument `30m`: did you mean `--for 30m`?", "Usage: downtime start [OPTIONS]\n"],
        ),
        (&["START"], &["unrecognized subcommand 'START'", "a similar subcommand exists: 'start'"]),
        (&["STOP"], &["unknown command `STOP`: to take the site down, run `downtime start`"]),
        (&["wait", "UP"], &["invalid value 'UP'", "a similar value exists: 'up'"]),
        (
            &["start", "--duration", "30m"],
            &["unexpected argument `--duration`: did you mean `--for DURATION`?"],
        ),
        (&["start", "--from", "22:00"], &["did you mean `--at TIME`?"]),
        (&["start", "--reason", "x"], &["did you mean `--message TEXT`?"]),
        (&["status", "--json"], &["did you mean `--format json`?"]),
        (&["extend", "--for", "1h"], &["unexpected argument `--for`: did you mean `--by DURATION`?"]),
        (&["extend", "db", "1h"], &["unexpected argument `1h`: did you mean `--by 1h`?"]),
        (&["extend", "1h"], &["missing --by or --until: did you mean `--by 1h`?"]),
        (&["extend", "--line", "1", "--by", "1h"], &["not provided:\n  --sha256 <HASH>\n"]),
        (&["extend"], &["<--by <DURATION>|--until <TIME>>"]),
        (&["extend", "--by", "1h", "--until", "22:00"], &["--by", "--until"]),
        (&["end", "--now"], &["unexpected argument `--now`: remove it: `end` ends now"]),
        (
            &["during", "--at", "22:00", "--", "true"],
            &["unexpected argument `--at`: remove it: `during` starts now"],
        ),
        (
            &["start", "--force"],
            &[
                "unexpected argument `--force`: remove it: no command asks for confirmation",
                "Usage: downtime start [OPTIONS]\n",
            ],
        ),
        (&["end", "--for", "1h"], &["unexpected argument '--for'"]),
        (&["status", "1h"], &["unexpected argument '1h'"]),
        (&["end", "one", "two"], &["'two'"]),
        (&["end", "--all", "one"], &["--all"]),
        (&["-c"], &["--config <FILE>"]),
        (&["-c", "", "--check"], &["--config <FILE>"]),
    ] {
        let run = directory.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run:?}");
        run.refuses(2, texts);
    }
    assert_eq!(directory.text(), "# nothing\n");
    assert!(!directory.run(&["end", "--for", "1h"]).stderr.contains("as a value"));
}

#[test]
fn arguments_that_are_not_utf_8_are_refused_like_others() {
    let directory = WorkingDirectory::empty();
    let wrong = OsStr::from_bytes(b"\xff");
    for arguments in [
        &[wrong][..],
        &["--no".as_ref(), wrong],
        &["extend".as_ref(), wrong],
        &["end".as_ref(), "a".as_ref(), wrong],
    ] {
        let mut command = directory.command(&[]);
        command.args(arguments);
        let run = CommandOutput::from(output(&mut command));
        assert_eq!(run.code, 2, "{arguments:?}: {run:?}");
        assert!(!run.stderr.contains("panicked"), "{run:?}");
    }
}

#[test]
fn a_command_of_other_programs_names_the_right_one() {
    let directory = WorkingDirectory::empty();
    for (command, texts) in [
        ("stop", ["`downtime start`", "`systemctl stop downtime`"]),
        ("restart", ["takes effect by itself", "`systemctl restart downtime`"]),
        ("reload", ["`downtime --check`", "`systemctl reload downtime`"]),
        ("up", ["run `downtime end`", "`downtime status`"]),
        ("down", ["run `downtime start`", "`downtime status`"]),
        ("on", ["`downtime start`", "`downtime end`"]),
        ("off", ["`downtime start`", "`downtime end`"]),
        ("enable", ["`downtime start`", "`enabled`"]),
        ("disable", ["`downtime end`", "`enabled`"]),
        ("maintenance", ["`downtime start`", "`downtime end`"]),
        ("pause", ["to take the site down", "`downtime start`"]),
        ("resume", ["to bring the site back up", "`downtime end`"]),
        ("plan", ["`downtime start --at TIME", "--for DURATION`"]),
        ("cancel", ["`downtime end NAME`", "without a name"]),
        ("check", ["to check the file", "`downtime --check`"]),
        ("list", ["`downtime status`", "`downtime --check`"]),
        ("run", ["`downtime`", "`downtime serve`"]),
        ("version", ["to see the version", "`downtime --version`"]),
    ] {
        for arguments in [
            &[command][..],
            &[command, "on"],
            &["-c", "x.toml", command, "--for", "1h"],
            &[command, "--help"],
        ] {
            directory
                .run(arguments)
                .refuses(2, &[&[&*format!("unknown command `{command}`: ")], &texts[..]].concat());
        }
        let help = directory.run(&["--help"]).stdout;
        assert!(!help.contains(&format!("  {command} ")), "{help}");
    }
}

#[test]
fn wait_without_management_is_refused_before_anything_is_written() {
    let directory = WorkingDirectory::with("[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\n");
    let before = directory.text();
    for arguments in [["start", "--wait"], ["end", "--wait"]] {
        directory
            .run(&arguments)
            .refuses(1, &["the file has no [management]: nothing was written", "omit --wait"]);
        assert_eq!(directory.text(), before);
    }
}

#[test]
fn the_environment_names_the_file_and_the_option_overrides_it() {
    let directory = WorkingDirectory::empty();
    for name in ["one.toml", "two.toml"] {
        std::fs::write(directory.path().join(name), "# nothing\n").unwrap();
    }
    let run = |arguments: &[&str]| {
        CommandOutput::from(output(directory.command(arguments).env("DOWNTIME_CONFIG", "one.toml")))
    };
    run(&["--check"]).prints(0, &["one.toml is valid"]);
    run(&["-c", "two.toml", "--check"]).prints(0, &["two.toml is valid"]);
    run(&["status", "--config", "two.toml"]).prints(0, &["two.toml"]);
}

#[test]
fn a_missing_file_that_the_environment_names_is_reported_with_the_variable() {
    let directory = WorkingDirectory::with("# nothing\n");
    let run = |arguments: &[&str]| {
        CommandOutput::from(output(directory.command(arguments).env("DOWNTIME_CONFIG", "none.toml")))
    };
    let message = "none.toml, which DOWNTIME_CONFIG names, does not exist";
    for arguments in [&["--check"][..], &["status"], &["start"], &["serve"]] {
        run(arguments).refuses(
            1,
            &[message, "help: create it, correct DOWNTIME_CONFIG, or name another file with -c FILE"],
        );
    }
    let json = run(&["status", "--format", "json"]);
    assert!(json.code == 1 && json.stdout.contains(message), "{json:?}");
    run(&["-c", "none.toml", "--check"]).refuses(1, &["none.toml does not exist"]);
    run(&["status", "--serving"]).refuses(1, &["no gateway serves at 127.0.0.1:9503"]);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let directory = WorkingDirectory::with("# nothing\n");
    let run = output(directory.command(&["--check"]).env("DOWNTIME_CONFIG", ""));
    CommandOutput::from(run).prints(0, &["./downtime.toml is valid"]);
}

#[test]
fn nothing_is_coloured_without_a_terminal() {
    let directory = WorkingDirectory::with("[response]\nstatus = 404\n[site]\nroot = \"none\"\n");
    for arguments in [&["--check"][..], &["status"], &["start"], &["--help"], &["halt"]] {
        let CommandOutput { stdout, stderr, .. } = directory.run(arguments);
        assert!(!(stdout + &stderr).contains('\u{1b}'), "{arguments:?}");
    }
}

#[test]
fn a_warning_goes_to_stderr_and_exits_with_0() {
    let directory = WorkingDirectory::with("[site]\nroot = \"none\"\n");
    let run = directory.run(&["--check"]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.starts_with("./downtime.toml is valid\n"), "{run:?}");
    assert!(run.stderr.starts_with("warning: "), "{run:?}");
}

#[test]
fn a_denied_warning_exits_with_1_and_a_note_does_not() {
    let directory = WorkingDirectory::with("[site]\nroot = \"none\"\n");
    let run = directory.run(&["--check", "--deny", "warnings"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("there are warnings, and --deny warnings makes them errors"), "{run:?}");
    directory.run(&["--check", "--deny", "warnings", "--format", "json"]).prints(1, &["\"valid\": true"]);
    directory.write("[[period]]\nstart = 2020-01-01T00:00:00Z\nend = 2020-01-02T00:00:00Z\n");
    let with_note = directory.run(&["--check", "--deny", "warnings"]);
    assert!(with_note.code == 0 && with_note.stderr.starts_with("note: "), "{with_note:?}");
    directory.write("colour = 1\n");
    directory.run(&["--check", "--deny", "warnings", "--format", "json"]).prints(1, &["\"valid\": false"]);
}

/// The writing end of a pipe whose reading end is closed.
fn closed_pipe() -> Stdio {
    let (_, writer) = std::io::pipe().unwrap();
    OwnedFd::from(writer).into()
}

#[test]
fn a_closed_stdout_does_not_cause_a_panic() {
    let directory = WorkingDirectory::with("[[period]]\nstart = 2020-01-01T00:00:00Z\n");
    for (arguments, code) in
        [(&["--check"][..], 0), (&["status"], 3), (&["--help"], 0), (&["start"], 0), (&["end"], 0)]
    {
        let output = directory.command(arguments).stdout(closed_pipe()).stderr(Stdio::piped()).spawn();
        CommandOutput::from(output.unwrap().wait_with_output().unwrap()).refuses(code, &[]);
    }
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let directory = WorkingDirectory::with("[[period]]\nstart = 2020-01-01T00:00:00Z\n");
    for arguments in [
        &["--check"][..],
        &["--check", "--format", "json"],
        &["status"],
        &["status", "--format", "json"],
        &["start"],
        &["end"],
        &["schema"],
        &["--help"],
        &["start", "--help"],
        &["--version"],
    ] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let output = directory.command(arguments).stdout(full).stderr(Stdio::piped()).spawn();
        let run = CommandOutput::from(output.unwrap().wait_with_output().unwrap());
        assert_eq!(run.code, 1, "{arguments:?}");
        run.refuses(1, &["the result cannot be written to stdout: No space left on device"]);
        let is_edit = ["start", "end"].contains(&arguments[0]) && arguments.len() == 1;
        assert_eq!(
            run.stderr.contains("downtime.toml: it was edited, but the result cannot"),
            is_edit,
            "{run:?}"
        );
    }
}

#[test]
fn a_closed_stderr_does_not_cause_a_panic() {
    let directory = WorkingDirectory::with("[response]\nstatus = 404\n");
    for (arguments, code) in [(&["--check"][..], 1), (&["status"], 1), (&["start"], 1), (&["halt"], 2)] {
        let status = directory.command(arguments).stderr(closed_pipe()).status();
        assert_eq!(status.unwrap().code(), Some(code), "{arguments:?}");
    }
}
