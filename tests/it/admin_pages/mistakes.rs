//! What programs and people get wrong: it is an error at its field, and nothing else happens.

use super::{PLANNED, admin, file};

#[test]
fn what_a_program_misspells_is_an_error_and_never_a_downtime() {
    let (directory, admin) = admin(PLANNED);
    let before = file(&directory);
    let starts_now = "Leave it out, or plan a period";
    for (path, body, field, help) in [
        ("/periods", r#"{ "strat": "2999-01-01T00:00" }"#, "strat", "Did you mean `start`?"),
        ("/periods", r#"{ "name": "x", "start": null }"#, "start", "Write when it starts"),
        ("/periods", r#"{ "now": false, "name": "x" }"#, "start", "Write when it starts"),
        ("/periods", r#"{ "now": true, "start": "2999-01-01T00:00" }"#, "start", starts_now),
        ("/periods", r#"{ "timezone": "UTC" }"#, "timezone", starts_now),
        ("/periods", r#"{ "cron": "0 1 * * *", "for": "1h", "from": "2999-01-01T00:00" }"#, "from", ""),
        (
            "/periods",
            r#"{ "start": "2999-01-01T00:00", "enabled": "maybe" }"#,
            "enabled",
            "Write true or false",
        ),
        ("/periods", r#"{ "start": "0026-12-01T00:00" }"#, "start", "Write all four digits of the year"),
        ("/periods/db", r#"{ "mesage": "x" }"#, "mesage", "Did you mean `message`?"),
        ("/periods/db", r#"{ "start.en": "x" }"#, "start.en", ""),
        ("/periods/db/extend", r#"{ "for": "1h" }"#, "for", ""),
        ("/periods/db/delete", r#"{ "name": "db" }"#, "name", ""),
        ("/bypasses", r#"{ "until": "2999-01-01T00:00" }"#, "until", ""),
    ] {
        let (status, problem) = admin.json("POST", path, body);
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &field.into()),
            "{path} {body}: {problem}"
        );
        let said = problem["errors"][0]["help"].as_str().expect("a help");
        assert!(said.starts_with(help), "{path} {body}: {said}");
    }
    assert_eq!(file(&directory), before);
    let planned = r#"{ "now": false, "start": "2999-01-01T00:00" }"#;
    assert_eq!(admin.json("POST", "/periods", planned).0, 201);
    assert!(!file(&directory).contains("unscheduled"), "{}", file(&directory));
}

#[test]
fn a_downtime_that_starts_now_has_its_message_in_all_languages() {
    let (directory, admin) = admin("");
    let body = |text: &str| {
        format!(
            r#"{{ "name": "deploy", "for": "30m", "message": {{ "en": "{text}", "de": "Gleich zurück." }} }}"#
        )
    };
    // At first it starts, then it is active.
    for text in ["Back soon.", "Still at it."] {
        let (status, answer) = admin.json("POST", "/periods", &body(text));
        assert_eq!(status, 201, "{answer}");
        let text_of_file = file(&directory);
        assert!(text_of_file.contains(text) && text_of_file.contains("Gleich zurück."), "{text_of_file}");
    }
}

#[test]
fn a_period_with_a_very_long_name_has_an_address() {
    let (directory, admin) = admin("");
    let body = format!(r#"{{ "name": "{}", "start": "2999-01-01T00:00" }}"#, "x".repeat(20_000));
    let (status, saved) = admin.json("POST", "/periods", &body);
    assert_eq!(status, 201, "{saved}");
    let id = saved["id"].as_str().expect("an id");
    assert_eq!(admin.open(&format!("/periods/{id}")).0, 200);
    assert_eq!(admin.json("POST", &format!("/periods/{id}/delete"), "{}").0, 200);
    assert!(!file(&directory).contains("xxx"));
}

#[test]
fn a_time_that_clocks_skip_is_said_to_be_after_the_gap() {
    let (directory, admin) = admin("");
    let note = "`start`: the clocks of Europe/Berlin skip this time: the first instant after the gap is used";
    let body = |action: &str| format!(r#"{{ "start": "2999-03-31T02:30", "action": "{action}" }}"#);
    let (_, checked) = admin.json("POST", "/periods", &body("check"));
    assert!(checked["plan"].to_string().contains(note), "{checked}");
    let (_, saved) = admin.json("POST", "/periods", &body("save"));
    assert!(saved["done"].to_string().contains(note), "{saved}");
    assert!(file(&directory).contains("start = 2999-03-31T03:00:00+02:00"), "{}", file(&directory));
}
