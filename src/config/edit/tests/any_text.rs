//! Edits of any text, in any layout.

use proptest::prelude::*;

use super::*;

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
