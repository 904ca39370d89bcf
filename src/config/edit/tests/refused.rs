//! Texts and edits that are refused.

use super::super::verification;
use super::*;

#[test]
fn a_text_that_cannot_be_edited_is_refused() {
    let set = |key| set(0, key, string("x"));
    for (text, change, expected) in [
        ("a = ", append(), EditError::Syntax(String::new())),
        ("period = 1", append(), EditError::NotPeriods),
        ("[period]", append(), EditError::NotPeriods),
        ("period.a = 1", set("name"), EditError::NotPeriods),
        ("period = [1]", set("name"), EditError::NotPeriods),
        ("", set("name"), EditError::NoPeriod { period: 0, periods: 0 }),
        ("period = []", set("name"), EditError::NoPeriod { period: 0, periods: 0 }),
        ("[[period]]\n[[period]]", except(2), EditError::NoPeriod { period: 2, periods: 2 }),
        ("period = [{name.first = 1}]", remove(0, &["name"]), EditError::NotAValue("name")),
        ("[[period]]\nexcept = 1", except(0), EditError::NotAnArray("except")),
    ] {
        match (apply(text, &[change]), expected) {
            (Err(EditError::Syntax(_)), EditError::Syntax(_)) => {}
            (actual, expected) => assert_eq!(actual, Err(expected), "{text}"),
        }
    }
}

#[test]
fn an_edit_with_an_unintended_result_is_refused() {
    let text = "[[period]]\nname = \"a\"\n";
    let change = [set(0, "name", string("b"))];
    for (edited, expected) in [
        ("[[period]]\nname = 'b' # c\n", Ok(())),
        ("[[period]]\nname = \"c\"\n", Err(EditError::Misread)),
        ("[[period]]\nname = \"b\"\nend = 1\n", Err(EditError::Misread)),
        ("[[period]]\nname = \"b\"\n[[period]]\n", Err(EditError::Misread)),
        ("[[period]]\nname = \"b\nend = 1\n", Err(EditError::Misread)),
    ] {
        assert_eq!(verification::verify(text, edited, &change), expected, "{edited}");
    }
}

#[test]
fn a_date_time_literal_must_be_a_date_time() {
    for text in
        ["", "1", "x", "2026-12-01T22:00:00Z # x", "2026-12-01\na = 1", " 2026-12-01", "2026-02-30T00:00:00Z"]
    {
        let edited = apply("[[period]]\n", &[set(0, "end", date(text))]);
        assert_eq!(edited, Err(EditError::NotADateTime(text.to_owned())), "{text}");
    }
    for text in ["2026-12-26", "2026-12-01T22:00:00.000000001-11:30", "2026-12-01 22:00:00"] {
        assert!(apply("[[period]]\n", &[set(0, "end", date(text))]).is_ok(), "{text}");
    }
}
