//! Several people change the file at once.

use super::{PLANNED, admin, file};
use crate::support::process::downtime;

#[test]
fn the_second_of_two_tabs_is_told_what_changed_and_keeps_what_was_typed() {
    let (directory, admin) = admin(PLANNED);
    let opened = admin.version("/periods/db");
    let first = [("end", "2999-12-02T03:00"), ("hosts", "a.example")];
    assert_eq!(admin.submit_for(&opened, "/periods/db", &first).0, 303);
    let saved = file(&directory);
    let second =
        [("end", "2999-12-02T02:00"), ("hosts", ""), ("message", "Typed with care."), ("methods", "POST")];
    let (status, page) = admin.submit_for(&opened, "/periods/db", &second);
    assert_eq!(status, 409);
    assert_eq!(file(&directory), saved);
    assert!(page.contains("&quot;db&quot;: `end` is now 2999-12-02T03:00:00+01:00"), "{page}");
    assert!(page.contains("Typed with care.") && page.contains("\nPOST</textarea>"), "{page}");
    // What only the first tab has changed stays as it changed it.
    assert!(page.contains("value=\"2999-12-02T03:00\"") && page.contains("\na.example</textarea>"), "{page}");
    assert!(page.contains("Somebody has changed this to: a.example"), "{page}");

    let again = [
        ("end", "2999-12-02T03:00"),
        ("hosts", "a.example"),
        ("message", "Typed with care."),
        ("methods", "POST"),
    ];
    assert_eq!(admin.submit_for(&admin.version("/periods/db"), "/periods/db", &again).0, 303);
    assert!(file(&directory).contains("Typed with care.") && file(&directory).contains("a.example"));
}

#[test]
fn a_save_of_an_editor_or_a_command_meanwhile_is_noticed() {
    for (what, change) in [
        ("&quot;db&quot;: `for` is now", "for = \"9h\""),
        ("&quot;db&quot; was removed", ""),
        ("only comments, the layout or the order", "# only a comment\nend = 2999-12-02T02:00:00+01:00"),
    ] {
        let (directory, admin) = admin(PLANNED);
        let opened = admin.version("/periods/db");
        let edited = match change {
            "" => file(&directory).replace("\"db\"", "\"other\""),
            line => file(&directory).replace("end = 2999-12-02T02:00:00+01:00", line),
        };
        directory.replace("downtime.toml", &edited);
        let (status, page) = admin.submit_for(&opened, "/periods/db", &[("message", "Mine.")]);
        assert_eq!(status, 409, "{what}");
        assert!(page.contains(what) && page.contains("Mine."), "{what}: {page}");
        assert_eq!(file(&directory), edited);
    }
}

#[test]
fn a_button_of_an_old_page_asks_again() {
    let (directory, admin) = admin(PLANNED);
    let opened = admin.version("/periods/db/delete");
    let mut command = downtime(&directory);
    assert!(
        command
            .args(["start", "--name", "other", "--at", "2999-01-01T00:00:00Z"])
            .status()
            .expect("run")
            .success()
    );
    let saved = file(&directory);
    let (status, page) = admin.submit_for(&opened, "/periods/db/delete", &[]);
    assert_eq!(status, 409);
    assert!(page.contains("&quot;other&quot; was added") && page.contains("Delete db?"), "{page}");
    assert_eq!(file(&directory), saved);
}

#[test]
fn a_period_that_was_removed_meanwhile_can_be_saved_again() {
    let (directory, admin) = admin(PLANNED);
    let opened = admin.version("/periods/db");
    assert_eq!(admin.json("POST", "/periods/db/delete", "{}").0, 200);
    let fields = [("repeats", "once"), ("name", "db"), ("start", "2999-12-01T22:00"), ("message", "Kept.")];
    let (status, page) = admin.submit_for(&opened, "/periods/db", &fields);
    assert!(status == 409 && page.contains("action=\"/periods\"") && page.contains("Kept."), "{page}");
    assert_eq!(admin.submit("/periods/new", "/periods", &fields).0, 303);
    assert!(file(&directory).contains("Kept."));
}

/// Row A5: the file is always one of the versions.
#[test]
fn no_edit_is_lost_when_pages_and_commands_save_at_once() {
    let (directory, admin) = admin("");
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (directory, admin) = (&directory, &admin);
            scope.spawn(move || {
                let name = format!("page-{number}");
                let body = format!("{{\"name\": \"{name}\", \"start\": \"2999-01-01T00:00:00Z\"}}");
                // Without a version, a request for a new period does not depend on the others; a lost race is told.
                while admin.json("POST", "/periods", &body).0 == 409 {}
                let mut command = downtime(directory);
                let arguments =
                    ["start", "--at", "2999-01-01T00:00:00Z", "--name", &format!("command-{number}")];
                assert!(command.args(arguments).status().expect("run").success());
            });
        }
    });
    let text = file(&directory);
    for number in 0..6 {
        assert!(
            text.contains(&format!("page-{number}\"")) && text.contains(&format!("command-{number}\"")),
            "{text}"
        );
    }
}
