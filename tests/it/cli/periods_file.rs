//! `periods_file`: commands write to a second file, and leave the main file alone.

use std::fs;

use crate::working_directory::WorkingDirectory;

const MAIN: &str = "periods_file = \"data/periods.toml\"\n";
const IN_MAIN: &str =
    "[[period]]\nname = \"main\"\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\n";
const DB: &str = "[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\n";

/// Returns a directory with a main file and a periods file.
fn with(main: &str, periods: &str) -> WorkingDirectory {
    let directory = without(main);
    write(&directory, periods);
    directory
}

/// Returns a directory with a main file that names a periods file, which does not exist.
fn without(main: &str) -> WorkingDirectory {
    let directory = WorkingDirectory::with(&format!("{MAIN}{main}"));
    fs::create_dir(directory.path().join("data")).unwrap();
    directory
}

fn write(directory: &WorkingDirectory, periods: &str) {
    fs::write(directory.path().join("data/periods.toml"), periods).unwrap();
}

fn periods(directory: &WorkingDirectory) -> String {
    fs::read_to_string(directory.path().join("data/periods.toml")).unwrap()
}

#[test]
fn the_first_command_creates_it_and_the_main_file_stays() {
    let directory = without("# mine\n");
    let main = directory.text();
    let check = directory.run(&["--check"]);
    assert_eq!(check.code, 0, "{check:?}");
    for text in [
        "warning: the periods file ./data/periods.toml does not exist: it counts as empty",
        "downtime.toml:1:16",
    ] {
        assert!(check.stderr.contains(text), "no {text:?}: {check:?}");
    }
    directory.run(&["end", "db"]).refuses(1, &["no period is named \"db\""]);
    assert!(!directory.path().join("data/periods.toml").exists());
    let started = directory.run(&["start", "--for", "1h"]);
    let edited =
        format!("edited {}\n", directory.path().canonicalize().unwrap().join("data/periods.toml").display());
    started.prints(0, &[&edited, "down until", ": the period at line 1 of data/periods.toml\n"]);
    assert!(periods(&directory).starts_with("[[period]]\nstart = "));
    directory.run(&["status"]).prints(3, &["down since", "the period at line 1 of data/periods.toml"]);
    directory.run(&["start", "--name", "db"]).prints_with_warnings(0, &["\"db\" has started"]);
    directory
        .run(&["end"])
        .prints(0, &["ended the period at line 1 of data/periods.toml\nended \"db\"\n", "up"]);
    directory.run(&["prune", "--older", "1ms"]).prints(0, &["removed 2 periods"]);
    assert_eq!((periods(&directory).as_str(), directory.text()), ("# no periods\n", main));
}

#[test]
fn check_and_status_say_which_file_a_period_is_in() {
    let unnamed = "[[period]]\nstart = 2999-01-01T00:00:00Z\n";
    let directory = with(IN_MAIN, &[DB, unnamed].concat());
    let check = directory.run(&["--check"]);
    check.prints_with_warnings(
        0,
        &[
            "periods   ./data/periods.toml, which commands edit\n",
            "period    \"main\" (line 2): active\n",
            "period    \"db\" (line 1 of data/periods.toml): active\n",
            "period    the period at line 4 of data/periods.toml: to come\n",
        ],
    );
    assert!(check.stderr.contains("--> ./data/periods.toml:"), "a warning about it: {check:?}");
    let json = directory.run(&["--check", "--format", "json", "--url", "/"]).json();
    let files: Vec<_> = json["periods"].as_array().unwrap().iter().map(|period| &period["file"]).collect();
    assert_eq!(files, [&serde_json::Value::Null, &"data/periods.toml".into(), &"data/periods.toml".into()]);
    assert_eq!(json["decisions"][0]["file"], "data/periods.toml");
    assert_eq!(json["diagnostics"][0]["file"], "./downtime.toml");
    let cancel = "the period at line 4 of data/periods.toml, which starts at 2999-01-01 00:00:00 +00:00: downtime end --line 4";
    let status = directory.run(&["status"]);
    status.prints(3, &[cancel]);
    let (_, command) = status.stdout.split_once(": downtime ").unwrap();
    let arguments: Vec<_> = command.trim().split(' ').collect();
    directory.run(&arguments).prints_with_warnings(3, &["it is now disabled"]);
    assert!(periods(&directory).ends_with("enabled = false\n"));
    directory.run(&["bypass", "--name", "qa"]).prints_with_warnings(0, &["\"qa\" lets testers in until "]);
    let bypass = "bypass    \"qa\" (line 8 of data/periods.toml) lets testers in until ";
    for arguments in ["status", "--check"] {
        let shown = directory.run(&[arguments]);
        assert!(shown.stdout.contains(bypass), "{shown:?}");
    }
    let again = directory.run(&["bypass", "--name", "qa"]);
    again.refuses(1, &["the bypass \"qa\" (line 8 of data/periods.toml) is not over"]);
    directory.run(&["bypass", "end", "qa"]).prints_with_warnings(0, &["\"qa\" lets nobody in any more"]);
}

#[test]
fn a_directory_that_it_needs_is_named() {
    let directory = WorkingDirectory::with("periods_file = \"none/periods.toml\"\n");
    let check = directory.run(&["--check"]);
    assert!(
        check.stderr.contains("create the directory ./none; then `downtime start` creates the file"),
        "{check:?}"
    );
    let start = directory.run(&["start"]);
    let message = "could not be created: the directory ./none does not exist: nothing was changed";
    start.refuses(1, &[message, "create the directory, or correct the path"]);
}

#[test]
fn its_mistakes_are_shown_in_it() {
    for (text, places) in [
        ("[[period]]\nstart = now\n", &["--> ./data/periods.toml:2:9"][..]),
        (
            "[[period]]\nname = 1\nfor = \"x\"\n",
            &["--> ./data/periods.toml:2:8", "--> ./data/periods.toml:3:7"],
        ),
        (
            "[server]\n",
            &[
                "`server` cannot be in the periods file, which has only [[period]] and [[bypass]]",
                "--> ./data/periods.toml:1:2",
            ],
        ),
        ("periods = 1\n", &["unknown key `periods` in the periods file", "write `period`"]),
        ("\u{feff}\r\n[[period]]\r\nend = 1\r\n", &["--> ./data/periods.toml:3:7"]),
        (" \n", &["the file is empty", "--> ./data/periods.toml:1:1"]),
    ] {
        let directory = with("# mine\n", text);
        directory.run(&["--check"]).refuses(1, places);
        directory.run(&["start"]).refuses(1, &["the file is invalid: nothing was written"]);
        assert_eq!(periods(&directory), text);
    }
    let directory = with("[response]\nstatus = 1\n", "[[period]]\nend = 1\n");
    let check = directory.run(&["--check"]);
    let [main, second] =
        ["--> ./downtime.toml:3:10", "--> ./data/periods.toml:2:7"].map(|place| check.stderr.find(place));
    assert!(main.is_some() && main < second, "{check:?}");
}

#[test]
fn a_name_in_both_files_is_an_error_at_both_places() {
    let directory = with(&DB.replace("db", "both"), &format!("# one\n{}", DB.replace("db", "both")));
    directory.run(&["--check"]).refuses(
        1,
        &[
            "the name `both` is also used at line 3 of ./data/periods.toml\n --> ./downtime.toml:3:8",
            "the name `both` is already used at line 3 of ./downtime.toml\n --> ./data/periods.toml:3:8",
        ],
    );
}

#[test]
fn a_command_that_would_have_to_edit_the_main_file_is_refused() {
    let directory = with(IN_MAIN, "# none\n");
    let main = directory.text();
    let place = "\"main\" is at line 2 of ./downtime.toml, which commands do not edit";
    for arguments in
        [&["end", "main"][..], &["end", "--all"], &["extend", "--by", "1h"], &["start", "--name", "main"]]
    {
        directory.run(arguments).refuses(1, &[place, "edit it there, or move it to the periods file"]);
    }
    write(&directory, DB);
    let rest = directory.run(&["end", "--all"]);
    let still = "still down because of \"main\", until 2999-01-01 00:00:00 +00:00; to end it, edit line 2 of ./downtime.toml\n";
    rest.prints(3, &["ended \"db\"\n", still]);
    assert!(periods(&directory).contains("\nend = "));
    assert_eq!(directory.text(), main);
}

#[test]
fn an_occurrence_of_a_series_in_the_main_file_is_extended_in_it() {
    let series =
        "[[period]]\nname = \"night\"\ncron = \"0 0 1 * *\"\nfor = \"40days\"\ntemplate = \"page.html\"\n";
    let directory = with(series, "# none\n");
    fs::write(directory.path().join("page.html"), "<p>{{ message }}</p>").unwrap();
    directory.run(&["extend", "--by", "1h"]).prints_with_warnings(0, &["\"night\" continues until "]);
    let template = directory.path().canonicalize().unwrap().join("page.html");
    let text = periods(&directory);
    assert!(text.contains(&format!("template = \"{}\"\n", template.display())), "{text}");
}

#[test]
fn its_templates_are_html_files_beneath_the_directory_of_the_main_file() {
    let directory = with("# mine\n", "# none\n");
    let page = "<p>{{ message }}</p>";
    fs::write(directory.path().join("page.html"), page).unwrap();
    fs::write(directory.path().join("data/page.html"), page).unwrap();
    fs::write(directory.path().join("page.txt"), page).unwrap();
    for (template, fault) in [
        ("page.html", None),
        ("../page.html", None),
        ("../page.txt", Some("cannot name the template ./data/../page.txt: its name does not end in .html")),
        ("../../page.html", Some("it is not beneath the directory of the main file")),
        ("/etc/page.html", Some("cannot name the template /etc/page.html: it is not beneath")),
        ("nothing.html", Some("the template data/nothing.html ")),
    ] {
        write(&directory, &format!("{DB}template = \"{template}\"\n"));
        let check = directory.run(&["--check"]);
        assert_eq!(check.code, i32::from(fault.is_some()), "{template}: {check:?}");
        assert!(fault.is_none_or(|fault| check.stderr.contains(fault)), "{template}: {check:?}");
    }
}

#[test]
fn it_is_another_file_than_the_main_file() {
    for (name, message) in [
        ("downtime.toml", "the periods file is this file"),
        ("./x/../downtime.toml", "the periods file is this file"),
        ("", "the name of the periods file is empty"),
        (".", "the periods file ./. is a directory, not a file"),
    ] {
        let directory = WorkingDirectory::with(&format!("periods_file = \"{name}\"\n"));
        directory.run(&["--check"]).refuses(1, &[message]);
    }
}
