//! Generates valid files in any layout that TOML allows, with what is known about each period.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

/// A key, and several ways to write its value.
type KeyLiterals = (&'static str, &'static [&'static str]);

/// A file, and what is known about its periods.
#[derive(Clone, Debug)]
pub(crate) struct GeneratedFile {
    pub(crate) text: String,
    /// True if its periods are a list, `period = [{ … }]`.
    pub(crate) inline: bool,
    pub(crate) periods: Vec<KnownPeriod>,
}

/// What is known about a period without parsing it.
#[derive(Clone, Debug)]
pub(crate) struct KnownPeriod {
    pub(crate) name: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) unscheduled: bool,
    pub(crate) state: GeneratedState,
}

/// The state of a period now and for centuries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GeneratedState {
    /// Active, without an end.
    Open,
    /// Active, with an end.
    Ending,
    Over,
    ToCome,
    /// A series with an active occurrence.
    Running,
    /// A series whose last occurrence is over.
    Past,
}

const LONG_AGO: &[&str] = &[
    "2020-01-01T00:00:00Z",
    "2020-01-01 00:00:00.25+01:00",
    "2020-01-01T00:00:00",
    "2020-01-01t00:00:00z",
    "2020-01-01T00:00",
];
const SOON_AFTER: &[&str] =
    &["2020-02-01T00:00:00Z", "2020-02-01 00:00:00", "2020-02-01T00:00:00.000001-11:30"];
const FAR: &[&str] = &["2999-01-01T00:00:00Z", "2999-01-01T00:00:00.5", "2999-01-01 00:00:00-03:30"];
const FARTHER: &[&str] = &["3000-01-01T00:00:00+14:00", "3000-01-01T00:00:00"];
const HOUR: &[&str] = &["\"1h\"", "'60min'", "\"\"\"\\\n  1h\"\"\"", "\"1\\u0068\""];
const AGES: &[&str] = &["\"900y\"", "'900years'"];

/// The kinds of periods: their keys, each with several ways to write its value, and their states.
const KINDS: [(GeneratedState, &[KeyLiterals]); 9] = [
    (GeneratedState::Open, &[("start", LONG_AGO)]),
    (GeneratedState::Ending, &[("start", LONG_AGO), ("end", FAR)]),
    (GeneratedState::Ending, &[("start", LONG_AGO), ("for", AGES)]),
    (GeneratedState::Over, &[("start", LONG_AGO), ("end", SOON_AFTER)]),
    (GeneratedState::Over, &[("start", LONG_AGO), ("for", HOUR)]),
    (GeneratedState::ToCome, &[("start", FAR)]),
    (GeneratedState::ToCome, &[("start", FAR), ("end", FARTHER)]),
    // From one leap day until after the next.
    (
        GeneratedState::Running,
        &[("cron", &["\"0 0 29 2 *\"", "'0  0 29 FEB *'"]), ("for", &["\"1500days\"", "'1500d'"])],
    ),
    (GeneratedState::Past, &[("cron", &["\"0 0 1 * *\""]), ("for", HOUR), ("end", SOON_AFTER)]),
];

/// Other keys, which commands remove only if they use a name again.
const OTHERS: [KeyLiterals; 5] = [
    ("message", MESSAGES),
    ("redirect", &["false", "\"/sorry\"", "'https://status.example/?a=[[period]]#b'"]),
    ("timezone", &["\"America/St_Johns\"", "'Asia/Kathmandu'"]),
    ("enabled", &["true", "false"]),
    ("unscheduled", &["true", "false"]),
];
const MESSAGES: &[&str] = &[
    "\"\"",
    "\"Back # soon, \\\"really\\\" ]}\"",
    "'C:\\[[period]] {'",
    "\"\"\"\n[[period]]\nend = 2020-01-01T00:00:00Z\n  \"\" \\\n  \"\"\"",
    "'''\nperiod = [{ end = 1 }] # '' \n[log]\n'''",
    "\"\u{1f980} \\u00e9 \\n\u{a0}\"",
];
/// Keys that are lists, each with its items.
const LISTS: [KeyLiterals; 3] = [
    ("hosts", &["\"shop.example.com\"", "'*.example.org'", "\"[::1]\""]),
    ("paths", &["\"/checkout/**\"", "'/a#b'", "\"/\u{e9}t\u{e9}/*\""]),
    ("methods", &["\"POST\"", "'PUT'", "\"DELETE\""]),
];
const EXCEPT: &[&str] = &["2020-02-29", "2020-02-29T00:00:00Z", "2016-02-29 00:00:00"];

const NAMES: [&str; 10] = [
    "db",
    "two words",
    "\u{e9}t\u{e9} \u{1f980}",
    "it's",
    "\"so\"",
    "[[period]]",
    "#1",
    "--all",
    "a.b",
    "'''",
];

const SECTIONS: [(&str, &[KeyLiterals]); 5] = [
    ("server", &[("status_path", &["false", "\"/[[period]]\""]), ("listen", &["[\"127.0.0.1:0\",]"])]),
    ("site", &[("upstream", &["\"http://127.0.0.1:8000\""]), ("connect_timeout", &["'1s'"])]),
    ("exempt", &[("paths", &["[ # none, yet\n]", "[\n  \"/admin/**\", # ]\n]"]), ("networks", &["[]"])]),
    ("response", &[("message", MESSAGES), ("status", &["503", "0x1F7"])]),
    ("log", &[("level", &["\"info\"", "'''info'''"]), ("access", &["true"])]),
];

const MAX_PERIODS: usize = 4;

const ABOVE: [&str; 5] =
    ["", "\n", "# end = 2020-01-01T00:00:00Z\n", "\t# [[period]] \u{1f980}\n", "  \n#\n"];
const EQUALS: [&str; 4] = [" = ", "=", "\t=\t", "   =  "];
const TAILS: [&str; 5] = ["", " # a comment", "\t#", " # ] } , \" ''' [[period]]", " \t"];
const HEADERS: [[&str; 2]; 4] = [["", ""], [" ", " "], ["\t\"", "\""], ["'", "' "]];
const INDENTS: [&str; 3] = ["", "  ", "\t"];

/// The layout of one key.
#[derive(Clone, Debug)]
struct Look {
    above: &'static str,
    quote: &'static str,
    equals: &'static str,
    tail: &'static str,
}

fn look() -> impl Strategy<Value = Look> {
    let quote = select(vec!["", "", "\"", "'"]);
    (select(&ABOVE[..]), quote, select(&EQUALS[..]), select(&TAILS[..]))
        .prop_map(|(above, quote, equals, tail)| Look { above, quote, equals, tail })
}

/// A key, its value, and their layout.
#[derive(Clone, Debug)]
struct Entry {
    key: &'static str,
    value: String,
    look: Look,
}

impl Entry {
    fn text(&self) -> String {
        let Look { quote, equals, .. } = self.look;
        [quote, self.key, quote, equals, &self.value].concat()
    }

    fn lines(&self, indent: &str) -> String {
        [self.look.above, indent, &self.text(), self.look.tail, "\n"].concat()
    }
}

fn entry((key, values): KeyLiterals) -> impl Strategy<Value = Entry> {
    let value = select(values);
    (value, look()).prop_map(move |(value, look)| Entry { key, value: value.to_owned(), look })
}

fn entries(keys: Vec<KeyLiterals>) -> impl Strategy<Value = Vec<Entry>> {
    keys.into_iter().map(entry).collect::<Vec<_>>()
}

/// Writes a list in one of the layouts of arrays.
fn array(items: &[&str], layout: usize) -> String {
    let joined = |between: &str| items.join(between);
    match layout {
        _ if items.is_empty() => ["[]", "[ ]", "[\n]", "[ # none, yet\n  ]"][layout % 4].to_owned(),
        0 => format!("[{}]", joined(", ")),
        1 => format!("[ {} ]", joined(" , ")),
        2 => format!("[{},]", joined(",")),
        3 => format!("[\n  {}\n]", joined(",\n  ")),
        4 => format!("[\n\t{}, # the last, ]\n\t# end\n]", joined(", # one, \"\n\t")),
        5 => format!("[ # first, none\n  {} # last\n  # end\n]", joined("\n  , ")),
        _ => format!("[\n    {}\n    ,]", joined(", ")),
    }
}

fn list((key, items): KeyLiterals, fewest: usize) -> impl Strategy<Value = Entry> {
    (subsequence(items, fewest..=items.len()), 0..7_usize, look())
        .prop_map(move |(items, layout, look)| Entry { key, value: array(&items, layout), look })
}

/// A period: what is known about it, and its keys in some order.
#[derive(Clone, Debug)]
struct GeneratedPeriodText {
    known: KnownPeriod,
    entries: Vec<Entry>,
    header: [&'static str; 2],
    indent: &'static str,
    /// The layout of an inline table.
    layout: usize,
}

fn period() -> impl Strategy<Value = GeneratedPeriodText> {
    let keys = select(&KINDS[..]).prop_flat_map(|(state, keys)| {
        let series = matches!(state, GeneratedState::Running | GeneratedState::Past);
        let except = if series {
            proptest::option::of(list(("except", EXCEPT), 0)).boxed()
        } else {
            Just(None).boxed()
        };
        let lists = LISTS.map(|of| proptest::option::weighted(0.3, list(of, 1)));
        let others = subsequence(&OTHERS[..], 0..=OTHERS.len()).prop_flat_map(entries);
        (Just(state), entries(keys.to_vec()), except, Vec::from(lists), others)
    });
    let name = proptest::option::weighted(0.7, (select(&NAMES[..]), look()));
    let layout = (select(&HEADERS[..]), select(&INDENTS[..]), 0..4_usize);
    (keys, name, layout).prop_flat_map(|((state, keys, except, lists, others), name, layout)| {
        let named = name.as_ref().map(|(name, look)| {
            let value = toml::Value::String((*name).to_owned()).to_string();
            Entry { key: "name", value, look: look.clone() }
        });
        let all =
            keys.into_iter().chain(except).chain(lists.into_iter().flatten()).chain(others).chain(named);
        let name = name.map(|(name, _)| name.to_owned());
        let (header, indent, layout) = layout;
        Just(all.collect::<Vec<_>>()).prop_shuffle().prop_map(move |entries| {
            let has = |key, value| entries.iter().any(|entry| entry.key == key && entry.value == value);
            let (enabled, unscheduled) = (!has("enabled", "false"), has("unscheduled", "true"));
            let known = KnownPeriod { name: name.clone(), enabled, unscheduled, state };
            GeneratedPeriodText { known, entries, header, indent, layout }
        })
    })
}

impl GeneratedPeriodText {
    fn table(&self) -> String {
        let [before, after] = self.header;
        let keys: String = self.entries.iter().map(|entry| entry.lines(self.indent)).collect();
        format!("{}[[{before}period{after}]]{}\n{keys}", self.indent, self.entries[0].look.tail)
    }

    fn inline(&self) -> String {
        let texts: Vec<_> = self.entries.iter().map(Entry::text).collect();
        match self.layout {
            0 => format!("{{{}}}", texts.join(",")),
            1 => format!("{{ {}, }}", texts.join(" , ")),
            2 => format!("{{\n    {}\n  }}", texts.join(", # one, }\n    ")),
            _ => format!("{{ # first,\n\t{} # last }}\n\t,\n}}", texts.join("\n\t, ")),
        }
    }
}

/// A section with some of its keys.
#[derive(Clone, Debug)]
struct GeneratedSection {
    name: &'static str,
    entries: Vec<Entry>,
    form: SectionForm,
}

#[derive(Clone, Copy, Debug)]
enum SectionForm {
    Dotted,
    Inline,
    Table([&'static str; 2]),
}

impl GeneratedSection {
    fn text(&self) -> String {
        let Self { name, entries, form } = self;
        match form {
            SectionForm::Dotted => {
                entries.iter().map(|entry| [name, ".", &entry.text(), "\n"].concat()).collect()
            }
            SectionForm::Inline => {
                let texts: Vec<_> = entries.iter().map(Entry::text).collect();
                format!("{name} = {{ {} }} # inline\n", texts.join(", "))
            }
            SectionForm::Table([before, after]) => {
                let keys: String = entries.iter().map(|entry| entry.lines("  ")).collect();
                format!("[{before}{name}{after}]\n{keys}")
            }
        }
    }
}

fn sections() -> impl Strategy<Value = Vec<GeneratedSection>> {
    let section = |(name, keys): (&'static str, &'static [KeyLiterals])| {
        let form = prop_oneof![
            Just(SectionForm::Dotted),
            Just(SectionForm::Inline),
            select(&HEADERS[..]).prop_map(SectionForm::Table),
            select(&HEADERS[..]).prop_map(SectionForm::Table),
        ];
        let entries = subsequence(keys, 1..=keys.len()).prop_flat_map(entries);
        (entries, form).prop_map(move |(entries, form)| GeneratedSection { name, entries, form })
    };
    subsequence(&SECTIONS[..], 0..=SECTIONS.len())
        .prop_flat_map(move |some| some.into_iter().map(section).collect::<Vec<_>>())
        .prop_shuffle()
}

/// How the periods are written in the file.
#[derive(Clone, Debug)]
enum Form {
    /// Each as a table, somewhere among the sections that are tables.
    Tables(Vec<Index>),
    /// As a list in some layout.
    Inline(usize, Look),
}

/// Generates a file.
pub(crate) fn file() -> impl Strategy<Value = GeneratedFile> {
    let periods = vec(period(), 0..=MAX_PERIODS).prop_map(with_distinct_names);
    let form = prop_oneof![
        3 => vec(any::<Index>(), MAX_PERIODS).prop_map(Form::Tables),
        2 => (0..7_usize, look()).prop_map(|(layout, look)| Form::Inline(layout, look)),
    ];
    let zone = proptest::option::of(entry(("timezone", &["\"Europe/Berlin\"", "'UTC'"])));
    (periods, form, sections(), zone, ends()).prop_map(|(periods, form, sections, zone, ends)| {
        GeneratedFile {
            text: ends.apply_to(&body(&periods, &form, &sections, zone.as_ref())),
            inline: matches!(form, Form::Inline(..)),
            periods: periods.into_iter().map(|period| period.known).collect(),
        }
    })
}

/// Writes the file: keys that are not tables come first.
fn body(
    periods: &[GeneratedPeriodText],
    form: &Form,
    sections: &[GeneratedSection],
    zone: Option<&Entry>,
) -> String {
    let is_table = |section: &&GeneratedSection| matches!(section.form, SectionForm::Table(_));
    let (tables, top): (Vec<_>, Vec<_>) = sections.iter().partition(is_table);
    let mut tables: Vec<_> = tables.into_iter().map(GeneratedSection::text).collect();
    let mut top: String = zone
        .map(|zone| zone.lines(""))
        .into_iter()
        .chain(top.into_iter().map(GeneratedSection::text))
        .collect();
    match form {
        Form::Tables(places) => {
            let mut from = 0;
            for (period, place) in periods.iter().zip(places) {
                from += place.index(tables.len() - from + 1);
                tables.insert(from, period.table());
                from += 1;
            }
        }
        Form::Inline(layout, look) => {
            let items: Vec<_> = periods.iter().map(GeneratedPeriodText::inline).collect();
            let items: Vec<_> = items.iter().map(String::as_str).collect();
            top += &Entry { key: "period", value: array(&items, *layout), look: look.clone() }.lines("");
        }
    }
    top + &tables.concat()
}

/// Lets only the first of several periods with the same name keep it.
fn with_distinct_names(mut periods: Vec<GeneratedPeriodText>) -> Vec<GeneratedPeriodText> {
    let mut seen = Vec::new();
    for period in &mut periods {
        if period.known.name.as_ref().is_some_and(|name| seen.contains(name)) {
            period.known.name = None;
            period.entries.retain(|entry| entry.key != "name");
        }
        seen.extend(period.known.name.clone());
    }
    periods
}

/// The beginning of a file, and its line ends.
#[derive(Clone, Debug)]
struct Ends {
    mark: bool,
    above: &'static str,
    /// Which lines end in CRLF, repeated over the file.
    crlf: Vec<bool>,
    /// True if the last line has a newline.
    closed: bool,
}

fn ends() -> impl Strategy<Value = Ends> {
    let crlf = prop_oneof![Just(vec![false]), Just(vec![true]), vec(any::<bool>(), 2..8)];
    (any::<bool>(), select(&ABOVE[..]), crlf, any::<bool>()).prop_map(|(mark, above, crlf, closed)| Ends {
        mark,
        above,
        crlf,
        closed,
    })
}

impl Ends {
    fn apply_to(&self, body: &str) -> String {
        // A file of white space only counts as empty.
        let above = if body.is_empty() { "# only a comment\n" } else { self.above };
        let text = [above, body].concat();
        let lines = text.split_inclusive('\n').zip(self.crlf.iter().cycle());
        let ended =
            lines.map(|(line, crlf)| if *crlf { line.replace('\n', "\r\n") } else { line.to_owned() });
        let mark = if self.mark { "\u{feff}" } else { "" };
        let text = [mark.to_owned()].into_iter().chain(ended).collect::<String>();
        if self.closed { text } else { text.trim_end_matches(['\r', '\n']).to_owned() }
    }
}
