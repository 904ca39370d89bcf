mod altered;
mod any_text;
mod appended;
mod refused;

use super::{Change, EditError, Literal, apply, changed_periods, contains_periods, key_at};

const START: &str = "2026-12-01T22:00:00Z";

fn start() -> (&'static str, Literal) {
    ("start", Literal::DateTime(START.to_owned()))
}

fn string(text: &str) -> Literal {
    Literal::String(text.to_owned())
}

fn date(text: &str) -> Literal {
    Literal::DateTime(text.to_owned())
}

fn append() -> Change {
    Change::Append(vec![start(), ("name", string("b"))])
}

fn set(period: usize, key: &'static str, value: Literal) -> Change {
    Change::Alter { period, set: vec![(key, value)], remove: vec![] }
}

fn remove(period: usize, keys: &[&'static str]) -> Change {
    Change::Alter { period, set: vec![], remove: keys.to_vec() }
}

fn end_for(period: usize) -> Change {
    Change::Alter { period, set: vec![("end", date("2026-12-02T02:00:00Z"))], remove: vec!["for"] }
}

fn except(period: usize) -> Change {
    Change::Push { period, key: "except", value: date("2026-12-26") }
}

#[track_caller]
fn check(cases: &[(&str, Change, &str)]) {
    for (text, change, expected) in cases {
        let edited = apply(text, std::slice::from_ref(change));
        assert_eq!(edited.as_deref(), Ok(*expected), "\n{change:?} of\n{text}");
    }
}

#[test]
fn changes_are_applied_in_order() {
    let changes =
        [append(), set(0, "enabled", Literal::Bool(false)), except(0), remove(0, &["name", "start"])];
    let expected = "# é\n\n[[period]]\nenabled = false\nexcept = [2026-12-26]\n";
    assert_eq!(apply("# é\n", &changes).as_deref(), Ok(expected));
}

#[test]
fn a_text_contains_an_edit_as_long_as_it_has_the_changed_periods() {
    let text = "[[period]]\nname = \"a\"\n[[period]]\nfor = 1\n";
    let changes = [set(0, "end", date(START)), append(), except(0), append()];
    let edited = apply(text, &changes).expect("applied");
    let periods = changed_periods(&edited, &changes).expect("read");
    let names: Vec<_> = periods.iter().map(|period| period["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["a", "b", "b"]);
    assert!(periods[0].contains_key("end") && periods[0].contains_key("except"));
    for (now, expected) in [
        (edited.clone(), true),
        (format!("# more\n{edited}\n[[period]]\nname = \"c\"\n"), true),
        (edited.replace("for = 1", "for = 2"), true),
        (edited.replace("name = \"a\"", "name = \"d\""), false),
        (edited.replace("except", "exempt"), false),
        (text.to_owned(), false),
        (String::new(), false),
        ("period = 1".to_owned(), false),
        ("period = [1]".to_owned(), false),
        (format!("{edited}["), false),
    ] {
        assert_eq!(contains_periods(&now, &periods), expected, "{now}");
    }
    assert!(contains_periods("", &[]) && changed_periods("", &[]) == Ok(vec![]));
    assert_eq!(changed_periods(text, &[set(2, "end", date(START))]), Err(EditError::Misread));
}

#[test]
fn the_key_at_a_place_is_found_in_each_layout() {
    for (text, period, at, key) in [
        ("[[period]]\nname = 'a'\nstart = now\n", Some(0), "now", None),
        ("[[period]]\nname = 'a'\n[[period]]\nfor = 'b'\n", Some(0), "'a'", Some("name")),
        ("[[period]]\nname = 'a'\n[[period]]\nfor = 'b'\n", Some(0), "'b'", None),
        ("[[period]]\nname = 'a'\n[[period]]\nfor = 'b'\n", None, "'b'", Some("for")),
        ("[[period]]\nname = 'a'\n[[period]]\nfor = 'b'\n", None, "for", Some("for")),
        ("[[period]]\nhosts = ['a', 'b']\n", None, "'b'", Some("hosts")),
        ("[[period]]\nmessage.en = 'a'\nname = 'b'\n", None, "'a'", Some("message")),
        ("[[period]]\nname = 'b'\n[period.message]\nen = 'a'\n", None, "'a'", Some("message")),
        ("[[period]]\nmessage = { en = 'a' }\n", None, "'a'", Some("message")),
        ("period = [{ name = 'a', for = 'b' }]\n", None, "'b'", Some("for")),
        ("timezone = 'x'\n", None, "'x'", None),
    ] {
        let offset = text.find(at).unwrap();
        assert_eq!(key_at(text, period, offset).as_deref(), key, "{text}");
    }
}
