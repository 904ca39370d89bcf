//! Periods that are added.

use super::*;

#[test]
fn a_period_is_appended_as_a_table_after_one_blank_line() {
    let added = "[[period]]\nstart = 2026-12-01T22:00:00Z\nname = \"b\"\n";
    for (text, between) in [
        ("", ""),
        ("\u{feff}", ""),
        ("\n", ""),
        ("  \t", "\n"),
        ("# only a comment\n", "\n"),
        ("# only a comment", "\n\n"),
        ("timezone = \"UTC\"\n\n", ""),
        ("timezone = \"UTC\"\n \t\n", ""),
        ("timezone = \"UTC\"\n \t", "\n"),
        ("\u{feff}timezone = \"UTC\"", "\n\n"),
        ("[[period]]\nname = \"a\"\n\n\n", ""),
        ("[[period]]\nname = \"a\"\n[log]\nlevel = \"info\"\n", "\n"),
        ("[[period]]\n[[period.note]]\nx = 1 # unfinished line: é", "\n\n"),
        ("[[ period ]]\n", "\n"),
        ("[[\"period\"]]\n", "\n"),
        ("x = '''\n[[period]]\n'''\n", "\n"),
        ("x = '''\n[[period]]\nperiod = [\n'''", "\n\n"),
    ] {
        assert_eq!(apply(text, &[append()]), Ok([text, between, added].concat()), "{text:?}");
    }
}

#[test]
fn an_appended_period_has_the_line_ends_of_the_text() {
    let added = "[[period]]\r\nstart = 2026-12-01T22:00:00Z\r\nname = \"b\"\r\n";
    for (text, between) in [
        ("# a comment\r\n", "\r\n"),
        ("# a comment\r\n# another", "\r\n\r\n"),
        ("\u{feff}# a comment\r\n\r\n", ""),
        ("a = 1\r\nb = 2\n", "\r\n"),
    ] {
        assert_eq!(apply(text, &[append()]), Ok([text, between, added].concat()), "{text:?}");
    }
}

#[test]
fn an_inline_array_gets_the_period_in_its_own_layout() {
    let one = "{ start = 2026-12-01T22:00:00Z, name = \"b\" }";
    for (before, after) in [
        ("period = []", "period = [@]"),
        ("period = [ ] # none\n", "period = [ @ ] # none\n"),
        ("period = [\n]\n[log]\n", "period = [\n  @,\n]\n[log]\n"),
        ("period = [ # none\n]\n", "period = [ # none\n  @,\n]\n"),
        ("period = [\n    # none,  \n  ]\n", "period = [\n    # none,  \n    @,\n  ]\n"),
        ("period = [\n# none\n  ]\n", "period = [\n# none\n@,\n  ]\n"),
        ("\tperiod = [\r\n\t]\r\n", "\tperiod = [\r\n\t\t@,\r\n\t]\r\n"),
        ("\"period\" = [{name=\"a\"}]", "\"period\" = [{name=\"a\"}, @]"),
        ("period = [ {name=\"a\"}, ]\n", "period = [ {name=\"a\"}, @, ]\n"),
        ("period = [{name=\"a\"}, # one\n]", "period = [{name=\"a\"}, # one\n  @,\n]"),
        ("period = [{name=\"a\"} # one\n]", "period = [{name=\"a\"}, # one\n  @\n]"),
        ("period = [\n  {name=\"a\"}\n]\n", "period = [\n  {name=\"a\"},\n  @\n]\n"),
        ("period = [\n  {name=\"a\"}]\n", "period = [\n  {name=\"a\"},\n  @]\n"),
        (
            "period = [\n\t{name=\"a\"}, # 1, \"x\"\n\t# end\n]",
            "period = [\n\t{name=\"a\"}, # 1, \"x\"\n\t@,\n\t# end\n]",
        ),
        ("period = [\n  {name=\"a\"} # 1,\n  # 2\n]", "period = [\n  {name=\"a\"}, # 1,\n  @\n  # 2\n]"),
        ("period = [\n  {name=\"a\"}\n  , # 1\n]", "period = [\n  {name=\"a\"}\n  , # 1\n  @,\n]"),
        ("period = [\r\n  {name=\"é\"},\r\n]", "period = [\r\n  {name=\"é\"},\r\n  @,\r\n]"),
        ("period = [\n  {name=\"a\"}, {name=\"]\"},\n]", "period = [\n  {name=\"a\"}, {name=\"]\"}, @,\n]"),
        ("\u{feff}period = [{name=\"a\"}]", "\u{feff}period = [{name=\"a\"}, @]"),
        ("\u{feff} period = [{name=\"a\"}, #\n]", "\u{feff} period = [{name=\"a\"}, #\n   @,\n]"),
    ] {
        assert_eq!(apply(before, &[append()]), Ok(after.replace('@', one)), "{before:?}");
    }
}

#[test]
fn a_period_without_keys_is_empty_in_each_form() {
    let append = || Change::Append(vec![]);
    check(&[
        ("", append(), "[[period]]\n"),
        ("period = []", append(), "period = [{}]"),
        ("period = [ { a = 1 } ]", append(), "period = [ { a = 1 }, {} ]"),
    ]);
}
