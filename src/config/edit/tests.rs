use proptest::prelude::*;

use super::{
    Change, EditError, Literal, apply, changed_periods, contains_periods, key_at, layout, verification,
};

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

#[test]
fn a_value_is_written_on_one_line() {
    let strings = |texts: &[&str]| Literal::Strings(texts.iter().map(|&text| text.to_owned()).collect());
    for (value, written) in [
        (string("a \"b\"\n"), r#""a \"b\"\n""#),
        (date(START), START),
        (Literal::Bool(true), "true"),
        (Literal::Bool(false), "false"),
        (strings(&[]), "[]"),
        (strings(&["a"]), r#"["a"]"#),
        (strings(&["a", "b, \\c"]), r#"["a", "b, \\c"]"#),
    ] {
        let edited = apply("[[period]]\n", &[set(0, "key", value)]);
        assert_eq!(edited, Ok(format!("[[period]]\nkey = {written}\n")));
    }
}

#[test]
fn a_value_is_replaced_in_place() {
    let set = |key| set(0, key, string("new"));
    check(&[
        ("[[period]]\nname = \"old\"\n", set("name"), "[[period]]\nname = \"new\"\n"),
        ("[[period]]\r\nname='old' # kept\r\n", set("name"), "[[period]]\r\nname=\"new\" # kept\r\n"),
        ("\u{feff}[[period]]\n\t\"name\"  =\t1", set("name"), "\u{feff}[[period]]\n\t\"name\"  =\t\"new\""),
        (
            "[[ period ]] #\n'name' = '''\n[[period]]\nname = 1\n''' # c",
            set("name"),
            "[[ period ]] #\n'name' = \"new\" # c",
        ),
        ("[[period]]\nfor = [ # x\n 1,\n]\nname = 1", set("for"), "[[period]]\nfor = \"new\"\nname = 1"),
        ("period = [{ name = \"é\", end = 1 }]", set("name"), "period = [{ name = \"new\", end = 1 }]"),
        ("period = [\n  {name='x'}, # c\n]", set("name"), "period = [\n  {name=\"new\"}, # c\n]"),
        (
            "[[period]]\nx.name = 1\nname = 2\n[period.y]\nname = 3\n",
            set("name"),
            "[[period]]\nx.name = 1\nname = \"new\"\n[period.y]\nname = 3\n",
        ),
    ]);
}

#[test]
fn a_new_key_follows_the_last_key_of_its_table() {
    let set = |period| set(period, "end", date(START));
    check(&[
        ("[[period]]", set(0), "[[period]]\nend = 2026-12-01T22:00:00Z"),
        (
            "  [[period]]  # c\n\n[log]\n",
            set(0),
            "  [[period]]  # c\n  end = 2026-12-01T22:00:00Z\n\n[log]\n",
        ),
        (
            "[[period]]\nname = 1 # c\n# d\n\n",
            set(0),
            "[[period]]\nname = 1 # c\nend = 2026-12-01T22:00:00Z\n# d\n\n",
        ),
        ("[[period]]\n\t name = 1", set(0), "[[period]]\n\t name = 1\n\t end = 2026-12-01T22:00:00Z"),
        ("[[period]]\r\nname = 1\r\n", set(0), "[[period]]\r\nname = 1\r\nend = 2026-12-01T22:00:00Z\r\n"),
        (
            "[[period]]\n  paths = [\n\"/\",\n]#c\n",
            set(0),
            "[[period]]\n  paths = [\n\"/\",\n]#c\n  end = 2026-12-01T22:00:00Z\n",
        ),
        (
            "[[period]]\nx.y = 1\nz = 2\nx.w = 3\n[period.v]\nu = 1\n",
            set(0),
            "[[period]]\nx.y = 1\nz = 2\nx.w = 3\nend = 2026-12-01T22:00:00Z\n[period.v]\nu = 1\n",
        ),
        (
            "[[period]]\na = 1\n[log]\n[[period]]\na = 2\n[[period]]\n",
            set(1),
            "[[period]]\na = 1\n[log]\n[[period]]\na = 2\nend = 2026-12-01T22:00:00Z\n[[period]]\n",
        ),
        ("period = [{}]", set(0), "period = [{ end = 2026-12-01T22:00:00Z }]"),
        ("period = [{ a = 1 }, {b=2}]", set(1), "period = [{ a = 1 }, {b=2, end = 2026-12-01T22:00:00Z}]"),
        (
            "period = [{ x.a = 1, x.b = 2, }]",
            set(0),
            "period = [{ x.a = 1, x.b = 2, end = 2026-12-01T22:00:00Z, }]",
        ),
        (
            "period = [{\n  a = 1 # c\n}]",
            set(0),
            "period = [{\n  a = 1, # c\n  end = 2026-12-01T22:00:00Z\n}]",
        ),
        ("period = [{\n}]", set(0), "period = [{\n  end = 2026-12-01T22:00:00Z,\n}]"),
    ]);
}

#[test]
fn removing_a_key_removes_its_line_but_no_comment() {
    let remove = || remove(0, &["for"]);
    check(&[
        ("[[period]]\na = 1\n", remove(), "[[period]]\na = 1\n"),
        ("[[period]]\nfor = 1\na = 1\n", remove(), "[[period]]\na = 1\n"),
        ("[[period]]\r\na = 1\r\n  \"for\" = 1  \r\n\r\n", remove(), "[[period]]\r\na = 1\r\n\r\n"),
        ("[[period]]\na = 1\nfor = 1", remove(), "[[period]]\na = 1\n"),
        (
            "[[period]]\n# before\n\tfor = [\n1, # gone\n]\t# kept\n# after",
            remove(),
            "[[period]]\n# before\n\t# kept\n# after",
        ),
        ("period = [{ for = 1 }]", remove(), "period = [{ }]"),
        ("period = [{ for = 1, }]", remove(), "period = [{ }]"),
        ("period = [{for = 1, a = 2}]", remove(), "period = [{a = 2}]"),
        ("period = [{ a = 1, for = 2, b = 3 }]", remove(), "period = [{ a = 1, b = 3 }]"),
        ("period = [{a = 1 , for = 2}]", remove(), "period = [{a = 1 }]"),
        ("period = [{ a = 1, for = 2, }]", remove(), "period = [{ a = 1, }]"),
        ("period = [{\n  a = 1, # a\n  for = 2 # for\n}]", remove(), "period = [{\n  a = 1 # a\n  # for\n}]"),
        ("period = [{\n  a = 1,\n  for = 2,\n  b = 3,\n}]", remove(), "period = [{\n  a = 1,\n  b = 3,\n}]"),
        ("period = [{\n  for = 2 # for\n  , b = 3\n}]", remove(), "period = [{\n  # for\n   b = 3\n}]"),
    ]);
}

#[test]
fn keys_are_set_before_others_are_removed() {
    check(&[
        (
            "[[period]]\nstart = 1\nfor = \"4h\"\nmessage = \"m\"\n",
            end_for(0),
            "[[period]]\nstart = 1\nmessage = \"m\"\nend = 2026-12-02T02:00:00Z\n",
        ),
        ("[[period]]\n  for = \"4h\"\n", end_for(0), "[[period]]\n  end = 2026-12-02T02:00:00Z\n"),
        ("period = [{for = \"4h\"}]", end_for(0), "period = [{end = 2026-12-02T02:00:00Z}]"),
    ]);
}

#[test]
fn a_value_is_pushed_in_the_layout_of_its_array() {
    check(&[
        ("[[period]]\na = 1\n", except(0), "[[period]]\na = 1\nexcept = [2026-12-26]\n"),
        ("period = [{ a = 1 }]", except(0), "period = [{ a = 1, except = [2026-12-26] }]"),
        ("[[period]]\nexcept = []#c", except(0), "[[period]]\nexcept = [2026-12-26]#c"),
        (
            "[[period]]\nexcept = [ 2026-01-01 ]\n",
            except(0),
            "[[period]]\nexcept = [ 2026-01-01, 2026-12-26 ]\n",
        ),
        (
            "[[period]]\nexcept = [2026-01-01,]\n",
            except(0),
            "[[period]]\nexcept = [2026-01-01, 2026-12-26,]\n",
        ),
        (
            "[[period]]\r\n  except = [\r\n    2026-01-01, # one, or\r\n    2026-01-02  # two ]\r\n    # three\r\n  ] # c\r\n",
            except(0),
            "[[period]]\r\n  except = [\r\n    2026-01-01, # one, or\r\n    2026-01-02,  # two ]\r\n    2026-12-26\r\n    # three\r\n  ] # c\r\n",
        ),
    ]);
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
fn a_table_of_several_lines_is_replaced_as_a_whole() {
    for (text, replaced, removed) in [
        (
            "[[period]]\nstart = 1\n[period.message]\n# Said by Ada.\nen = \"Hi\"\nde = \"\"\"\nHallo\"\"\" # end\n\n[[period]]\nstart = 2\n",
            "[[period]]\nstart = 1\nmessage = \"x\"\n# Said by Ada.\n# end\n\n[[period]]\nstart = 2\n",
            "[[period]]\nstart = 1\n# Said by Ada.\n# end\n\n[[period]]\nstart = 2\n",
        ),
        (
            "[[period]]\r\n  message.en = \"Hi\"\r\n  start = 1\r\n  message.de = \"Hallo\"\r\n",
            "[[period]]\r\n  start = 1\r\n  message = \"x\"\r\n",
            "[[period]]\r\n  start = 1\r\n",
        ),
        ("[[period]]\n[period.message]", "[[period]]\nmessage = \"x\"\n", "[[period]]\n"),
        (
            "[[period]]\n  [ period . message ] # said\nen = \"Hi\"\n",
            "[[period]]\nmessage = \"x\"\n  # said\n",
            "[[period]]\n  # said\n",
        ),
    ] {
        assert_eq!(apply(text, &[set(0, "message", string("x"))]).as_deref(), Ok(replaced), "{text}");
        assert_eq!(apply(text, &[remove(0, &["message"])]).as_deref(), Ok(removed), "{text}");
    }
}

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
fn an_error_says_why_the_text_cannot_be_edited() {
    for (error, message) in [
        (EditError::Syntax("why".to_owned()), "the file is not valid TOML: why"),
        (EditError::NotPeriods, "`period` is not a list of tables: write each period as [[period]]"),
        (EditError::NoPeriod { period: 2, periods: 1 }, "period 3 does not exist: the file has 1"),
        (EditError::NotAValue("name"), "`name` is a table, not a value"),
        (EditError::NotAnArray("except"), "`except` is not an array: write it as except = […]"),
        (EditError::NotADateTime("now".to_owned()), "invalid TOML date or date-time `now`"),
        (EditError::Misread, "the layout of the file does not allow a safe edit: edit the file by hand"),
    ] {
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_place_outside_the_text_is_refused() {
    for (place, edited) in [
        (0..2, Ok("xb")),
        (3..3, Ok("ébx")),
        (0..1, Err(EditError::Misread)),
        (1..2, Err(EditError::Misread)),
        (3..4, Err(EditError::Misread)),
    ] {
        assert_eq!(layout::splice("éb", place.clone(), "x"), edited.map(str::to_owned), "{place:?}");
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

/// A document in pieces: the text around the key `end` of one period, and the value of that key.
#[derive(Clone, Debug)]
struct Layout {
    before: String,
    value: Option<String>,
    after: String,
    newline: &'static str,
    period: usize,
    indentation: String,
}

impl Layout {
    fn with(&self, value: &str) -> String {
        let Self { before, after, newline, indentation, .. } = self;
        let line = if self.value.is_some() { value } else { &format!("{newline}{indentation}end = {value}") };
        [before, line, after].concat()
    }

    fn text(&self) -> String {
        [self.before.as_str(), self.value.as_deref().unwrap_or_default(), &self.after].concat()
    }
}

const HEADERS: [&str; 4] = ["[[period]]", "[[ period ]]", "[[\"period\"]]", "\t[[period]] # one, \"é\""];
const FILLS: [&str; 5] = ["", "# end = 1", " \t", "# [[period]] \u{1f980}", "#"];
const KEYS: [&str; 6] = [
    "name = 'x # y'",
    "scope.hosts = [ \"a\", # c\n  'b' ]",
    "message = \"\"\"\n[[period]]\nend = 1\n\"\"\"",
    "paths=[]#x",
    "t = { end = 1, b = [1,], }",
    "\"a.b\"\t=\t2026-12-01T22:00:00Z  # c",
];
const TABLES: [&str; 4] =
    ["[period.sub]\nend = 1", "[log]", "[other]\nperiod = [{ end = 1 }]", "[[period.more]]\nend = '''\n'''"];
const VALUES: [&str; 4] = ["2026-12-01T22:00:00Z", "'''\n[[period]]\n'''", "[ # c\n1,\n]", "{ end = 1 }"];
const INDENTATIONS: [&str; 3] = ["", "  ", "\t "];

fn period() -> impl Strategy<Value = (String, String)> {
    let parts = (0..HEADERS.len(), 0..FILLS.len(), 0..=KEYS.len(), 0..INDENTATIONS.len());
    parts.prop_map(|(header, fill, keys, indentation)| {
        let indentation = INDENTATIONS[indentation];
        let keys = KEYS[..keys].iter().map(|key| format!("{indentation}{key}")).collect::<Vec<_>>();
        let mut lines = vec![HEADERS[header].to_owned(), FILLS[fill].to_owned()];
        lines.extend(keys);
        (lines.join("\n"), indentation.to_owned())
    })
}

fn layout() -> impl Strategy<Value = Layout> {
    let rest =
        (0..FILLS.len(), prop::option::of(0..TABLES.len()), any::<bool>(), any::<bool>(), any::<bool>());
    let value = prop::option::of(0..VALUES.len());
    (prop::collection::vec(period(), 0..3), period(), value, rest).prop_map(
        |(earlier, period, value, rest)| {
            let (fill, table, mark, crlf, closed) = rest;
            let lines = |text: &str| if crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
            let mut before = String::from(if mark { "\u{feff}" } else { "" });
            for (text, _) in &earlier {
                before += &[text, "\n", FILLS[fill], "\n"].concat();
            }
            let (text, indentation) = period;
            let anchor = format!("{text}\n{indentation}z = 1 # last");
            before += &anchor;
            if value.is_some() {
                before += &["\n", &indentation, "\"end\" = "].concat();
            }
            let mut after = format!("\n{}", FILLS[fill]);
            after += &table.map(|table| format!("\n{}", TABLES[table])).unwrap_or_default();
            after += if closed { "\n" } else { "" };
            Layout {
                before: lines(&before),
                value: value.map(|value| lines(VALUES[value])),
                after: lines(&after),
                newline: if crlf { "\r\n" } else { "\n" },
                period: earlier.len(),
                indentation,
            }
        },
    )
}

proptest! {
    #[test]
    fn all_other_bytes_stay_in_every_layout(layout in layout(), message in any::<String>()) {
        let text = layout.text();
        let altered = apply(&text, &[set(layout.period, "end", date(START))]);
        prop_assert_eq!(altered, Ok(layout.with(START)));

        let appended = apply(&text, &[Change::Append(vec![("message", string(&message))])]);
        let appended = appended.expect("appends to any document");
        prop_assert!(appended.starts_with(&text));
        let both = apply(&appended, &[set(layout.period, "end", date(START))]);
        prop_assert_eq!(both, Ok(layout.with(START) + &appended[text.len()..]));
        let last = toml::from_str::<toml::Table>(&appended).expect("valid")["period"].as_array().expect("array")
            .last().cloned().expect("a period");
        prop_assert_eq!(last.as_table().and_then(|last| last["message"].as_str()), Some(message.as_str()));
    }

    #[test]
    fn any_text_can_be_written_and_read_back(text in any::<String>()) {
        let edited = apply("period = [{}]", &[set(0, "message", string(&text))]).expect("any text can be written");
        prop_assert_eq!(edited.lines().count(), 1);
    }

    #[test]
    fn no_text_makes_an_edit_panic(text in "\u{feff}?([a\"'= \\[\\]{},#.\r\n1]|period|\\[\\[period\\]\\]\n|end = 1){0,12}") {
        for change in [append(), end_for(0), except(0), remove(0, &["end", "a"])] {
            if let Ok(edited) = apply(&text, &[change]) {
                prop_assert!(toml::from_str::<toml::Table>(&edited).is_ok());
            }
        }
    }
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
