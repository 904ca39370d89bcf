//! Invalid edits: they change nothing, are logged once, and the next valid edit is applied.

use std::fs::{create_dir, remove_dir, remove_file};
use std::time::Duration;

use super::load::under_load;
use super::watching::{Behaviour, Watching};
use super::{
    REJECTED, assert_message, assert_settled, await_in_time, await_message, config_with_message,
    current_message, let_pass,
};
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    an_empty_file_leaves_the_last_good_version_active,
    a_file_that_is_missing_for_five_seconds_leaves_the_last_good_version_active,
    a_directory_in_place_of_the_file_leaves_the_last_good_version_active,
    each_different_error_is_logged_once_and_a_valid_file_is_then_applied,
    an_invalid_template_is_rejected_and_a_valid_one_is_applied,
    an_empty_template_leaves_the_last_good_version_active,
];

fn start(watching: Watching) -> GatewayProcess {
    watching.start(&config_with_message("good"))
}

fn an_empty_file_leaves_the_last_good_version_active(watching: Watching) {
    let gateway = start(watching);
    gateway.directory.write("downtime.toml", "");
    gateway.log().wait_for(REJECTED);
    assert_message(&gateway, "good");
    gateway.edit_in_place(&config_with_message("good"));
    gateway.log().wait_for("is back to the applied version");
    gateway.edit_in_place(&config_with_message("better"));
    await_message(&gateway, "better");
}

fn a_file_that_is_missing_for_five_seconds_leaves_the_last_good_version_active(watching: Watching) {
    let gateway = start(watching);
    let expect_good = || |client: &mut Client| assert_eq!(current_message(client).as_deref(), Some("good"));
    under_load(&gateway, expect_good, || {
        remove_file(gateway.directory.join("downtime.toml")).expect("removed");
        let_pass(&gateway, Duration::from_secs(5));
    });
    let line = gateway.log().wait_for(REJECTED);
    assert!(line.contains("does not exist"), "{line}");
    gateway.edit_in_place(&config_with_message("new"));
    await_in_time(&gateway, watching, "new");
    assert_settled(&gateway);
    assert_eq!(gateway.log().count(REJECTED), 1, "{}", gateway.log().text());
}

fn a_directory_in_place_of_the_file_leaves_the_last_good_version_active(watching: Watching) {
    let gateway = start(watching);
    let path = gateway.directory.join("downtime.toml");
    remove_file(&path).expect("removed");
    create_dir(&path).expect("made");
    gateway.log().wait_for("is a directory, not a file");
    assert_message(&gateway, "good");
    remove_dir(&path).expect("removed");
    gateway.edit(&config_with_message("new"));
    await_message(&gateway, "new");
}

const STILL_INVALID: &str =
    "downtime.toml is unchanged and still invalid, and the last valid configuration stays in effect";

fn each_different_error_is_logged_once_and_a_valid_file_is_then_applied(watching: Watching) {
    let gateway = start(watching);
    for (invalid, line) in [
        ("message = 5\n", "downtime.toml:1:"),
        ("[response]\nmesage = \"x\"\n", "downtime.toml:2:1"),
        ("[[period]]\n", "downtime.toml:1:"),
        ("[response]\nmessage = \"x\n", "downtime.toml:2:"),
    ] {
        let [errors, rejected, again] = [line, REJECTED, STILL_INVALID].map(|line| gateway.log().count(line));
        for _ in 0..3 {
            gateway.directory.replace("downtime.toml", invalid);
            gateway.process.signal(rustix::process::Signal::HUP);
            gateway.log().wait_for("received SIGHUP: reading");
        }
        gateway.process.signal(rustix::process::Signal::HUP);
        gateway.log().wait_for("received SIGHUP: reading");
        gateway.log().wait_for(STILL_INVALID);
        assert_eq!(gateway.log().count(REJECTED), rejected + 1, "{invalid}\n{}", gateway.log().text());
        // Each signal logs the errors again.
        let repeated = gateway.log().count(STILL_INVALID) - again;
        assert_eq!(gateway.log().count(line), errors + 1 + repeated, "{invalid}\n{}", gateway.log().text());
        assert_message(&gateway, "good");
    }
    gateway.edit(&config_with_message("valid"));
    await_message(&gateway, "valid");
}

/// Starts a gateway with this template.
fn start_with_template(watching: Watching, page: &str) -> GatewayProcess {
    let directory = ConfigDirectory::with(&format!("[response]\ntemplate = \"page.html\"\n{}", super::DOWN));
    directory.write("page.html", page);
    watching.on(directory)
}

fn an_invalid_template_is_rejected_and_a_valid_one_is_applied(watching: Watching) {
    let gateway = start_with_template(watching, "<p>first</p>");
    let page = || gateway.get("/", &[]).text().to_owned();
    assert_eq!(page(), "<p>first</p>");
    for invalid in ["<p>{{ messsage }}</p>", "<p>{% if %}</p>"] {
        gateway.directory.write("page.html", invalid);
        let error = gateway.log().wait_for(REJECTED);
        assert!(error.contains("page.html:1:"), "{error}");
        assert_eq!(page(), "<p>first</p>");
    }
    gateway.directory.write("page.html", "<p>second</p>");
    gateway.log().wait_for(" applied ");
    assert_eq!(page(), "<p>second</p>");
    remove_file(gateway.directory.join("page.html")).expect("removed");
    gateway.log().wait_for(REJECTED);
    assert_eq!(page(), "<p>second</p>");
    gateway.directory.replace("page.html", "<p>third</p>");
    gateway.log().wait_for(" applied ");
    assert_eq!(page(), "<p>third</p>");
}

fn an_empty_template_leaves_the_last_good_version_active(watching: Watching) {
    let gateway = start_with_template(watching, "<p>good</p>");
    for empty in ["", " \n"] {
        gateway.directory.write("page.html", empty);
        gateway.log().wait_for(REJECTED);
        assert_eq!(gateway.get("/", &[]).text(), "<p>good</p>");
        gateway.directory.write("page.html", "<p>good</p>");
        gateway.log().wait_for("is back to the applied version");
    }
}
