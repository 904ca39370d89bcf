//! `downtime start`, sentence by sentence.

use toml::value::Datetime;

use crate::folder::Folder;

const OVER: &str = "\
[[period]]
name = \"db\"                    # of operations
start = 2020-01-01T00:00:00Z
end = 2020-01-02T00:00:00Z
message = \"Back soon.\"
";

#[track_caller]
fn date(period: &toml::Table, key: &str) -> String {
    let date: Datetime = period[key].clone().try_into().unwrap();
    date.to_string()
}

fn keys(period: &toml::Table) -> Vec<&str> {
    period.keys().map(String::as_str).collect()
}

#[test]
fn with_no_options_it_is_down_from_now_on() {
    let folder = Folder::with("# mine\n");
    let edited = format!("edited {}\n", folder.file().canonicalize().unwrap().display());
    let run = folder.run(&["start"]);
    run.prints(0, &["down, with no known end"]);
    assert!(run.stdout.starts_with(&edited), "{run:?}");
    assert_eq!(keys(&folder.period(0)), ["start"]);
    folder.run(&["status"]).prints(3, &["down"]);
    assert!(folder.text().starts_with("# mine\n\n[[period]]\nstart = "));
}

#[test]
fn each_start_without_a_name_is_a_period_of_its_own() {
    let folder = Folder::with("# mine\n");
    folder.run(&["start"]).prints(0, &[]);
    folder.run(&["start"]).prints(0, &[]);
    assert_eq!(folder.text().matches("[[period]]").count(), 2);
}

#[test]
fn what_is_given_is_written() {
    let folder = Folder::with("timezone = \"Europe/Berlin\"\n");
    let message = "He said \"no\" \\ 'yes'\n\t{{ é }} # none";
    let at = "2999-06-01T02:00:00";
    folder
        .run(&["start", "--name", "db", "--message", message, "--at", at, "--for", "1h 30m"])
        .prints(0, &["\"db\""]);
    let period = folder.period(0);
    assert_eq!((period["name"].as_str(), period["message"].as_str()), (Some("db"), Some(message)));
    assert_eq!(
        (date(&period, "start").as_str(), period["for"].as_str()),
        ("2999-06-01T02:00:00+02:00", Some("1h 30m"))
    );
    assert!(!period.contains_key("end"));
}

#[test]
fn an_end_is_written_with_its_offset() {
    let folder = Folder::with("timezone = \"Europe/Berlin\"\n");
    for (index, (until, written)) in [
        ("2999-06-01T02:00:00", "2999-06-01T02:00:00+02:00"),
        ("2999-12-01T02:00:00", "2999-12-01T02:00:00+01:00"),
        ("2999-06-01T00:00:00Z", "2999-06-01T02:00:00+02:00"),
    ]
    .into_iter()
    .enumerate()
    {
        folder.run(&["start", "--until", until]).prints(0, &["down until 2999-"]);
        assert_eq!(date(&folder.period(index), "end"), written);
    }
}

#[test]
fn in_the_hour_that_comes_twice_at_is_the_first_and_until_the_second() {
    let folder = Folder::with("timezone = \"Europe/Berlin\"\n");
    let twice = "2030-10-27T02:30:00";
    folder.run(&["start", "--at", twice, "--until", twice]).prints(0, &[]);
    let period = folder.period(0);
    let written = (date(&period, "start"), date(&period, "end"));
    assert_eq!(written, ("2030-10-27T02:30:00+02:00".into(), "2030-10-27T02:30:00+01:00".into()));
}

#[test]
fn one_that_is_to_come_leaves_the_site_up() {
    let folder = Folder::with("# mine\n");
    let run = folder.run(&["start", "--name", "db", "--at", "2999-06-01T02:00:00Z"]);
    run.prints(0, &["\"db\" starts at 2999-06-01 02:00:00", "up; the next downtime starts at 2999-06-01"]);
    folder.run(&["status"]).prints(0, &["up"]);
}

#[test]
fn an_end_that_is_not_after_the_start_is_refused() {
    let folder = Folder::with("# mine\n");
    for arguments in [
        &["start", "--until", "2000-01-01T00:00:00Z"][..],
        &["start", "--at", "2999-01-01T00:00:00Z", "--until", "2999-01-01T00:00:00Z"],
    ] {
        folder.run(arguments).refuses(1, &["--until is not after the start"]);
    }
    let too_long = folder.run(&["start", "--for", "9000y"]);
    too_long.refuses(1, &["after the year 9999", "the edited file would not be valid: nothing was written"]);
    assert_eq!(folder.text(), "# mine\n");
}

#[test]
fn a_name_that_is_over_gets_the_new_values_in_its_own_table() {
    let folder = Folder::with(OVER);
    folder
        .run(&["start", "--name", "db", "--for", "2h", "--message", "Again."])
        .prints(0, &["\"db\" has started"]);
    let text = folder.text();
    let start = date(&folder.period(0), "start");
    let expected = format!(
        "[[period]]\nname = \"db\"                    # of operations\nstart = {start}\nmessage = \"Again.\"\nfor = \"2h\"\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn a_name_that_is_over_loses_the_end_that_it_had() {
    for old in ["end = 2020-01-02T00:00:00Z", "for = \"1h\""] {
        let folder = Folder::with(&OVER.replace("end = 2020-01-02T00:00:00Z", old));
        folder.run(&["start", "--name", "db"]).prints(0, &["down, with no known end: \"db\""]);
        assert_eq!(keys(&folder.period(0)), ["name", "start"], "{old}");
        let folder = Folder::with(&OVER.replace("end = 2020-01-02T00:00:00Z", old));
        folder
            .run(&["start", "--name", "db", "--until", "2999-01-01T00:00:00Z"])
            .prints(0, &["down until 2999"]);
        assert_eq!(keys(&folder.period(0)), ["end", "name", "start"], "{old}");
    }
}

#[test]
fn a_name_that_is_over_and_off_is_enabled_again() {
    let folder = Folder::with(&format!("{OVER}enabled = false # done\n"));
    folder.run(&["start", "--name", "db"]).prints(0, &["down"]);
    assert!(folder.text().ends_with("enabled = true # done\n"), "{}", folder.text());
}

#[test]
fn a_name_that_is_not_over_is_refused() {
    for (period, state) in [
        ("start = 2020-01-01T00:00:00Z", "is active already"),
        ("start = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z", "is active already"),
        ("start = 2999-01-01T00:00:00Z", "is yet to come"),
        ("start = 2020-01-01T00:00:00Z\nenabled = false", "is not enabled"),
    ] {
        let file = format!("[[period]]\nname = \"db\"\n{period}\n");
        let folder = Folder::with(&file);
        folder.run(&["start", "--name", "db", "--for", "1h"]).refuses(1, &["\"db\" (line 1)", state]);
        assert_eq!(folder.text(), file);
    }
}

#[test]
fn a_file_with_mistakes_is_shown_and_not_edited() {
    for file in ["", " \n", "[response]\nstatus = 404\n", "colour = 1\n", "[[period]\n"] {
        let folder = Folder::with(file);
        let texts = ["--> ./downtime.toml:", "the file is not valid: nothing was written"];
        folder.run(&["start"]).refuses(1, &texts);
        folder.run(&["end"]).refuses(1, &texts);
        assert_eq!(folder.text(), file);
    }
}

#[test]
fn a_scope_is_written_and_that_part_alone_is_down() {
    let folder = Folder::with("# mine\n");
    let scope = ["start", "--host", "shop.example.com", "--host", "*.example.org", "--path", "/checkout/**"];
    folder.run(&scope).prints(0, &["an unscheduled downtime has started", "partly down"]);
    let period = folder.period(0);
    assert_eq!(period["hosts"].to_string(), "[\"shop.example.com\", \"*.example.org\"]");
    assert_eq!(period["paths"].to_string(), "[\"/checkout/**\"]");
    folder.run(&["status"]).prints(3, &[]);
    for (option, text) in [("--host", "http://shop.example.com/"), ("--path", "checkout")] {
        folder.run(&["start", option, text]).refuses(1, &["nothing was written"]);
    }
}

#[test]
fn a_name_of_a_recurring_period_is_refused() {
    let folder = Folder::with("[[period]]\nname = \"series\"\ncron = \"0 0 1 * *\"\nfor = \"1h\"\n");
    folder.run(&["start", "--name", "series"]).refuses(1, &["\"series\" (line 1) is recurring"]);
}
