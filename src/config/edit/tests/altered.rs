//! Keys that are set, removed, or get another value.

use super::*;

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
