//! What an edit changes, and what waits for the next start.

use super::watching::{Behaviour, Watching};
use super::{await_message, saying};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    another_listen_address_is_said_to_wait_and_the_rest_is_applied,
    the_level_of_the_log_is_changed_while_it_runs,
    access_lines_are_turned_on_and_off_by_an_edit,
    a_site_that_is_taken_down_and_brought_back_by_edits_is_so,
    warnings_are_logged_in_a_line_each_and_notes_are_not,
];

fn another_listen_address_is_said_to_wait_and_the_rest_is_applied(watching: Watching) {
    let gateway = watching.start("");
    let listen = "[server]\nlisten = [\"127.0.0.1:1\"]\n";
    gateway.apply(&format!("{}{listen}", saying("the rest")));
    gateway.log().wait_for("listen takes effect at the next start");
    assert!(gateway.get("/", &[]).text().contains("the rest"));
    gateway.apply(&format!("{}{listen}", saying("more")));
    assert!(gateway.get("/", &[]).text().contains("more"));
}

fn the_level_of_the_log_is_changed_while_it_runs(watching: Watching) {
    let gateway = watching.start("");
    let set = |level: &str| {
        gateway.edit(&format!("{}[log]\nlevel = \"{level}\"\n", saying(level)));
        await_message(&gateway, level);
    };
    set("error");
    set("warn");
    set("debug");
    // What it says of an edit is said at the level before.
    set("info");
    gateway.log().wait_for("down, with no known end");
    gateway.log().wait_for_line("of info", |line| line.contains(" applied "));
    assert_eq!(gateway.log().count(" applied "), 2, "{}", gateway.log().text());
}

fn access_lines_are_turned_on_and_off_by_an_edit(watching: Watching) {
    let gateway = watching.start("");
    gateway.get("/before?secret", &[]);
    gateway.apply(&format!("{}[log]\naccess = true\n", saying("on")));
    gateway.get("/meanwhile?secret", &[]);
    gateway.log().wait_for("/meanwhile");
    gateway.apply(&saying("off"));
    gateway.get("/after?secret", &[]);
    gateway.apply(&saying("settled"));
    assert_eq!((gateway.log().count("/before"), gateway.log().count("/after")), (0, 0));
    assert_eq!(gateway.log().count("secret"), 0);
}

fn a_site_that_is_taken_down_and_brought_back_by_edits_is_so(watching: Watching) {
    let gateway = watching.start("");
    for _ in 0..watching.times(3, 2) {
        gateway.apply(&saying("down"));
        assert_eq!(gateway.get("/", &[]).status, 503);
        gateway.apply("");
        assert_eq!(gateway.get("/", &[]).status, 200);
    }
}

fn warnings_are_logged_in_a_line_each_and_notes_are_not(watching: Watching) {
    let over = "[[period]]\nstart = 2020-01-01T00:00:00Z\nfor = \"1h\"\n";
    let gateway = watching.start(&format!("{over}[exempt]\npaths = [\"/admin\"]\n"));
    assert_eq!(gateway.log().count("only `/admin`, and nothing below it (write `/admin/**`"), 1);
    gateway.apply(&format!("{over}[exempt]\npaths = [\"/**\"]\n"));
    gateway.log().wait_for("this exempts every path");
    gateway.apply(&saying("settled"));
    assert_eq!(gateway.log().count("this exempts every path"), 1);
    assert_eq!(gateway.log().count("is over"), 0, "{}", gateway.log().text());
}
