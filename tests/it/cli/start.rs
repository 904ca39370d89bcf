//! `downtime start`.

use toml::value::Datetime;

use crate::working_directory::{CommandOutput, WorkingDirectory, output};

const OVER: &str = "\
[[period]]
name = \"db\"                    # of operations
start = 2020-01-01T00:00:00Z
end = 2020-01-02T00:00:00Z
message = \"Back soon.\"
";

#[track_caller]
fn date_time(period: &toml::Table, key: &str) -> String {
    let value: Datetime = period[key].clone().try_into().unwrap();
    value.to_string()
}

fn keys(period: &toml::Table) -> Vec<&str> {
    period.keys().map(String::as_str).collect()
}

#[test]
fn without_options_the_site_is_down_from_now_on() {
    let directory = WorkingDirectory::with("# mine\n");
    let edited = format!("edited {}\n", directory.file().canonicalize().unwrap().display());
    let run = directory.run(&["start"]);
    run.prints(0, &["down, with no known end"]);
    assert!(run.stdout.starts_with(&edited), "{run:?}");
    assert_eq!(keys(&directory.period(0)), ["start", "unscheduled"]);
    directory.run(&["status"]).prints(3, &["down"]);
    assert!(directory.text().starts_with("# mine\n\n[[period]]\nstart = "));
    assert!(directory.text().ends_with("\nunscheduled = true\n"));
}

#[test]
fn a_time_that_clocks_skip_is_said_to_be_after_the_gap() {
    let directory = WorkingDirectory::with("timezone = \"Europe/Berlin\"\n");
    let note = "--at: the clocks of Europe/Berlin skip this time: the first instant after the gap is used";
    directory.run(&["start", "--at", "2999-03-31T02:30:00", "--for", "1h"]).prints(0, &[note]);
    assert_eq!(date_time(&directory.period(0), "start"), "2999-03-31T03:00:00+02:00");
}

#[test]
fn the_options_are_written_to_the_file() {
    let directory = WorkingDirectory::with("timezone = \"Europe/Berlin\"\n");
    let message = "He said \"no\" \\ 'yes'\n\t{{ é }} # none";
    let at = "2999-06-01T02:00:00";
    directory
        .run(&["start", "--name", "db", "--message", message, "--at", at, "--for", "1h 30m"])
        .prints(0, &["\"db\""]);
    let period = directory.period(0);
    assert_eq!((period["name"].as_str(), period["message"].as_str()), (Some("db"), Some(message)));
    assert_eq!(
        (date_time(&period, "start").as_str(), period["for"].as_str()),
        ("2999-06-01T02:00:00+02:00", Some("1h 30m"))
    );
    assert_eq!(keys(&period), ["for", "message", "name", "start"]);
}

#[test]
fn a_duration_is_written_in_days_not_in_months() {
    let directory = WorkingDirectory::with("# none\n");
    directory.run(&["start", "--at", "2999-06-01T02:00:00Z", "--for", "31d 2h"]).prints_with_warnings(0, &[]);
    assert_eq!(directory.period(0)["for"].as_str(), Some("31 days 2h"));
}

#[test]
fn a_local_time_read_as_utc_is_reported_if_the_clock_is_in_another_zone() {
    for (file, zone, arguments, expected) in [
        ("# none\n", "Europe/Berlin", ["--at", "2999-06-01T02:00"], Some("--at was read as UTC")),
        ("# none\n", "Europe/Berlin", ["--until", "2999-06-01T02:00"], Some("--until was read as UTC")),
        ("# none\n", "Europe/Berlin", ["--at", "2999-06-01T02:00:00Z"], None),
        ("# none\n", "Europe/Berlin", ["--for", "1h"], None),
        ("# none\n", "UTC", ["--at", "2999-06-01T02:00"], None),
        ("timezone = 'Asia/Tokyo'\n", "Europe/Berlin", ["--at", "2999-06-01T02:00"], None),
    ] {
        let directory = WorkingDirectory::with(file);
        let mut command = directory.command(&["start"]);
        let run = CommandOutput::from(output(command.args(arguments).env("TZ", zone)));
        assert_eq!(run.code, 0, "{run:?}");
        let expected = expected
            .map(|text| format!("{text}, the file's time zone: that is 2999-06-01 04:00:00 +02:00 in this"));
        assert_eq!(run.stdout.contains("was read as"), expected.is_some(), "{arguments:?} {run:?}");
        assert!(expected.is_none_or(|text| run.stdout.contains(&text)), "{run:?}");
    }
}

#[test]
fn a_time_of_day_is_the_next_one_and_is_said_back_in_full() {
    let directory = WorkingDirectory::with("timezone = \"Europe/Berlin\"\n");
    let run = directory.run(&["start", "--name", "db", "--at", "22:00", "--until", "21:30"]);
    let period = directory.period(0);
    let [start, end] = ["start", "end"].map(|key| date_time(&period, key));
    let shown = |time: &str| time.replace('T', " ").replace('+', " +");
    let in_full = [
        format!("\"db\" starts at {}\n", shown(&start)),
        format!("--at 22:00 is {} in Europe/Berlin\n", shown(&start)),
        format!("--until 21:30 is {} in Europe/Berlin\n", shown(&end)),
    ];
    run.prints(0, &in_full.each_ref().map(String::as_str));
    assert!(start.contains("T22:00:00+0") && end.contains("T21:30:00+0"), "{period}");
    let [start, end]: [jiff::Timestamp; 2] = [start, end].map(|time| time.parse().unwrap());
    let hours = |from: jiff::Timestamp, to: jiff::Timestamp| to.duration_since(from).as_hours();
    assert!(start > downtime::clock::now() && hours(downtime::clock::now(), start) <= 25);
    assert!(start < end && hours(start, end) <= 24, "the next one after the start");
}

#[test]
fn a_delay_plans_the_downtime() {
    let directory = WorkingDirectory::with("# mine\n");
    let before = downtime::clock::now();
    directory
        .run(&["start", "--in", "2h", "--for", "1h"])
        .prints(0, &["a planned downtime starts at", "up;"]);
    let period = directory.period(0);
    assert_eq!(keys(&period), ["for", "start"], "a planned period is not unscheduled");
    let start: jiff::Timestamp = date_time(&period, "start").parse().unwrap();
    let delay = start.duration_since(before).as_secs();
    assert!((7199..7260).contains(&delay), "{delay}");
    let refused = ["start", "--in", "9000y"];
    directory.run(&refused).refuses(1, &["--in: the downtime would start after the year 9999"]);
}

#[test]
fn a_method_limits_the_downtime_and_is_compared_without_case() {
    let directory = WorkingDirectory::with("# mine\n");
    let scope = ["start", "--method", "POST", "--method", "PUT"];
    directory.run(&scope).prints(0, &["partly down"]);
    assert_eq!(directory.period(0)["methods"].to_string(), "[\"POST\", \"PUT\"]");
    let again = ["start", "--method", "put", "--method", "post"];
    directory.run(&again).prints(0, &["was already active", "partly down"]);
    assert_eq!(directory.text().matches("[[period]]").count(), 1);
    directory.run(&["start", "--method", "any"]).refuses(1, &["--method: invalid method `any`"]);
}

#[test]
fn an_end_is_written_with_its_offset() {
    let directory = WorkingDirectory::with("timezone = \"Europe/Berlin\"\n");
    for (until, written) in [
        ("2999-06-01T02:00:00", "2999-06-01T02:00:00+02:00"),
        ("2999-12-01T02:00:00", "2999-12-01T02:00:00+01:00"),
        ("2999-06-01T00:00:00Z", "2999-06-01T02:00:00+02:00"),
    ] {
        directory.write("timezone = \"Europe/Berlin\"\n");
        directory.run(&["start", "--until", until]).prints_with_warnings(0, &["down until 2999-"]);
        assert_eq!(date_time(&directory.period(0), "end"), written);
    }
}

#[test]
fn in_a_repeated_hour_at_is_the_first_time_and_until_the_second() {
    let directory = WorkingDirectory::with("timezone = \"Europe/Berlin\"\n");
    let repeated = "2030-10-27T02:30:00";
    directory.run(&["start", "--at", repeated, "--until", repeated]).prints(0, &[]);
    let period = directory.period(0);
    let written = (date_time(&period, "start"), date_time(&period, "end"));
    assert_eq!(written, ("2030-10-27T02:30:00+02:00".into(), "2030-10-27T02:30:00+01:00".into()));
}

#[test]
fn a_future_period_leaves_the_site_up() {
    let directory = WorkingDirectory::with("# mine\n");
    let run = directory.run(&["start", "--name", "db", "--at", "2999-06-01T02:00:00Z"]);
    run.prints(0, &["\"db\" starts at 2999-06-01 02:00:00", "up; the next downtime starts at 2999-06-01"]);
    assert!(run.stdout.contains("end it with `downtime end db`\n"), "{run:?}");
    let run = directory.run(&["start", "--name", "short", "--at", "2999-07-01T02:00:00Z", "--for", "1h"]);
    assert!(!run.stdout.contains("it has no end"), "{run:?}");
    directory.run(&["status"]).prints(0, &["up"]);
}

#[test]
fn an_unnamed_future_period_says_how_to_cancel_it() {
    let directory = WorkingDirectory::with("# mine\n");
    let run = directory.run(&["start", "--at", "2999-06-01T02:00:00Z"]);
    let cancel = "to cancel it: downtime end --line 3 --sha256 ";
    let end = "it has no end: after 2999-06-01 02:00:00 +00:00, end it with `downtime end`\n";
    run.prints(0, &["a planned downtime starts at 2999-06-01", end, cancel]);
    assert_eq!(keys(&directory.period(0)), ["start"]);
}

#[test]
fn a_start_without_a_name_says_nothing_of_another_period_that_is_planned() {
    let active = "[[period]]\nstart = 2020-01-01T00:00:00Z\nunscheduled = true\n";
    let later = "[[period]]\nname = \"later\"\nstart = 2999-12-24T22:00:00Z\n";
    let run = WorkingDirectory::with(&format!("{active}\n{later}")).run(&["start", "--for", "2h"]);
    run.prints_with_warnings(0, &["it stays open-ended"]);
    assert!(!run.stdout.contains("it has no end"), "{run:?}");
}

#[test]
fn an_end_that_is_not_after_the_start_is_refused() {
    let directory = WorkingDirectory::with("# mine\n");
    for (arguments, text) in [
        (&["--until", "2000-01-01T00:00:00Z"][..], "--until is in the past: 2000-01-01"),
        (
            &["--at", "2999-01-01T00:00:00Z", "--until", "2999-01-01T00:00:00Z"],
            "--until is not after the start: 2999-01-01",
        ),
        (&["--for", "9000y"], "--for: the downtime would end after the year 9999"),
    ] {
        directory.run(&[&["start"], arguments].concat()).refuses(1, &[text]);
    }
    assert_eq!(directory.text(), "# mine\n");
}

#[test]
fn a_start_in_the_past_needs_an_end_in_the_future() {
    let directory = WorkingDirectory::with("# mine\n");
    let past = ["start", "--at", "2020-01-01T00:00:00Z"];
    for end in [&[][..], &["--for", "1h"]] {
        let run = directory.run(&[&past[..], end].concat());
        run.refuses(1, &["--at is in the past: 2020-01-01 00:00:00 +00:00", "omit --at to start now"]);
    }
    assert_eq!(directory.text(), "# mine\n");
    let until = [&past[..], &["--until", "2999-01-01T00:00:00Z"]].concat();
    let texts = ["a planned downtime has started, as of 2020-01-01", "down until 2999"];
    directory.run(&until).prints_with_warnings(0, &texts);
    assert_eq!(keys(&directory.period(0)), ["end", "start"]);
}

#[test]
fn a_named_period_that_is_over_is_reused_with_the_new_values() {
    let directory = WorkingDirectory::with(OVER);
    directory
        .run(&["start", "--name", "db", "--for", "2h", "--message", "Again."])
        .prints(0, &["\"db\" has started"]);
    let text = directory.text();
    let start = date_time(&directory.period(0), "start");
    let expected = format!(
        "[[period]]\nname = \"db\"                    # of operations\nstart = {start}\nmessage = \"Again.\"\nfor = \"2h\"\nunscheduled = true\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn a_reused_period_loses_its_old_end() {
    for old in ["end = 2020-01-02T00:00:00Z", "for = \"1h\""] {
        let directory = WorkingDirectory::with(&OVER.replace("end = 2020-01-02T00:00:00Z", old));
        directory.run(&["start", "--name", "db"]).prints(0, &["down, with no known end: \"db\""]);
        assert_eq!(keys(&directory.period(0)), ["name", "start", "unscheduled"], "{old}");
        let directory = WorkingDirectory::with(&OVER.replace("end = 2020-01-02T00:00:00Z", old));
        directory
            .run(&["start", "--name", "db", "--until", "2999-01-01T00:00:00Z"])
            .prints_with_warnings(0, &["down until 2999"]);
        assert_eq!(keys(&directory.period(0)), ["end", "name", "start", "unscheduled"], "{old}");
    }
}

#[test]
fn a_reused_period_that_is_planned_is_no_longer_unscheduled() {
    let directory = WorkingDirectory::with(&format!("{OVER}unscheduled = true\n"));
    directory
        .run(&["start", "--name", "db", "--at", "2999-01-01T00:00:00Z"])
        .prints(0, &["\"db\" starts at 2999"]);
    assert_eq!(keys(&directory.period(0)), ["name", "start"]);
}

#[test]
fn a_reused_period_that_was_disabled_is_enabled() {
    let directory = WorkingDirectory::with(&format!("{OVER}enabled = false # done\n"));
    directory.run(&["start", "--name", "db"]).prints(0, &["down"]);
    assert!(directory.text().contains("enabled = true # done\n"), "{}", directory.text());
}

#[test]
fn the_name_of_a_future_disabled_or_recurring_period_is_refused() {
    for (period, state) in [
        ("start = 2999-01-01T00:00:00Z", "it is planned to start at 2999-01-01 00:00:00 +00:00"),
        ("start = 2020-01-01T00:00:00Z\nenabled = false", "it is disabled"),
        ("cron = \"0 0 1 * *\"\nfor = \"40days\"", "it is recurring"),
    ] {
        let file = format!("[[period]]\nname = \"db\"\n{period}\n");
        let directory = WorkingDirectory::with(&file);
        directory
            .run(&["start", "--name", "db", "--for", "1h"])
            .refuses(1, &["cannot start \"db\" (line 1): ", state]);
        assert_eq!(directory.text(), file);
    }
}

/// Runs `start` on a file with one period, which is active. Returns the output and the table of the period afterwards.
#[track_caller]
fn start_again(period: &str, options: &[&str]) -> (String, toml::Table) {
    let directory = WorkingDirectory::with(&format!("[[period]]\nstart = 2020-01-01T00:00:00Z\n{period}\n"));
    let run = directory.run(&[&["start"], options].concat());
    run.prints_with_warnings(0, &["was already active, since 2020-01-01 00:00:00 +00:00\n", "down"]);
    assert_eq!(directory.text().matches("[[period]]").count(), 1, "{}", directory.text());
    (run.stdout, directory.period(0))
}

#[test]
fn the_end_of_an_active_period_is_only_moved_later() {
    const STAYS_OPEN: &str = "it stays open-ended";
    const UNTIL: &str = "end = 2500-01-01T00:00:00Z";
    let earlier: &[&str] = &["--until", "2400-01-01T00:00:00Z"];
    let later: &[&str] = &["--until", "2600-01-01T00:00:00Z"];
    let opened = "it is now open-ended, and no longer ends at 2500-01-01 00:00:00 +00:00";
    let kept = "it still ends at 2500-01-01 00:00:00 +00:00: `start` only moves an end later";
    for (period, options, text, end) in [
        ("", &[][..], STAYS_OPEN, None),
        ("", &["--for", "1h"], STAYS_OPEN, None),
        ("", later, STAYS_OPEN, None),
        (UNTIL, &[], opened, None),
        (UNTIL, earlier, kept, Some("2500-01-01T00:00:00Z")),
        (UNTIL, &["--for", "1h"], kept, Some("2500-01-01T00:00:00Z")),
        (UNTIL, &["--until", "2500-01-01T00:00:00Z"], "it still ends at 2500", Some("2500-01-01T00:00:00Z")),
        (
            UNTIL,
            later,
            "it now ends at 2600-01-01 00:00:00 +00:00 instead of 2500-",
            Some("2600-01-01T00:00:00Z"),
        ),
        ("for = \"900y\"", &[], "it is now open-ended, and no longer ends at 29", None),
        ("for = \"300y\"", later, "it now ends at 2600-", Some("2600-01-01T00:00:00Z")),
    ] {
        for (head, name) in [("name = \"db\"\n", &["--name", "db"][..]), ("unscheduled = true\n", &[])] {
            let (output, after) = start_again(&format!("{head}{period}"), &[name, options].concat());
            assert!(output.contains(text), "no {text:?}: {output}");
            let found = after.get("end").map(ToString::to_string);
            assert_eq!((found.as_deref(), after.contains_key("for")), (end, false), "{period} {options:?}");
        }
    }
}

#[test]
fn an_active_period_gets_the_given_values_and_keeps_the_rest() {
    let planned = "name = \"db\"\nend = 2500-01-01T00:00:00Z\nmessage = \"Old.\" # ours\npaths = [\"/a/**\"]";
    let keep = ["--name", "db", "--until", "2500-01-01T00:00:00Z"];
    let (_, after) = start_again(planned, &keep);
    assert_eq!(after["message"].as_str(), Some("Old."));
    assert_eq!(
        keys(&after),
        ["end", "message", "name", "paths", "start"],
        "a planned period is not unscheduled"
    );
    let (output, after) = start_again(planned, &[&keep[..], &["--message", "New."]].concat());
    assert_eq!(after["message"].as_str(), Some("New."));
    assert!(output.contains("its message was replaced"), "{output}");
    let (output, after) =
        start_again(planned, &[&keep[..], &["--path", "/b/**", "--host", "a.example"]].concat());
    assert_eq!(
        (after["paths"].to_string(), after["hosts"].to_string()),
        ("[\"/b/**\"]".into(), "[\"a.example\"]".into())
    );
    let covers = "it now covers hosts a.example and paths /b/** instead of paths /a/**\n";
    assert!(output.contains(covers), "{output}");
    let (output, _) = start_again(planned, &[&keep[..], &["--path", "/a/**"]].concat());
    assert!(!output.contains("covers") && !output.contains("edited"), "{output}");
}

#[test]
fn at_does_not_move_the_start_of_an_active_period() {
    let file = "[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\n";
    let directory = WorkingDirectory::with(file);
    let run = directory.run(&["start", "--name", "db", "--at", "2999-01-01T00:00:00Z"]);
    run.refuses(1, &["\"db\" is already active, since 2020-01-01", "omit --at"]);
    assert_eq!(directory.text(), file);
}

#[test]
fn a_second_start_without_a_name_changes_the_period_of_the_same_scope() {
    let directory = WorkingDirectory::with("# mine\n");
    directory.run(&["start", "--for", "1h"]).prints(0, &["an unscheduled downtime has started"]);
    let second = directory.run(&["start", "--message", "It takes longer."]);
    second.prints(0, &["was already active", "it is now open-ended", "its message was replaced"]);
    assert_eq!(keys(&directory.period(0)), ["message", "start", "unscheduled"]);
    let shop = ["start", "--host", "b.example", "--host", "A.example"];
    let run = directory.run(&shop);
    assert!(run.stdout.contains("an unscheduled downtime has started"), "{run:?}");
    let same = directory.run(&["start", "--host", "a.example", "--host", "b.example", "--message", "Soon."]);
    assert!(same.stdout.contains("was already active") && !same.stdout.contains("covers"), "{same:?}");
    assert_eq!(directory.text().matches("[[period]]").count(), 2);
    assert_eq!(directory.period(1)["message"].as_str(), Some("Soon."));
    directory.run(&["end"]).prints(0, &["up"]);
    directory.run(&["start"]).prints(0, &["an unscheduled downtime has started"]);
    assert_eq!(directory.text().matches("[[period]]").count(), 3);
}

#[test]
fn a_start_without_a_name_leaves_planned_and_recurring_periods_alone() {
    for period in [
        "start = 2020-01-01T00:00:00Z",
        "start = 2020-01-01T00:00:00Z\nname = \"db\"\nunscheduled = true",
        "start = 2020-01-01T00:00:00Z\nmethods = [\"POST\"]\nunscheduled = true",
        "cron = \"0 0 1 * *\"\nfor = \"40days\"\nunscheduled = true",
    ] {
        let directory = WorkingDirectory::with(&format!("[[period]]\n{period}\n"));
        let run = directory.run(&["start", "--message", "Mine."]);
        assert!(run.code == 0 && run.stdout.contains("an unscheduled downtime has started"), "{run:?}");
        assert_eq!(directory.text().matches("[[period]]").count(), 2, "{period}");
    }
}

#[test]
fn only_the_warnings_that_the_edit_causes_are_shown() {
    let before = "[exempt]\npaths = [\"/admin\"]\n[[period]]\nname = \"first\"\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\n";
    let directory = WorkingDirectory::with(before);
    let known = directory.run(&["--check"]).stderr;
    assert_eq!(known.matches("warning: ").count(), 2, "{known}");
    let run = directory.run(&["start", "--for", "1h"]);
    assert_eq!((run.code, run.stderr.matches("warning: ").count()), (0, 1), "{run:?}");
    assert!(run.stderr.starts_with("warning: this overlaps \"first\" (line 3)"), "{run:?}");
    directory.run(&["start", "--message", "The same.", "--for", "1s"]).prints(0, &["it still ends at"]);
    directory.run(&["end", "first"]).prints(3, &["because of the period at line 8"]);
}

#[test]
fn a_warning_whose_lines_have_moved_is_not_shown_again() {
    let part =
        |name| format!("[[period]]\nname = \"{name}\"\nstart = 2020-01-01T00:00:00Z\npaths = [\"/a/**\"]\n");
    let directory = WorkingDirectory::with(&[OVER, &part("a"), &part("b")].concat());
    let overlap = |run: &CommandOutput| run.stderr.matches("this overlaps \"a\" (line ").count();
    assert_eq!(overlap(&directory.run(&["--check"])), 1);
    directory
        .run(&["start", "--name", "db", "--message", "Hi.", "--for", "1h", "--path", "/b/**"])
        .prints(0, &[]);
    let check = directory.run(&["--check"]);
    assert_eq!(overlap(&check), 1);
    assert!(check.stderr.contains("\"a\" (line 8)"), "{check:?}");
}

#[test]
fn one_warning_tells_of_all_periods_that_a_downtime_without_an_end_overlaps() {
    let planned = |name| {
        format!("[[period]]\nname = \"{name}\"\nstart = 2999-01-01T00:00:00Z\npaths = [\"/{name}/**\"]\n")
    };
    let directory = WorkingDirectory::with(&["a", "b", "c", "d"].map(planned).concat());
    let run = directory.run(&["start"]);
    let message = "warning: this has no end, so it overlaps \"a\" (line 1), \"b\" (line 5), \"c\" (line 9) and 1 more\n";
    assert!(run.code == 0 && run.stderr.starts_with(message), "{run:?}");
    assert_eq!(run.stderr.matches("warning: ").count(), 1, "{run:?}");
    let run = directory.run(&["start", "--name", "e", "--in", "1h", "--for", "1h"]);
    assert!(run.stderr.contains(" and 2 more\n"), "no warning tells of the new one: {run:?}");
}

#[test]
fn a_start_during_a_series_gives_no_overlap_warning() {
    let directory =
        WorkingDirectory::with("[[period]]\nname = \"series\"\ncron = \"0 0 1 * *\"\nfor = \"40days\"\n");
    directory.run(&["start", "--message", "More."]).prints(0, &["has started"]);
    let planned = directory.run(&["start", "--at", "2999-01-01T00:00:00Z", "--for", "90days"]);
    assert!(planned.stderr.contains("warning: this overlaps \"series\""), "{planned:?}");
}

#[test]
fn an_invalid_file_is_not_edited_and_its_mistakes_are_shown() {
    for file in ["", " \n", "[response]\nstatus = 404\n", "colour = 1\n", "[[period]\n"] {
        let directory = WorkingDirectory::with(file);
        let texts = ["--> ./downtime.toml:", "the file is invalid: nothing was written"];
        directory.run(&["start"]).refuses(1, &texts);
        directory.run(&["end"]).refuses(1, &texts);
        assert_eq!(directory.text(), file);
    }
}

#[test]
fn a_scope_is_written_and_only_that_part_is_down() {
    let directory = WorkingDirectory::with("# mine\n");
    let scope = ["start", "--host", "shop.example.com", "--host", "*.example.org", "--path", "/checkout/**"];
    directory.run(&scope).prints(0, &["an unscheduled downtime has started", "partly down"]);
    let period = directory.period(0);
    assert_eq!(period["hosts"].to_string(), "[\"shop.example.com\", \"*.example.org\"]");
    assert_eq!(period["paths"].to_string(), "[\"/checkout/**\"]");
    directory.run(&["status"]).prints(3, &[]);
}

#[test]
fn an_invalid_scope_is_an_error_of_its_option() {
    let directory = WorkingDirectory::with("# mine\n");
    for (command, option, text, error, help) in [
        (
            "start",
            "--host",
            "http://shop.example.com/",
            "invalid host `http://shop.example.com/`: ",
            "write `shop.example.com`",
        ),
        ("start", "--host", "a.example,b.example", "", "write --host \"a.example\" --host \"b.example\""),
        ("start", "--host", "*", "invalid host `*`", "omit --host to cover all of them"),
        ("start", "--path", "shop", "invalid path `shop`: it does not begin with `/`", "write `/shop`"),
        ("start", "--path", "/a /b", "`/a /b` is more than one path", "write --path \"/a\" --path \"/b\""),
        (
            "start",
            "--method",
            "GET|POST",
            "invalid method `GET|POST`",
            "write --method \"GET\" --method \"POST\"",
        ),
        ("start", "--method", "any", "invalid method `any`", "omit --method to cover all of them"),
        (
            "bypass",
            "--host",
            "shop.example.com:80",
            "invalid host `shop.example.com:80`: ",
            "write `shop.example.com`",
        ),
        ("bypass", "--path", "shop", "invalid path `shop`: it does not begin with `/`", "write `/shop`"),
    ] {
        let run = directory.run(&[command, "--for", "1h", option, text]);
        run.refuses(1, &[&format!("error: {option}: {error}"), &format!("= help: {help}\n")]);
        assert!(!run.stderr.contains("downtime.toml"), "{run:?}");
    }
    assert_eq!(directory.text(), "# mine\n");
}

#[test]
fn a_message_replaces_a_table_by_language() {
    for table in ["message = { en = 'Hi', de = 'Hallo' }\n", "[period.message]\nen = 'Hi'\nde = 'Hallo'\n"] {
        let directory =
            WorkingDirectory::with(&format!("[[period]]\nname = 'a'\nstart = 2026-01-01T00:00:00Z\n{table}"));
        let run = directory.run(&["start", "--name", "a", "--message", "New"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(directory.period(0)["message"].as_str(), Some("New"), "{}", directory.text());
        assert_eq!(directory.run(&["end", "a"]).code, 0);
        assert_eq!(directory.run(&["start", "--name", "a"]).code, 0);
        assert!(!directory.period(0).contains_key("message"), "{}", directory.text());
    }
}
