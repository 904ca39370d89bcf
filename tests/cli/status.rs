//! `downtime status`, where no server is asked.

use crate::folder::Folder;

const DOWN: &str = "[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\n";

#[test]
fn up_is_0_down_is_3_and_it_says_that_it_read_the_file() {
    for (file, code, text) in [
        ("# nothing\n", 0, "state     up; no downtime is planned\n"),
        (
            "[[period]]\nstart = 2999-01-01T00:00:00Z\n",
            0,
            "up; the next downtime starts at 2999-01-01 00:00:00",
        ),
        (
            "[[period]]\nstart = 2020-01-01T00:00:00Z\nenabled = false\n",
            0,
            "state     up; no downtime is planned\n",
        ),
        (
            "[[period]]\nstart = 2020-01-01T00:00:00Z\n",
            3,
            "state     down, with no known end: the period at line 1; since 2020-01-01 00:00:00 +00:00\n",
        ),
        (DOWN, 3, "down until 2999-01-01 00:00:00 +00:00, in "),
    ] {
        let source =
            "\nsource    ./downtime.toml; the running server was not asked: there is no [management]\n";
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

#[test]
fn five_lines_say_what_visitors_get_what_changes_and_what_comes_next() {
    let scoped = "[[period]]\nname = \"shop\"\nstart = 2019-01-01T00:00:00Z\nend = 2500-01-01T00:00:00Z\nredirect = \"/sorry\"\n\
                  hosts = [\"shop.example.com\"]\n";
    let later = "[[period]]\nname = \"later\"\nstart = 2998-01-01T00:00:00Z\nend = 2998-01-02T00:00:00Z\n";
    for (file, code, lines) in [
        (
            DOWN.to_owned(),
            3,
            [
                "next      no further downtime is planned\n",
                "visitors  get the down page with 503, unless they are exempt\n",
                "change    2999-01-01 00:00:00 +00:00, in ",
                "\"db\" ends\n",
            ],
        ),
        (
            later.to_owned(),
            0,
            [
                "visitors  get the site\n",
                "change    2998-01-01 00:00:00 +00:00, in ",
                "\"later\" starts\n",
                "next      a downtime for 1 d starts at 2998-01-01 00:00:00 +00:00, in ",
            ],
        ),
        (
            scoped.to_owned() + later,
            3,
            [
                "state     partly down until 2500-01-01 00:00:00 +00:00, in ",
                "; since 2019-01-01 00:00:00 +00:00\n",
                "visitors  get a redirect to /sorry from what \"shop\" covers, and the site from the rest\n",
                "next      a downtime for 1 d starts at 2998-01-01",
            ],
        ),
    ] {
        let run = Folder::with(&file).run(&["status"]);
        run.prints(code, &lines);
        assert_eq!(run.stdout.lines().count(), 5, "{run:?}");
    }
}
