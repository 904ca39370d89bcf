//! `downtime prune`.

use crate::working_directory::WorkingDirectory;

const OVER: &str = "[[period]] # the first\nname = \"over\"\n# why\nstart = 2020-01-01T00:00:00Z\nend = 2020-01-02T00:00:00Z # sharp\n";
const KEPT: [&str; 4] = [
    "[[period]]\nname = \"open\"\nstart = 2020-01-01T00:00:00Z\nenabled = false\n",
    "[[period]]\nname = \"series\"\ncron = \"0 0 1 * *\"\nfor = \"1h\"\nend = 2021-01-01T00:00:00Z\n",
    "[[period]]\nname = \"later\"\nstart = 2999-01-01T00:00:00Z\nfor = \"1h\"\n",
    "[[period]]\nname = \"long\"\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\nenabled = false\n",
];

#[test]
fn periods_that_ended_long_ago_are_printed_and_removed() {
    let kept = KEPT.join("\n");
    let unnamed = "[[period]]\nstart = 2020-01-01T00:00:00Z\nfor = \"1h\"\nenabled = false\n";
    let directory = WorkingDirectory::with(&format!("# mine\n\n# above\n{OVER}\n{kept}\n{unnamed}# below\n"));
    let run = directory.run(&["prune"]);
    let printed = format!("{OVER}\n{unnamed}\nedited ");
    run.prints_with_warnings(0, &["removed 2 periods\n", "up; the next downtime starts at 2999-01-01"]);
    assert!(run.stdout.starts_with(&printed), "{run:?}");
    assert_eq!(directory.text(), format!("# mine\n\n# above\n\n{kept}\n# below\n"));
    directory
        .run(&["prune"])
        .prints_with_warnings(0, &["nothing to remove: no one-off period ended more than 90 days ago"]);
}

#[test]
fn only_those_older_than_the_given_time_are_removed() {
    let directory = WorkingDirectory::with("# mine\n");
    directory.run(&["start", "--name", "new"]).prints(0, &[]);
    directory.run(&["end"]).prints(0, &[]);
    let text = directory.text();
    directory.run(&["prune", "--older", "1day"]).prints(0, &["nothing to remove", "more than 1 day ago"]);
    assert_eq!(directory.text(), text);
    crate::support::until("a millisecond", || {
        directory.run(&["prune", "--older", "1ms"]).stdout.contains("removed 1 period\n").then_some(())
    });
    assert_eq!(directory.text(), "# mine\n\n");
}

#[test]
fn a_file_with_nothing_else_stays_valid() {
    for (file, left) in [
        (OVER.to_owned(), "# no periods\n".to_owned()),
        (OVER.replace('\n', "\r\n"), "# no periods\r\n".to_owned()),
        (format!("\u{feff}{OVER}"), "\u{feff}# no periods\n".to_owned()),
        ("period = [{ start = 2020-01-01T00:00:00Z, for = \"1h\" }]\n".into(), "period = []\n".into()),
    ] {
        let directory = WorkingDirectory::with(&file);
        directory.run(&["prune"]).prints(0, &["removed 1 period\n", "up"]);
        assert_eq!(directory.text(), left);
        directory.run(&["status"]).prints(0, &["up"]);
    }
}
