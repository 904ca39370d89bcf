//! The same pages for programs: JSON.

use serde_json::json;

use super::{PLANNED, admin, file, gateway};

#[test]
fn a_program_does_what_the_pages_do() {
    let (gateway, admin) = gateway("");
    let (status, started) =
        admin.json("POST", "/periods", "{\"name\": \"deploy\", \"for\": \"30m\", \"message\": \"Soon.\"}");
    assert_eq!(status, 201, "{started}");
    assert_eq!(started["applied"], json!(true));
    assert!(started["state"].as_str().is_some_and(|state| state.starts_with("down until ")), "{started}");
    assert_eq!(gateway.get("/", &[]).status, 503);
    let (status, extended) = admin.json("POST", "/periods/deploy/extend", "{\"by\": \"1h\"}");
    assert_eq!(status, 200, "{extended}");
    let (status, ended) = admin.json("POST", "/periods/deploy/end", "{}");
    assert_eq!((status, &ended["done"]), (200, &json!(["Ended \"deploy\""])));
    assert_eq!(gateway.get("/", &[]).status, 200);

    let planned = json!({
        "name": "patching", "cron": "30 23 * * SAT", "for": "2h", "timezone": "America/New_York",
        "start": "2026-01-01T00:00:00", "except": ["2026-12-26"], "hosts": ["shop.example.com"], "paths": ["/checkout/**"],
        "methods": ["POST", "PUT"], "message": { "en": "Soon.", "de": "Bald." }, "redirect": false,
    });
    let (status, saved) = admin.json("POST", "/periods", &planned.to_string());
    assert_eq!((status, &saved["id"]), (201, &json!("patching")), "{saved}");
    let (_, period) = admin.json("GET", "/periods/patching", "");
    assert_eq!(period["cron"], "30 23 * * SAT");
    assert_eq!(period["values"]["message.de"], "Bald.");
    assert_eq!(period["values"]["redirect"], "false");
    let (status, _) = admin.json(
        "POST",
        "/periods/patching",
        "{\"for\": \"3h\", \"except\": [], \"redirect\": null, \"message\": \"All.\"}",
    );
    assert_eq!(status, 200);
    let text = file(&gateway.directory);
    let table = text.split("name = \"patching\"").nth(1).expect("a table");
    assert!(table.contains("for = \"3h\"") && table.contains("message = \"All.\""), "{table}");
    assert!(
        !table.contains("except")
            && !table.contains("redirect")
            && table.contains("methods = [\"POST\", \"PUT\"]"),
        "{table}"
    );
    let (status, _) = admin.json("POST", "/periods/patching/delete", "{}");
    assert_eq!(status, 200);

    let (status, bypass) =
        admin.json("POST", "/bypasses", "{\"for\": \"1h\", \"site\": \"https://shop.example.com\"}");
    assert_eq!((status, &bypass["name"]), (201, &json!("testers")));
    assert!(
        bypass["link"]
            .as_str()
            .is_some_and(|link| link.starts_with("https://shop.example.com/.downtime/enter#"))
    );
    assert_eq!(admin.json("POST", "/bypasses/testers/end", "{}").0, 200);
    assert_eq!(admin.json("GET", "/bypasses", "").1["bypasses"], json!([]));
    let (status, overview) = admin.json("GET", "/", "");
    assert_eq!((status, &overview["state"], &overview["valid"]), (200, &json!("up"), &json!(true)));
}

#[test]
fn a_program_gets_problem_details() {
    let (directory, admin) = admin(PLANNED);
    let before = file(&directory);
    for (path, body, status, member, value) in [
        ("/periods", "{\"start\": \"tomorrow\"}", 422, "/errors/0/field", json!("start")),
        ("/periods", "{\"start\": \"2020-01-01T00:00:00Z\"}", 422, "/errors/0/field", json!("start")),
        (
            "/periods",
            "{\"start\": \"2020-01-01T22:00:00Z\", \"end\": \"2020-01-01T23:00:00Z\"}",
            422,
            "/errors/0/message",
            json!("It would start in the past: 2020-01-01 23:00:00 +01:00"),
        ),
        (
            "/periods",
            "{\"start\": \"2020-01-01T00:00:00Z\", \"for\": \"1h\"}",
            422,
            "/errors/0/field",
            json!("start"),
        ),
        ("/periods", "{\"cron\": \"* * *\", \"for\": \"1h\"}", 422, "/errors/0/field", json!("cron")),
        ("/periods/db", "{\"end\": \"2999-01-01T00:00:00Z\"}", 422, "/errors/0/field", json!("end")),
        ("/periods/nope", "{}", 404, "/title", json!("Page not found")),
        ("/periods/db", "{\"sha256\": \"00\", \"for\": \"1h\"}", 409, "/status", json!(409)),
        ("/periods/db/end", "{\"sha256\": \"00\"}", 409, "/status", json!(409)),
        ("/periods/db/extend", "{}", 422, "/errors/0/field", json!("by")),
        ("/periods/db/extend", "{\"by\": \"1h\"}", 422, "/title", json!("It is not active")),
    ] {
        let headers = ["Accept: application/json", "Content-Type: application/json"];
        let response = admin.send("POST", path, &headers, body);
        let problem: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!(response.status, status, "{path} {body}: {problem}");
        assert_eq!(response.field("content-type"), Some("application/problem+json"));
        assert_eq!(problem.pointer(member), Some(&value), "{path} {body}: {problem}");
    }
    assert_eq!(file(&directory), before);
}

#[test]
fn a_program_can_check_without_saving() {
    let (directory, admin) = admin(PLANNED);
    let before = file(&directory);
    let (status, checked) =
        admin.json("POST", "/periods/db", "{\"for\": null, \"end\": null, \"action\": \"check\"}");
    assert_eq!((status, &checked["valid"]), (200, &json!(true)), "{checked}");
    assert!(checked["plan"].as_array().is_some_and(|plan| !plan.is_empty()), "{checked}");
    assert_eq!(file(&directory), before);
}

#[test]
fn what_cannot_be_checked_is_not_carried_out_either() {
    let (directory, admin) = admin(PLANNED);
    let before = file(&directory);
    for (path, body) in [
        ("/periods", "{\"action\": \"check\", \"name\": \"x\", \"for\": \"30m\"}"),
        ("/periods", "{\"action\": \"check\", \"now\": \"yes\"}"),
        ("/periods", "{\"action\": \"chekc\", \"name\": \"x\"}"),
        ("/periods/db", "{\"action\": \"chekc\", \"enabled\": false}"),
        ("/periods/db/disable", "{\"action\": \"check\"}"),
        ("/periods/db/delete", "{\"action\": \"check\"}"),
        ("/bypasses", "{\"action\": \"check\", \"name\": \"qa\"}"),
    ] {
        let (status, problem) = admin.json("POST", path, body);
        assert_eq!(status, 422, "{path} {body}: {problem}");
        assert_eq!(file(&directory), before, "{path} {body}");
    }
}

#[test]
fn a_value_of_another_type_or_an_empty_scope_changes_nothing() {
    let (directory, admin) =
        admin("[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\npaths = [\"/db/**\"]\n");
    let before = file(&directory);
    for (path, body, field) in [
        ("/periods", r#"{"hosts": []}"#, "hosts"),
        ("/periods", r#"{"hosts": ""}"#, "hosts"),
        ("/periods", r#"{"paths": [""]}"#, "paths"),
        ("/periods", r#"{"methods": [" "], "start": "2999-01-01T00:00:00Z"}"#, "methods"),
        ("/periods", r#"{"hosts": ["a.example", null]}"#, "hosts"),
        ("/periods/db", r#"{"paths": []}"#, "paths"),
        ("/bypasses", r#"{"for": "1h", "hosts": []}"#, "hosts"),
        ("/bypasses", r#"{"for": "1h", "paths": [""]}"#, "paths"),
        ("/periods", r#"{"name": 1}"#, "name"),
        ("/periods", r#"{"name": ["a", "b"]}"#, "name"),
        ("/periods", r#"{"message": true}"#, "message"),
        ("/periods", r#"{"message": {"en": 1}}"#, "message"),
        ("/periods", r#"{"now": "yes"}"#, "now"),
        ("/periods/db", r#"{"enabled": "no"}"#, "enabled"),
        ("/periods/db", r#"{"redirect": true}"#, "redirect"),
        ("/periods/db", r#"{"except": [1]}"#, "except"),
    ] {
        let (status, problem) = admin.json("POST", path, body);
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!(field)),
            "{path} {body}: {problem}"
        );
        assert_eq!(file(&directory), before, "{path} {body}");
    }
    let (status, problem) = admin.json("POST", "/periods", r#"{"name": "a", "name": "b"}"#);
    assert_eq!(status, 400, "{problem}");
    assert!(problem.to_string().contains("the body has two members of the same name"), "{problem}");
    assert_eq!(file(&directory), before);
    let (status, changed) = admin.json("POST", "/periods/db", r#"{"paths": null, "hosts": ["a.example"]}"#);
    assert_eq!(status, 200, "{changed}");
    assert!(!file(&directory).contains("paths"), "{}", file(&directory));
}

#[test]
fn programs_that_name_no_version_change_the_file_at_the_same_time() {
    const PROGRAMS: usize = 8;
    let (directory, admin) = admin(PLANNED);
    let start = std::sync::Barrier::new(PROGRAMS);
    std::thread::scope(|scope| {
        for number in 0..PROGRAMS {
            let (start, admin) = (&start, &admin);
            scope.spawn(move || {
                let planned =
                    json!({ "name": format!("p{number}"), "start": "2999-01-01T00:00:00Z", "for": "1h" });
                start.wait();
                let (status, saved) = admin.json("POST", "/periods", &planned.to_string());
                assert_eq!(status, 201, "{saved}");
                let (status, saved) =
                    admin.json("POST", &format!("/periods/p{number}"), "{\"message\": \"Soon.\"}");
                assert_eq!(status, 200, "{saved}");
            });
        }
    });
    assert_eq!(file(&directory).matches("message = \"Soon.\"").count(), PROGRAMS);
}
