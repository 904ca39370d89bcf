//! The forms, as a browser sends them.

use jiff::SignedDuration;

use super::{PLANNED, admin, file, gateway};
use crate::support::admin::{READER, RunningAdminPage, SECTIONS};
use crate::support::process::ConfigDirectory;

#[test]
fn a_downtime_is_planned_edited_extended_ended_and_deleted() {
    let (gateway, admin) = gateway("");
    let visitor = || gateway.get("/", &[]).status;
    let planned = [
        ("repeats", "once"),
        ("start", "2020-01-01T22:00"),
        ("end", "2999-01-01T00:00"),
        ("name", "db"),
        ("enabled", "false"),
    ];
    let (status, page) = admin.submit("/periods/new", "/periods", &planned);
    assert_eq!(status, 303);
    assert!(
        page.contains("Planned &quot;db&quot;") && page.contains("Applied by the gateway at unix:"),
        "{page}"
    );
    assert_eq!(visitor(), 200, "it is not enabled");
    let (status, page) = admin.submit("/periods/db", "/periods/db/enable", &[]);
    assert!(status == 303 && page.contains("&quot;db&quot; is now enabled"), "{page}");
    assert_eq!(visitor(), 503);
    let (status, page) = admin.open("/");
    assert!(
        status == 200 && page.contains("<h1>The site is down <span class=\"end\"><span>until</span> "),
        "{page}"
    );
    assert!(page.contains("End this downtime"), "{page}");

    let (status, page) = admin.submit("/periods/db", "/periods/db", &[("message", "Back soon & faster.")]);
    assert!(status == 303 && page.contains("Changed &quot;db&quot;: message"), "{page}");
    assert!(
        String::from_utf8_lossy(&gateway.get("/", &["Accept: text/html"]).body)
            .contains("Back soon &amp; faster.")
    );
    let (status, page) =
        admin.submit("/periods/db/extend", "/periods/db/extend", &[("by", "1h"), ("until", "")]);
    assert!(status == 303 && page.contains("&quot;db&quot; now ends at 2999-01-01 01:00:00"), "{page}");
    let (status, page) = admin.submit("/periods/db/end", "/periods/db/end", &[]);
    assert!(status == 303 && page.contains("Ended &quot;db&quot;"), "{page}");
    assert_eq!(visitor(), 200);
    let (_, page) = admin.open("/periods/db/delete");
    assert!(page.contains("name = &quot;db&quot;") && page.contains("cannot be undone"), "{page}");
    let (status, page) = admin.submit("/periods/db/delete", "/periods/db/delete", &[]);
    assert!(status == 303 && page.contains("Deleted &quot;db&quot;"), "{page}");
    assert!(!file(&gateway.directory).contains("[[period]]"));
    for line in [
        r#"planned \"db\""#,
        r#"\"db\" is now enabled"#,
        r#"changed \"db\": message"#,
        r#"\"db\" now ends at"#,
        r#"ended \"db\""#,
        r#"deleted \"db\""#,
    ] {
        let line = admin.process.log.wait_for(line);
        assert!(line.contains("who=ci") && line.contains("from=127.0.0.1"), "{line}");
    }
}

#[test]
fn the_site_is_taken_down_at_once_and_only_once() {
    let (gateway, admin) = gateway("");
    for count in [1, 2] {
        let (status, page) =
            admin.submit("/down", "/periods", &[("now", "true"), ("for", "30m"), ("message", "Wait.")]);
        assert!(status == 303 && page.contains("<h1>The site is down"), "{page}");
        assert_eq!(gateway.get("/", &[]).status, 503);
        assert_eq!(file(&gateway.directory).matches("[[period]]").count(), 1, "{count}");
    }
    assert!(file(&gateway.directory).contains("unscheduled = true"));
}

#[test]
fn only_what_was_changed_differs_in_the_file() {
    let (directory, admin) = admin(PLANNED);
    let before = file(&directory);
    let (status, page) = admin.submit(
        "/periods/db",
        "/periods/db",
        &[("end", "2999-12-02T03:30"), ("message", "Faster soon."), ("message.de", "Bald schneller.")],
    );
    assert_eq!(status, 303, "{page}");
    assert_eq!(file(&directory), before.replace("02T02:00:00+01:00", "02T03:30:00+01:00"));
    let (status, page) = admin.submit("/periods/db", "/periods/db", &[("end", "2999-12-02T03:30:00")]);
    assert!(status == 303 && page.contains("Nothing had to be changed in the file"), "{page}");
}

#[test]
fn a_form_that_is_sent_back_as_it_came_changes_nothing() {
    let periods = format!(
        "{PLANNED}\n[[period]]\nname = \"x\"\nstart = 2999-01-01T00:00:00.5Z\nredirect = false\nenabled = false\nhosts = [\"a.example\", \"b.example\"]\nunscheduled = true\n"
    );
    let (directory, admin) = admin(&periods);
    let before = file(&directory);
    for name in ["db", "patching", "x"] {
        let page = admin.open(&format!("/periods/{name}")).1;
        let fields = sent_back(&page);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert!(fields.len() > 10, "{fields:?}");
        let (status, page) = admin.submit("/periods/new", &format!("/periods/{name}"), &fields);
        assert!(status == 303 && page.contains("Nothing had to be changed"), "{page}");
        assert_eq!(file(&directory), before);
    }
}

/// Returns what a browser sends of the main form on a page.
fn sent_back(page: &str) -> Vec<(String, String)> {
    let form =
        page.split("<form class=\"page\"").nth(1).expect("a form").split("</form>").next().expect("an end");
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    let unescape = |text: &str| {
        text.replace("&lt;", "<").replace("&quot;", "\"").replace("&#x2f;", "/").replace("&amp;", "&")
    };
    let mut fields = Vec::new();
    for tag in form
        .split('<')
        .filter(|tag| tag.starts_with("input") || tag.starts_with("textarea") || tag.starts_with("select"))
    {
        let Some(name) = attribute(tag, "name").filter(|name| name != "sha256") else { continue };
        let is_choice = tag.contains("type=\"radio\"") || tag.contains("type=\"checkbox\"");
        if is_choice && !tag.contains(" checked") {
            continue;
        }
        let value = if tag.starts_with("textarea") {
            tag.split_once(">\n").map(|(_, text)| text.to_owned())
        } else if tag.starts_with("select") {
            None
        } else {
            attribute(tag, "value")
        };
        fields.push((name, unescape(&value.unwrap_or_default())));
    }
    fields
}

#[test]
fn what_cannot_be_saved_is_said_at_its_field_and_nothing_is_written() {
    let (directory, admin) = admin(PLANNED);
    let before = file(&directory);
    let start = ("start", "2999-01-01T00:00");
    for (fields, field, text) in [
        (vec![("repeats", "once")], "start", "A downtime needs a start"),
        (vec![("repeats", "once"), start, ("end", "2998-01-01T00:00")], "end", "ends before it starts"),
        (vec![("repeats", "once"), start, ("end", "2999-02-01T00:00"), ("for", "1h")], "for", "not both"),
        (vec![("repeats", "once"), start, ("for", "2")], "for", "Invalid"),
        (vec![("repeats", "once"), start, ("name", "db")], "name", "already used"),
        (vec![("repeats", "once"), start, ("timezone", "Europe/Berln")], "timezone", "Unknown time zone"),
        (vec![("repeats", "once"), start, ("paths", "shop/**")], "paths", "Invalid"),
        (
            vec![("repeats", "once"), start, ("answer", "redirect"), ("redirect", "x y")],
            "redirect",
            "Invalid",
        ),
        (
            vec![("repeats", "series"), ("cron", "30 23 * * MUN"), ("for", "1h")],
            "cron",
            "Invalid day of week",
        ),
        (vec![("repeats", "series"), ("cron", "30 23 * * *")], "cron", "no `for`"),
        (
            vec![("repeats", "series"), ("cron", "30 23 * * *"), ("for", "1h"), ("from", "x")],
            "from",
            "not a date-time",
        ),
        (vec![("repeats", "once"), start, ("text.1", "Hallo")], "language.1", "has no language"),
    ] {
        for action in ["save", "check"] {
            let sent: Vec<_> =
                fields.iter().copied().chain([("hosts", "kept.example"), ("action", action)]).collect();
            let (status, page) = admin.submit("/periods/new", "/periods", &sent);
            assert_eq!(status, 422, "{fields:?}");
            assert!(page.contains(&format!("<a href=\"#{field}\">")), "{fields:?}: {page}");
            assert!(
                page.contains(&format!("id=\"{field}-error\"")) && page.contains("aria-invalid=\"true\""),
                "{page}"
            );
            assert!(page.contains(text), "{text}: {page}");
            assert!(page.contains("kept.example"), "{page}");
        }
    }
    assert_eq!(file(&directory), before);
}

#[test]
fn a_check_shows_the_plan_and_the_warnings_and_writes_nothing() {
    let (directory, admin) = admin(PLANNED);
    let before = file(&directory);
    let fields = [
        ("repeats", "once"),
        ("start", "2999-12-01T23:00"),
        ("for", "1h"),
        ("name", "other"),
        ("action", "check"),
    ];
    let (status, page) = admin.submit("/periods/new", "/periods", &fields);
    assert_eq!(status, 200);
    assert!(page.contains("The file would be valid") && page.contains("Nothing is saved yet"), "{page}");
    assert!(page.contains("2999-12-01 23:00 +01") && page.contains("overlap"), "{page}");
    assert!(page.contains("value=\"other\""), "{page}");
    assert_eq!(file(&directory), before);
}

#[test]
fn html_in_names_and_messages_is_escaped_everywhere() {
    let evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&";
    let (_directory, admin) = admin("");
    let fields = [("repeats", "once"), ("start", "2999-01-01T00:00"), ("name", evil), ("message", evil)];
    assert_eq!(admin.submit("/periods/new", "/periods", &fields).0, 303);
    assert_eq!(admin.submit("/bypasses", "/bypasses", &[("for", "1h"), ("name", evil)]).0, 200);
    let (_, list) = admin.json("GET", "/periods", "");
    let id = list["periods"][0]["id"].as_str().expect("an id");
    let bypass =
        admin.json("GET", "/bypasses", "").1["bypasses"][0]["id"].as_str().expect("an id").to_owned();
    for path in [
        "/",
        "/periods",
        "/bypasses",
        "/check",
        &format!("/periods/{id}"),
        &format!("/periods/{id}/delete"),
        &format!("/bypasses/{bypass}/end"),
        &format!("/preview?period={id}"),
        &format!("/nope/{evil}"),
    ] {
        let (status, page) = admin.open(&path.replace([' ', '<', '>', '"'], "-"));
        assert!(status == 200 || status == 404, "{path}: {status}");
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{path}: {page}");
    }
    let unsaved = [("repeats", "once"), ("name", evil), ("message", evil), ("for", evil)];
    let (status, page) = admin.submit("/periods/new", "/periods", &unsaved);
    assert!(status == 422 && !page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
}

#[test]
fn an_operator_who_may_only_read_sees_everything_and_changes_nothing() {
    let (directory, admin) = admin(PLANNED);
    let before = file(&directory);
    let reader = format!("Authorization: Bearer {READER}");
    for path in ["/", "/periods", "/periods/db", "/bypasses", "/check"] {
        let response = admin.send("GET", path, &["Accept: text/html", &reader], "");
        let page = String::from_utf8(response.body).expect("text");
        assert_eq!(response.status, 200);
        assert!(page.contains("change nothing") && !page.contains("<button"), "{path}: {page}");
        assert_eq!(page.contains("<fieldset disabled>"), path == "/periods/db", "{path}: {page}");
    }
    for path in ["/periods", "/periods/db", "/periods/db/end", "/periods/db/delete", "/bypasses"] {
        let form = ["Content-Type: application/x-www-form-urlencoded", &reader];
        assert_eq!(admin.send("POST", path, &form, "name=x").status, 403, "{path}");
    }
    assert_eq!(file(&directory), before);
}

#[test]
fn a_period_of_the_main_file_is_shown_and_not_edited() {
    let text = format!(
        "periods_file = \"periods.toml\"\n{SECTIONS}\n[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\n"
    );
    let directory = ConfigDirectory::with(&text);
    let admin = RunningAdminPage::on(&directory);
    let (_, page) = admin.open("/periods/db");
    assert!(!page.contains("Save") && page.contains("not edited here: line "), "{page}");
    assert_eq!(page.matches("<fieldset disabled>").count(), 4, "{page}");
    for path in ["/periods/db/end", "/periods/db/delete", "/periods/db/disable"] {
        let (status, problem) = admin.json("POST", path, "{}");
        assert_eq!(status, 422, "{problem}");
        assert!(
            problem["title"].as_str().is_some_and(|title| title.contains("names a periods file")),
            "{problem}"
        );
    }
    let planned = [("repeats", "once"), ("start", "2999-01-01T00:00"), ("name", "other")];
    assert_eq!(admin.submit("/periods/new", "/periods", &planned).0, 303);
    assert_eq!(file(&directory), text);
    let periods = std::fs::read_to_string(directory.join("periods.toml")).expect("created");
    assert!(periods.contains("name = \"other\""), "{periods}");
}

#[test]
fn what_stays_down_after_the_whole_site_is_back_is_said() {
    let whole = "[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\n";
    let part = "[[period]]\nstart = 2020-01-01T00:00:00Z\npaths = [\"/shop/**\"]\n";
    for (periods, said) in [
        (
            format!("{whole}{part}"),
            "Because of db; at least a part of it stays down after that, with no known end.",
        ),
        (part.to_owned(), "Because of the period at line 10 (paths /shop/**); with no known end."),
        (whole.to_owned(), "Because of db; the whole site is up again in "),
    ] {
        let (_directory, admin) = admin(&periods);
        let (_, page) = admin.open("/");
        assert!(page.contains(said), "{page}");
    }
}

#[test]
fn the_heading_says_the_end_of_the_state_as_status_does() {
    let day = |days: i64| {
        (downtime::clock::now() + SignedDuration::from_hours(24 * days)).strftime("%F").to_string()
    };
    let [begins, ends, last] = [100, 101, 200].map(day);
    let part = "[[period]]\nname = \"shop\"\nstart = 2020-01-01T00:00:00Z\npaths = [\"/shop/**\"]\n";
    let ending = format!("{part}end = {last}T00:00:00Z\n");
    let whole = format!("[[period]]\nstart = {begins}T00:00:00Z\nend = {ends}T00:00:00Z\n");
    for (periods, end, lead) in [
        (ending.clone(), &last, "the whole site is up again in "),
        (format!("{ending}{whole}"), &begins, "the whole site is up again in "),
        (format!("{part}{whole}"), &begins, "at least a part of it stays down after that, with no known end"),
    ] {
        let (_directory, admin) = admin(&periods);
        let (_, page) = admin.open("/");
        let heading = page.lines().find(|line| line.starts_with("<h1>")).unwrap_or_default();
        assert!(heading.contains("A part of the site is down") && heading.contains(end), "{heading}");
        assert!(page.contains(lead), "no {lead:?}: {page}");
    }
}

#[test]
fn a_period_without_a_name_is_edited_by_its_id() {
    let (directory, admin) =
        admin("[[period]]\nstart = 2999-01-01T00:00:00Z\n\n[[period]]\nstart = 2999-02-01T00:00:00Z\n");
    let (_, list) = admin.json("GET", "/periods", "");
    let id = list["periods"][1]["id"].as_str().expect("an id").to_owned();
    assert_eq!(admin.submit(&format!("/periods/{id}"), &format!("/periods/{id}"), &[("for", "2h")]).0, 303);
    assert!(
        file(&directory).ends_with("start = 2999-02-01T00:00:00Z\nfor = \"2h\"\n"),
        "{}",
        file(&directory)
    );
    assert_eq!(
        admin.json("POST", &format!("/periods/{id}/delete"), "{}").0,
        404,
        "its text is another one now"
    );
}

#[test]
fn an_invalid_file_is_shown_and_not_edited() {
    let (directory, admin) = admin(PLANNED);
    let version = admin.version("/periods/new");
    let broken = file(&directory) + "[[period]]\nstart = now\n";
    directory.replace("downtime.toml", &broken);
    let (status, page) = admin.open("/");
    assert!(status == 409 && page.contains("The file is invalid"), "{status} {page}");
    let place = format!("downtime.toml, line {}: ", broken.lines().count());
    assert!(page.contains(&place), "{place} {page}");
    let (status, page) = admin.open("/check");
    assert!(status == 200 && page.contains("start = now"), "{page}");
    let (before, listing) = page.split_once("<pre").expect("a listing");
    assert!(
        before.contains("<li><p>") && !listing.contains("error: ") && !listing.contains("help: "),
        "{page}"
    );
    let fields = [("repeats", "once"), ("start", "2999-01-01T00:00")];
    assert_eq!(admin.submit_for(&version, "/periods", &fields).0, 409);
    assert_eq!(file(&directory), broken);
}

#[test]
fn the_preview_is_the_page_of_visitors_with_its_own_policy() {
    let (_directory, admin) = admin(PLANNED);
    for (path, text) in [
        ("/preview?period=db", "Faster soon."),
        ("/preview?period=db&lang=de", "Bald schneller."),
        ("/preview", "<h1"),
    ] {
        let response = admin.send("GET", path, &["Accept: text/html"], "");
        let policy = response.field("content-security-policy").expect("a policy").to_owned();
        let page = String::from_utf8(response.body).expect("text");
        assert!(response.status == 200 && page.contains(text), "{page}");
        assert!(policy.contains("form-action 'none'") && policy.contains("script-src 'sha256-"), "{policy}");
    }
}

#[test]
fn without_management_it_is_said_that_the_gateway_was_not_asked() {
    let (_directory, admin) = admin("");
    let fields = [("repeats", "once"), ("start", "2999-01-01T00:00")];
    let (status, page) = admin.submit("/periods/new", "/periods", &fields);
    assert!(status == 303 && page.contains("it is not known when it applies this"), "{page}");
}

#[test]
fn other_methods_and_paths_are_refused() {
    let (_directory, admin) = admin(PLANNED);
    for (method, path, status) in [
        ("POST", "/", 405),
        ("POST", "/check", 405),
        ("POST", "/periods/new", 405),
        ("GET", "/nope", 404),
        ("GET", "/periods/nope", 404),
        ("GET", "/periods/db/nope", 404),
        ("POST", "/periods/nope/end", 404),
        ("GET", "/periods/db/end", 200),
    ] {
        let form = ["Accept: text/html", "Content-Type: application/x-www-form-urlencoded"];
        assert_eq!(admin.send(method, path, &form, "").status, status, "{method} {path}");
    }
}

#[test]
fn a_template_that_is_not_offered_stays_selected() {
    let directory = ConfigDirectory::with(&format!(
        "{SECTIONS}\n[[period]]\nname = \"db\"\nstart = 2999-01-01T00:00:00Z\ntemplate = \".hidden.html\"\n"
    ));
    directory.write(".hidden.html", "<p>{{ message }}</p>");
    directory.write("offered.html", "<p>{{ message }}</p>");
    let admin = RunningAdminPage::on(&directory);
    let (_, page) = admin.open("/periods/db");
    assert!(page.contains("<option>offered.html</option>"), "{page}");
    assert!(page.contains("<option selected>.hidden.html</option>"), "{page}");
}
