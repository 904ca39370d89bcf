//! `downtime end`.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use jiff::Timestamp;

use crate::working_directory::WorkingDirectory;

const OPEN: &str = "[[period]]\nname = \"open\"\nstart = 2020-01-01T00:00:00Z\n";
const LONG: &str = "[[period]]\nname = \"long\"\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\n";
const FOR: &str = "[[period]]\nname = \"for\"\nstart = 2020-01-01T00:00:00Z\nfor = \"900y\"\n";
const OVER: &str = "[[period]]\nname = \"over\"\nstart = 2020-01-01T00:00:00Z\nend = 2020-01-02T00:00:00Z\n";
const LATER: &str = "[[period]]\nname = \"later\"\nstart = 2999-01-01T00:00:00Z\n";
const OFF: &str = "[[period]]\nname = \"off\"\nstart = 2020-01-01T00:00:00Z\nenabled = false\n";

/// Identifies a version of the file. Any write changes it.
fn stamp(directory: &WorkingDirectory) -> (u64, i64, i64, String) {
    let metadata = fs::metadata(directory.file()).unwrap();
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec(), directory.text())
}

#[track_caller]
fn assert_writes_nothing(file: &str, arguments: &[&str], code: i32, texts: &[&str]) {
    let directory = WorkingDirectory::with(file);
    let before = stamp(&directory);
    let run = directory.run(arguments);
    run.prints(code, texts);
    assert_eq!(stamp(&directory), before);
    assert!(!run.stdout.contains("edited"), "{run:?}");
}

#[test]
fn it_ends_the_period_that_start_began() {
    let directory = WorkingDirectory::with("# mine\n");
    directory.run(&["start"]).prints(0, &[]);
    let edited = format!("edited {}\n", directory.file().canonicalize().unwrap().display());
    directory.run(&["end"]).prints(0, &[&edited, "ended the period at line 3", "up; no downtime is planned"]);
    let period = directory.period(0);
    let [start, end] = ["start", "end"].map(|key| period[key].to_string().parse::<Timestamp>().unwrap());
    assert!(start < end, "{period}");
    directory.run(&["status"]).prints(0, &["up"]);
}

#[test]
fn it_ends_a_downtime_that_start_began_for_a_length_of_time() {
    for name in [&[][..], &["--name", "db"]] {
        let directory = WorkingDirectory::with("# mine\n");
        directory.run(&[&["start", "--for", "30m"], name].concat()).prints(0, &["down until"]);
        directory.run(&["end"]).prints(0, &["ended ", "up; no downtime is planned"]);
        let keys: Vec<_> =
            directory.period(0).into_iter().map(|(key, _)| key).filter(|key| key != "name").collect();
        assert_eq!(keys, ["end", "start", "unscheduled"]);
        directory.run(&["end"]).prints(0, &["nothing to end: no period is active", "up"]);
    }
}

#[test]
fn without_a_name_it_ends_unscheduled_periods_early() {
    let unscheduled = format!("{LONG}unscheduled = true\n");
    let directory = WorkingDirectory::with(&[&unscheduled, FOR, LATER, "unscheduled = true\n"].concat());
    directory.run(&["end"]).prints(3, &["ended \"long\"\n", "still down because of \"for\""]);
    assert!(directory.period(2).get("enabled").is_none(), "a future period stays");
    let series = format!("{SERIES}unscheduled = true\n");
    WorkingDirectory::with(&series).run(&["end"]).prints(0, &["ended this occurrence of \"series\""]);
}

#[test]
fn it_suggests_the_command_that_ends_what_is_still_active() {
    let unnamed = LONG.replace("name = \"long\"\n", "");
    let directory = WorkingDirectory::with(&unnamed);
    let still = "still down because of the period at line 1, until 2999-01-01 00:00:00 +00:00; to end it: downtime end --line 1 --sha256 ";
    directory.run(&["end"]).prints(3, &["nothing to end: all active periods have a planned end", still]);
    directory.write(&[&unnamed, LONG].concat());
    let both = directory.run(&["end"]);
    both.prints(3, &[still, "to end it: downtime end long\n"]);
    directory.run(&line_command(&both.stdout)).prints(3, &["ended the period at line 1\n"]);
    assert!(directory.text().ends_with(LONG));
    let unscheduled = format!("{unnamed}unscheduled = true\n");
    directory.write(&[FOR, &unscheduled].concat());
    let alone = "still down because of the period at line 5, until 2999-01-01 00:00:00 +00:00; to end it: downtime end\n";
    directory.run(&["end", "for"]).prints(3, &["ended \"for\"", alone]);
    directory.write(&[FOR, &unscheduled, &unscheduled].concat());
    let both = directory.run(&["end", "for"]);
    both.prints(3, &["line 5, until 2999-01-01 00:00:00 +00:00; to end it: downtime end --line 5 --sha256 "]);
    let one = directory.run(&line_command(&both.stdout));
    one.prints(
        3,
        &[
            "ended the period at line 5\n",
            "line 9, until 2999-01-01 00:00:00 +00:00; to end it: downtime end\n",
        ],
    );
    directory.write(&[FOR, &unscheduled, &unscheduled].concat());
    directory.run(&["end", "for"]).prints(3, &["to end it: downtime end --line "]);
    directory.run(&["end"]).prints(0, &["ended the period at line 5", "up"]);
    directory.write(&format!("{LONG}paths = [\"/shop/**\"]\n"));
    let with_option = directory.run(&["-c", "./downtime.toml", "end"]);
    with_option.prints(
        3,
        &["still partly down because of \"long\"", "to end it: downtime -c ./downtime.toml end long\n"],
    );
}

/// Returns the arguments of the first `downtime end --line …` in an output.
fn line_command(output: &str) -> Vec<&str> {
    let (_, command) = output.split_once("downtime end --line ").unwrap();
    let command = command.lines().next().unwrap();
    ["end", "--line"].into_iter().chain(command.split(' ')).collect()
}

#[test]
fn a_period_to_come_without_a_name_is_cancelled_by_the_command_of_status() {
    let directory = WorkingDirectory::with("# mine\n");
    let started = directory.run(&["start", "--at", "2999-01-01T00:00:00Z", "--message", "Moving."]);
    let status = directory.run(&["status"]);
    let line =
        "cancel    the period at line 3, which starts at 2999-01-01 00:00:00 +00:00: downtime end --line 3";
    status.prints(0, &[line]);
    assert_eq!(line_command(&status.stdout), line_command(&started.stdout));
    let shown = "period    the period at line 3: to come\n    Tue 2999-01-01 00:00 +00  open-ended";
    let cancelled = "the period at line 3 had not started; it is now disabled: to plan it again, remove `enabled = false`\n";
    directory.run(&line_command(&status.stdout)).prints(0, &[shown, cancelled, "up; no downtime"]);
    assert!(directory.text().ends_with("message = \"Moving.\"\nenabled = false\n"), "{}", directory.text());
    assert!(!directory.run(&["status"]).stdout.contains("cancel"));
}

#[test]
fn a_line_of_a_file_that_has_changed_is_refused() {
    let directory = WorkingDirectory::with(&LATER.replace("name = \"later\"\n", ""));
    let status = directory.run(&["status"]).stdout;
    let more = format!("{}{}", LATER.replace("later", "first"), directory.text());
    directory.write(&more);
    let changed = "the file has changed, so line 1 may be another period: nothing was written";
    let help =
        "`downtime --check` shows the line of each period; then run `downtime end --line LINE --sha256 ";
    directory.run(&line_command(&status)).refuses(1, &[changed, help]);
    assert_eq!(directory.text(), more);
    let now = directory.run(&["status"]).stdout;
    let mut arguments = line_command(&now);
    arguments[2] = "2";
    directory.run(&arguments).refuses(1, &["no period begins at line 2", help]);
}

#[test]
fn without_a_name_it_ends_active_periods_that_are_open_ended() {
    let unnamed = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";
    let directory = WorkingDirectory::with(&[OPEN, LONG, FOR, OVER, LATER, OFF, unnamed].concat());
    let run = directory.run(&["end"]);
    run.prints(3, &["ended \"open\"\nended the period at line 23\n"]);
    let now = directory.period(0)["end"].to_string();
    let end = format!("end = {now}\n");
    assert_eq!(directory.text(), [OPEN, &end, LONG, FOR, OVER, LATER, OFF, unnamed, &end].concat());
}

#[test]
fn while_still_down_it_names_the_periods_their_ends_and_the_commands_to_end_them() {
    let directory = WorkingDirectory::with(&[OPEN, LONG, FOR].concat());
    let run = directory.run(&["end"]);
    run.prints(
        3,
        &[
            "still down because of \"long\", until 2999-01-01 00:00:00 +00:00; to end it: downtime end long\n",
            "still down because of \"for\", until 29",
            "; to end it: downtime end for\n",
        ],
    );
    directory.run(&["end", "long"]).prints(3, &["ended \"long\"", "downtime end for\n"]);
    directory.run(&["end", "for"]).prints(0, &["ended \"for\"", "up"]);
}

#[test]
fn a_name_ends_only_that_period() {
    let directory = WorkingDirectory::with(&[OPEN, LONG].concat());
    directory.run(&["end", "open"]).prints(3, &["ended \"open\""]);
    assert!(directory.text().ends_with(LONG));
}

#[test]
fn it_replaces_an_end_or_a_for() {
    let directory = WorkingDirectory::with(LONG);
    directory.run(&["end", "long"]).prints(0, &["ended \"long\""]);
    assert!(!directory.text().contains("2999"));
    let directory = WorkingDirectory::with(FOR);
    directory.run(&["end", "for"]).prints(0, &["ended \"for\""]);
    assert!(!directory.period(0).contains_key("for"));
    assert!(directory.period(0).contains_key("end"));
}

#[test]
fn a_period_that_is_over_is_reported_and_not_changed() {
    assert_writes_nothing(
        OVER,
        &["end", "over"],
        0,
        &["nothing to end: \"over\" already ended at 2020-01-02", "up"],
    );
    assert_writes_nothing(
        &[OVER, LONG].concat(),
        &["end", "over"],
        3,
        &["already ended at", "downtime end long"],
    );
}

#[test]
fn a_disabled_period_has_nothing_to_end() {
    assert_writes_nothing(OFF, &["end", "off"], 0, &["nothing to end: \"off\" is disabled", "up"]);
}

#[test]
fn a_future_period_is_disabled() {
    let directory = WorkingDirectory::with(LATER);
    directory.run(&["end", "later"]).prints(
        0,
        &["\"later\" had not started; it is now disabled: to plan it again, remove `enabled = false`", "up"],
    );
    assert_eq!(directory.text(), format!("{LATER}enabled = false\n"));
    let directory = WorkingDirectory::with(&format!("{LATER}enabled = true # for now\n"));
    directory.run(&["end", "later"]).prints(0, &[]);
    assert_eq!(directory.text(), format!("{LATER}enabled = false # for now\n"));
}

#[test]
fn all_ends_every_active_period() {
    let directory = WorkingDirectory::with(&[OPEN, LONG, FOR, OVER, LATER, OFF].concat());
    directory
        .run(&["end", "--all"])
        .prints(0, &["ended \"open\"\nended \"long\"\nended \"for\"\n", "up; the next"]);
    let untouched = [OVER, LATER, OFF].concat();
    assert!(directory.text().ends_with(&untouched), "{}", directory.text());
}

#[test]
fn with_nothing_to_end_it_says_so_and_exits_with_0_if_up() {
    assert_writes_nothing("# nothing\n", &["end"], 0, &["nothing to end", "up"]);
    assert_writes_nothing(&[OVER, LATER, OFF].concat(), &["end", "--all"], 0, &["nothing to end", "up"]);
    assert_writes_nothing(
        LONG,
        &["end"],
        3,
        &["nothing to end", "still down because of \"long\"", "downtime end long\n"],
    );
}

#[test]
fn an_unknown_name_is_refused_with_a_suggestion() {
    let directory = WorkingDirectory::with(&[OPEN, LONG].concat());
    let before = stamp(&directory);
    directory
        .run(&["end", "opem"])
        .refuses(1, &["no period is named \"opem\"", "did you mean `downtime end open`?"]);
    directory.run(&["end", "xyz"]).refuses(1, &["no period is named \"xyz\"", "open, long"]);
    directory.run(&["end", ""]).refuses(1, &["no period is named \"\""]);
    assert_eq!(stamp(&directory), before);
    let none = ["no period is named \"db\"", "the file has no period"];
    WorkingDirectory::with("# nothing\n").run(&["end", "db"]).refuses(1, &none);
    let lines =
        "`downtime --check` shows the line of each period; then run `downtime end --line LINE --sha256 ";
    WorkingDirectory::with("[[period]]\nstart = 2020-01-01T00:00:00Z\n")
        .run(&["end", "db"])
        .refuses(1, &[lines]);
}

#[test]
fn the_suggested_command_is_quoted_for_a_shell() {
    let name = "it's \"$HOME\" -- é";
    let directory = WorkingDirectory::with("# mine\n");
    directory
        .run(&["start", "--name", name, "--at", "2020-01-01T00:00:00Z", "--until", "2999-01-01T00:00:00Z"])
        .prints_with_warnings(0, &[]);
    let run = directory.run(&["end"]);
    let (_, command) = run.stdout.rsplit_once("to end it: downtime ").unwrap();
    let script = format!("exec \"$0\" {command}");
    let ended = std::process::Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_downtime")])
        .current_dir(directory.path())
        .env_remove("DOWNTIME_CONFIG")
        .output();
    assert_eq!(ended.unwrap().status.code(), Some(0), "{command}");
    directory.run(&["status"]).prints(0, &["up"]);
}

#[test]
fn a_name_may_look_like_an_option() {
    let directory = WorkingDirectory::with(
        "[[period]]\nname = \"--all\"\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\n",
    );
    directory.run(&["end"]).prints(3, &["to end it: downtime end -- --all\n"]);
    directory.run(&["end", "--", "--all"]).prints(0, &["ended \"--all\""]);
}

/// Always active: each occurrence lasts until after the next one starts.
const SERIES: &str = "[[period]]\nname = \"series\"\ncron = \"0 0 1 * *\"\nfor = \"40days\"  # long\nend = 2999-01-01T00:00:00Z\n";

#[test]
fn only_the_active_occurrence_of_a_series_ends_and_this_can_be_undone_by_hand() {
    for arguments in [&["end", "series"][..], &["end", "--all"]] {
        let directory = WorkingDirectory::with(SERIES);
        directory.run(&["status"]).prints(3, &["\"series\""]);
        let ended = "ended this occurrence of \"series\"; the next one starts at ";
        directory.run(arguments).prints(0, &[ended, "up; the next downtime starts at "]);
        let text = directory.text();
        let (before, except) = text.split_once("except = [").unwrap();
        assert_eq!(before, SERIES);
        assert!(except.contains("-01T00:00:00Z"), "{except}");
        let undone: String =
            text.lines().filter(|line| !line.starts_with("except")).map(|l| l.to_owned() + "\n").collect();
        assert_eq!(undone, SERIES);
        directory
            .run(&["end", "series"])
            .prints(0, &["nothing to end: \"series\" is not active now; the next one starts at "]);
        assert_eq!(directory.text(), text);
    }
}

#[test]
fn what_leaves_out_one_occurrence_is_said_before_it_starts() {
    for (cron, value) in [("0 3 1 1 *", "-01-01`"), ("0 3,4 1 1 *", "-01-01T03:00:00`")] {
        let file = format!("[[period]]\nname = \"new-year\"\ncron = \"{cron}\"\nfor = \"1m\"\n");
        let directory = WorkingDirectory::with(&file);
        let texts = [
            "; to leave out only that one, add `",
            &format!("{value} to its `except` (line 1); to disable all, set `enabled = false` in its table"),
        ];
        directory.run(&["end", "new-year"]).prints(0, &texts);
        assert_eq!(directory.text(), file);
    }
}

#[test]
fn without_a_name_it_ends_no_series() {
    assert_writes_nothing(
        SERIES,
        &["end"],
        3,
        &["nothing to end", "still down because of \"series\"", "downtime end series"],
    );
}
