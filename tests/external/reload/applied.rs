//! The settings that an edit changes at once, and those that take effect at the next start.

use super::watching::{Behaviour, Watching};
use super::{await_message, config_with_message};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    another_listen_address_is_logged_to_need_a_restart_and_the_rest_is_applied,
    an_edit_changes_the_log_level_of_a_running_gateway,
    an_edit_turns_the_access_log_on_and_off,
    edits_take_the_site_down_and_bring_it_back,
    each_warning_is_logged_in_one_line_and_notes_are_not_logged,
];

fn another_listen_address_is_logged_to_need_a_restart_and_the_rest_is_applied(watching: Watching) {
    let gateway = watching.start("");
    let listen = "[server]\nlisten = [\"127.0.0.1:1\"]\n";
    gateway.apply(&format!("{}{listen}", config_with_message("the rest")));
    gateway.log().wait_for("listen takes effect at the next start");
    assert!(gateway.get("/", &[]).text().contains("the rest"));
    gateway.apply(&format!("{}{listen}", config_with_message("more")));
    assert!(gateway.get("/", &[]).text().contains("more"));
}

fn an_edit_changes_the_log_level_of_a_running_gateway(watching: Watching) {
    let gateway = watching.start("");
    let set = |level: &str| {
        gateway.edit(&format!("{}[log]\nlevel = \"{level}\"\n", config_with_message(level)));
        await_message(&gateway, level);
    };
    set("error");
    set("warn");
    set("debug");
    // The lines about an edit are logged at the previous level.
    set("info");
    gateway.log().wait_for("down, with no known end");
    gateway.log().wait_for_line("the edit to `info`", |line| line.contains(" applied "));
    assert_eq!(gateway.log().count(" applied "), 2, "{}", gateway.log().text());
}

fn an_edit_turns_the_access_log_on_and_off(watching: Watching) {
    let gateway = watching.start("");
    gateway.get("/before?secret", &[]);
    gateway.apply(&format!("{}[log]\naccess = true\n", config_with_message("on")));
    gateway.get("/meanwhile?secret", &[]);
    gateway.log().wait_for("/meanwhile");
    gateway.apply(&config_with_message("off"));
    gateway.get("/after?secret", &[]);
    gateway.apply(&config_with_message("settled"));
    assert_eq!((gateway.log().count("/before"), gateway.log().count("/after")), (0, 0));
    assert_eq!(gateway.log().count("secret"), 0);
}

fn edits_take_the_site_down_and_bring_it_back(watching: Watching) {
    let gateway = watching.start("");
    for _ in 0..watching.times(3, 2) {
        gateway.apply(&config_with_message("down"));
        assert_eq!(gateway.get("/", &[]).status, 503);
        gateway.apply("");
        assert_eq!(gateway.get("/", &[]).status, 200);
    }
}

fn each_warning_is_logged_in_one_line_and_notes_are_not_logged(watching: Watching) {
    let over = "[[period]]\nstart = 2020-01-01T00:00:00Z\nfor = \"1h\"\n";
    let gateway = watching.start(&format!("{over}[exempt]\npaths = [\"/admin\"]\n"));
    assert_eq!(gateway.log().count("only `/admin`, and nothing below it (write `/admin/**`"), 1);
    gateway.apply(&format!("{over}[exempt]\npaths = [\"/**\"]\n"));
    gateway.log().wait_for("this exempts every path");
    gateway.apply(&config_with_message("settled"));
    assert_eq!(gateway.log().count("this exempts every path"), 1);
    assert_eq!(gateway.log().count("is over"), 0, "{}", gateway.log().text());
}
