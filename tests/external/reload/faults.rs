//! What cannot be applied changes nothing, is said once, and is got over (rows W4, W5 and W15).

use std::fs::{create_dir, remove_dir, remove_file};
use std::thread::sleep;
use std::time::Duration;

use super::load::under_load;
use super::watching::{Behaviour, Watching};
use super::{REJECTED, assert_says, assert_settled, await_message, said, saying};
use crate::support::http::Client;
use crate::support::process::{Folder, Gateway};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    a_file_cut_to_nothing_leaves_the_last_good_snapshot,
    a_file_deleted_and_created_again_five_seconds_later_leaves_the_last_good_snapshot_meanwhile,
    what_is_no_file_leaves_the_last_good_snapshot,
    each_distinct_error_is_said_once_and_a_valid_file_is_applied_after_it,
    an_invalid_template_is_rejected_and_a_valid_one_is_applied,
    a_template_cut_to_nothing_leaves_the_last_good_snapshot,
];

fn start(watching: Watching) -> Gateway {
    watching.start(&saying("good"))
}

fn a_file_cut_to_nothing_leaves_the_last_good_snapshot(watching: Watching) {
    let gateway = start(watching);
    gateway.folder.write("downtime.toml", "");
    gateway.log().wait_for(REJECTED);
    assert_says(&gateway, "good");
    gateway.edit_in_place(&saying("good"));
    gateway.log().wait_for("is back to the applied version");
    gateway.edit_in_place(&saying("better"));
    await_message(&gateway, "better");
}

fn a_file_deleted_and_created_again_five_seconds_later_leaves_the_last_good_snapshot_meanwhile(
    watching: Watching,
) {
    let gateway = start(watching);
    let expect_good = || |client: &mut Client| assert_eq!(said(client).as_deref(), Some("good"));
    under_load(&gateway, expect_good, || {
        remove_file(gateway.folder.join("downtime.toml")).expect("removed");
        sleep(Duration::from_secs(5));
    });
    gateway.log().wait_for("does not exist");
    gateway.log().wait_for(REJECTED);
    gateway.edit_in_place(&saying("new"));
    let taken = await_message(&gateway, "new");
    assert!(taken < watching.in_time(), "{taken:?}");
    assert_settled(&gateway);
    assert_eq!(gateway.log().count(REJECTED), 1, "{}", gateway.log().text());
}

fn what_is_no_file_leaves_the_last_good_snapshot(watching: Watching) {
    let gateway = start(watching);
    let path = gateway.folder.join("downtime.toml");
    remove_file(&path).expect("removed");
    create_dir(&path).expect("made");
    gateway.log().wait_for("is a directory, not a file");
    assert_says(&gateway, "good");
    remove_dir(&path).expect("removed");
    gateway.edit(&saying("new"));
    await_message(&gateway, "new");
}

const STILL_INVALID: &str =
    "downtime.toml is unchanged and still invalid: the last good version stays active";

fn each_distinct_error_is_said_once_and_a_valid_file_is_applied_after_it(watching: Watching) {
    let gateway = start(watching);
    for (invalid, line) in [
        ("message = 5\n", "downtime.toml:1:"),
        ("[response]\nmesage = \"x\"\n", "downtime.toml:2:1"),
        ("[[period]]\n", "downtime.toml:1:"),
        ("[response]\nmessage = \"x\n", "downtime.toml:2:"),
    ] {
        let [errors, rejected, again] = [line, REJECTED, STILL_INVALID].map(|said| gateway.log().count(said));
        for _ in 0..3 {
            gateway.folder.replace("downtime.toml", invalid);
            gateway.process.signal(rustix::process::Signal::HUP);
            gateway.log().wait_for("received SIGHUP: reading");
        }
        gateway.process.signal(rustix::process::Signal::HUP);
        gateway.log().wait_for("received SIGHUP: reading");
        gateway.log().wait_for(STILL_INVALID);
        assert_eq!(gateway.log().count(REJECTED), rejected + 1, "{invalid}\n{}", gateway.log().text());
        // Each signal shows the errors again.
        let asked = gateway.log().count(STILL_INVALID) - again;
        assert_eq!(gateway.log().count(line), errors + 1 + asked, "{invalid}\n{}", gateway.log().text());
        assert_says(&gateway, "good");
    }
    gateway.edit(&saying("valid"));
    await_message(&gateway, "valid");
}

/// A gateway whose page is a template that says this.
fn start_on_template(watching: Watching, page: &str) -> Gateway {
    let folder = Folder::with(&format!("[response]\ntemplate = \"page.html\"\n{}", super::DOWN));
    folder.write("page.html", page);
    watching.on(folder)
}

fn an_invalid_template_is_rejected_and_a_valid_one_is_applied(watching: Watching) {
    let gateway = start_on_template(watching, "<p>first</p>");
    let page = || gateway.get("/", &[]).text().to_owned();
    assert_eq!(page(), "<p>first</p>");
    for invalid in ["<p>{{ messsage }}</p>", "<p>{% if %}</p>"] {
        gateway.folder.write("page.html", invalid);
        let error = gateway.log().wait_for("ERROR");
        assert!(error.contains("page.html:1:"), "{error}");
        gateway.log().wait_for(REJECTED);
        assert_eq!(page(), "<p>first</p>");
    }
    gateway.folder.write("page.html", "<p>second</p>");
    gateway.log().wait_for(" applied ");
    assert_eq!(page(), "<p>second</p>");
    remove_file(gateway.folder.join("page.html")).expect("removed");
    gateway.log().wait_for(REJECTED);
    assert_eq!(page(), "<p>second</p>");
    gateway.folder.replace("page.html", "<p>third</p>");
    gateway.log().wait_for(" applied ");
    assert_eq!(page(), "<p>third</p>");
}

fn a_template_cut_to_nothing_leaves_the_last_good_snapshot(watching: Watching) {
    let gateway = start_on_template(watching, "<p>good</p>");
    for nothing in ["", " \n"] {
        gateway.folder.write("page.html", nothing);
        gateway.log().wait_for(REJECTED);
        assert_eq!(gateway.get("/", &[]).text(), "<p>good</p>");
        gateway.folder.write("page.html", "<p>good</p>");
        gateway.log().wait_for("is back to the applied version");
    }
}
