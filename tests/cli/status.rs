//! `downtime status`, where no server is asked.

use crate::folder::Folder;

const DOWN: &str = "[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\n";

#[test]
fn up_is_0_down_is_3_and_it_says_that_it_read_the_file() {
    for (file, code, text) in [
        ("# nothing\n", 0, "up; no downtime is planned\n"),
        (
            "[[period]]\nstart = 2999-01-01T00:00:00Z\n",
            0,
            "up; the next downtime starts at 2999-01-01 00:00:00",
        ),
        ("[[period]]\nstart = 2020-01-01T00:00:00Z\nenabled = false\n", 0, "up; no downtime is planned\n"),
        ("[[period]]\nstart = 2020-01-01T00:00:00Z\n", 3, "down, with no known end: the period at line 1\n"),
        (DOWN, 3, "down until 2999-01-01 00:00:00 +00:00, in "),
    ] {
        let source = "(as ./downtime.toml says; the running server was not asked)\n";
        Folder::with(file).run(&["status"]).prints(code, &[text, source]);
    }
}

#[test]
fn a_file_with_mistakes_is_1() {
    let folder = Folder::with("[response]\nstatus = 404\n");
    folder.run(&["status"]).refuses(1, &["--> ./downtime.toml:2:10", "the state is not known"]);
}

#[test]
fn it_is_json_for_programs() {
    let run = Folder::with(DOWN).run(&["status", "--format", "json"]);
    run.prints(3, &[]);
    let json = run.json();
    assert_eq!((&json["state"], &json["source"]), (&"down".into(), &"file".into()));
    assert_eq!((&json["until"], &json["periods"][0]["name"]), (&"2999-01-01T00:00:00Z".into(), &"db".into()));
    let invalid = Folder::with("colour = 1\n").run(&["status", "--format", "json"]);
    invalid.prints(1, &[]);
    assert_eq!((&invalid.json()["valid"], &invalid.json()["state"]), (&false.into(), &().into()));
}
