//! What cannot be applied changes nothing, is said once, and is got over (rows W4, W5 and W15).

use crate::support::http::Client;
use crate::support::process::{Folder, Gateway};
use crate::{assert_settled, await_message, said, saying};

const REJECTED: &str = "is not applied; the last good snapshot stays";

fn start() -> (Gateway, Client) {
    let gateway = Gateway::start(&saying("good"));
    let client = gateway.connect();
    (gateway, client)
}

#[test]
fn a_file_cut_to_nothing_leaves_the_last_good_snapshot() {
    let (gateway, mut client) = start();
    gateway.folder.write("downtime.toml", "");
    gateway.log().wait_for(REJECTED);
    assert_eq!(said(&mut client).as_deref(), Some("good"));
    gateway.edit_in_place(&saying("good"));
    gateway.log().wait_for("is again what is applied");
    gateway.edit_in_place(&saying("better"));
    await_message(&mut client, "better");
}

#[test]
fn a_deleted_file_leaves_the_last_good_snapshot_until_there_is_a_new_one() {
    let (gateway, mut client) = start();
    std::fs::remove_file(gateway.folder.join("downtime.toml")).expect("removed");
    gateway.log().wait_for("does not exist");
    gateway.log().wait_for(REJECTED);
    assert_eq!(said(&mut client).as_deref(), Some("good"));
    assert_settled(&gateway);
    gateway.edit_in_place(&saying("new"));
    await_message(&mut client, "new");
    assert_eq!(gateway.log().count(REJECTED), 1);
}

#[test]
fn what_is_no_file_leaves_the_last_good_snapshot() {
    let (gateway, mut client) = start();
    let path = gateway.folder.join("downtime.toml");
    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("made");
    gateway.log().wait_for("is a folder, not a file");
    assert_eq!(said(&mut client).as_deref(), Some("good"));
    std::fs::remove_dir(&path).expect("removed");
    gateway.edit(&saying("new"));
    await_message(&mut client, "new");
}

#[test]
fn each_distinct_error_is_said_once_and_a_valid_file_is_applied_after_it() {
    let (gateway, mut client) = start();
    for (invalid, line) in [
        ("message = 5\n", "downtime.toml:1:"),
        ("[response]\nmesage = \"x\"\n", "downtime.toml:2:1"),
        ("[[period]]\n", "downtime.toml:1:"),
        ("[response]\nmessage = \"x\n", "downtime.toml:2:"),
    ] {
        let errors = gateway.log().count(line);
        let rejected = gateway.log().count(REJECTED);
        for _ in 0..3 {
            gateway.folder.replace("downtime.toml", invalid);
            gateway.process.signal(rustix::process::Signal::HUP);
            gateway.log().wait_for("again, as asked");
        }
        assert_settled(&gateway);
        assert_eq!(gateway.log().count(REJECTED), rejected + 1, "{invalid}\n{}", gateway.log().text());
        assert_eq!(gateway.log().count(line), errors + 1, "{invalid}\n{}", gateway.log().text());
        assert_eq!(said(&mut client).as_deref(), Some("good"));
    }
    gateway.edit(&saying("valid"));
    await_message(&mut client, "valid");
}

#[test]
fn an_invalid_template_is_rejected_and_a_valid_one_is_applied() {
    let folder = Folder::with(&format!("[response]\ntemplate = \"page.html\"\n{}", crate::DOWN));
    folder.write("page.html", "<p>first</p>");
    let gateway = Gateway::on(folder);
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
    std::fs::remove_file(gateway.folder.join("page.html")).expect("removed");
    gateway.log().wait_for(REJECTED);
    assert_eq!(page(), "<p>second</p>");
    gateway.folder.replace("page.html", "<p>third</p>");
    gateway.log().wait_for(" applied ");
    assert_eq!(page(), "<p>third</p>");
}
