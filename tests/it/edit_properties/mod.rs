//! Runs `start` and then `end` on generated files: all other bytes stay the same, and only the periods that the commands
//! are about change.
//!
//! `PROPTEST_CASES` sets the number of files.

mod bytes;
mod file;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use downtime::clock;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use toml::{Table, Value};

use bytes::{assert_one_insertion, assert_untouched_elsewhere, literal, newline};
use file::{GeneratedFile, GeneratedState, KnownPeriod, file};

use crate::working_directory::{CommandOutput, WorkingDirectory};

/// Enough to reach every layout, within a few seconds.
const CASES: u32 = 64;

/// The options of `start`.
#[derive(Clone, Debug)]
struct StartOptions {
    name: NameOption,
    message: Option<String>,
    length: Length,
    at: Option<&'static str>,
    hosts: Vec<&'static str>,
    paths: Vec<&'static str>,
}

#[derive(Clone, Debug)]
enum NameOption {
    None,
    New(String),
    /// A name that is in the file.
    Of(Index),
}

#[derive(Clone, Copy, Debug)]
enum Length {
    Open,
    For(&'static str),
    Until(&'static str),
}

/// The argument of `end`.
#[derive(Clone, Debug)]
enum EndArgument {
    Open,
    All,
    Of(Index),
    Unknown,
}

fn start() -> impl Strategy<Value = StartOptions> {
    let new = "[^\\p{Cc}]{0,12}".prop_map(|odd| format!("new {odd}"));
    let name = prop_oneof![
        2 => Just(NameOption::None),
        2 => new.prop_map(NameOption::New),
        3 => any::<Index>().prop_map(NameOption::Of),
    ];
    let length = prop_oneof![
        2 => Just(Length::Open),
        1 => select(vec!["1h 30m", "400days", "1d 1ms"]).prop_map(Length::For),
        1 => select(vec!["2998-06-01T00:00:00", "2998-06-01T00:00:00.5+05:45"]).prop_map(Length::Until),
    ];
    let message = prop::option::of("[^\\x00]{0,24}");
    let at = prop::option::weighted(0.2, select(vec!["2997-06-01T02:30:00", "2997-06-01T00:00:00.25Z"]));
    let hosts = subsequence(vec!["shop.example.com", "*.example.org"], 0..=2);
    let paths = subsequence(vec!["/checkout/**", "/a#b", "/é"], 0..=2);
    (name, message, length, at, hosts, paths).prop_map(|(name, message, length, at, hosts, paths)| {
        StartOptions { name, message, length, at, hosts, paths }
    })
}

fn end() -> impl Strategy<Value = EndArgument> {
    prop_oneof![
        2 => Just(EndArgument::Open),
        2 => Just(EndArgument::All),
        4 => any::<Index>().prop_map(EndArgument::Of),
        1 => Just(EndArgument::Unknown),
    ]
}

#[test]
fn start_and_end_keep_all_other_bytes() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let ran = TestRunner::new(config).run(&(file(), start(), end()), |(file, start, end)| {
        EditCase::new(file).start(&start).end(&end);
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}

/// A file in a directory, and what is known about its periods.
struct EditCase {
    directory: WorkingDirectory,
    inline: bool,
    periods: Vec<KnownPeriod>,
}

impl EditCase {
    fn new(file: GeneratedFile) -> Self {
        let case = Self {
            directory: WorkingDirectory::with(&file.text),
            inline: file.inline,
            periods: file.periods,
        };
        case.check();
        case
    }

    /// Asserts that the file is valid and that each period is in its known state.
    fn check(&self) {
        let run = self.directory.run(&["--check", "--format", "json"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}\n{}", run.stdout, self.directory.text());
        let report = run.json();
        let found: Vec<_> = report["periods"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| (p["name"].clone(), p["active"].clone()))
            .collect();
        let known: Vec<_> =
            self.periods.iter().map(|p| (p.name.clone().into(), p.is_active().into())).collect();
        assert_eq!(found, known, "{}", self.directory.text());
    }

    fn start(mut self, start: &StartOptions) -> Self {
        let before = self.directory.text();
        let name = match &start.name {
            NameOption::None => None,
            NameOption::New(name) => Some(name.clone()),
            NameOption::Of(index) => self.name(*index),
        };
        let arguments = start.arguments(name.as_deref());
        let (run, when) = self.run(&arguments);
        let named =
            name.as_ref().and_then(|name| self.periods.iter().position(|p| p.name.as_ref() == Some(name)));
        let candidates = named.map_or_else(|| self.candidates(&before, start, &name), |named| vec![named]);
        match named {
            _ if start.at.is_none()
                && candidates.iter().any(|&period| self.periods[period].is_active_one_off()) =>
            {
                assert_eq!(run.code, 0, "{run:?}");
                self.check_changed(&before, &candidates, start, &when);
            }
            Some(period) if self.periods[period].state != GeneratedState::Over => {
                self.check_refused(&run, &before);
            }
            Some(period) => {
                assert_eq!(run.code, 0, "{run:?}");
                self.periods[period] = start.known(name);
                self.check_again(&before, period, start, &when);
            }
            None => {
                assert_eq!(run.code, 0, "{run:?}\n{before}");
                self.periods.push(start.known(name));
                self.check_appended(&before, start, &when);
            }
        }
        self.check();
        self
    }

    /// Asserts that one period was added, and that all bytes around it are unchanged.
    fn check_appended(&self, before: &str, start: &StartOptions, when: &RangeInclusive<Timestamp>) {
        let after = self.directory.text();
        if self.inline {
            assert_one_insertion(before, &after);
        } else {
            let added = after.strip_prefix(before).unwrap_or_else(|| panic!("{before}\n---\n{after}"));
            assert_eq!(added.matches('\n').count(), added.matches(newline(before)).count(), "{added:?}");
        }
        let (old, mut new) = (parsed(before), parsed(&after));
        let added = new.get_mut("period").and_then(Value::as_array_mut).and_then(Vec::pop).unwrap();
        // A file without periods has an empty list, or does not have the key.
        if !old.contains_key("period") {
            new.remove("period");
        }
        assert_eq!(old, new, "the rest of the file");
        start.check(added.as_table().unwrap(), self.periods.last().unwrap().name.as_deref(), when);
    }

    /// Returns the periods that `start` without a name may change: active, unscheduled, unnamed, with the same scope.
    fn candidates(&self, text: &str, start: &StartOptions, name: &Option<String>) -> Vec<usize> {
        let tables = periods(&parsed(text));
        let is_same = |table: &Table| {
            let list = |key: &str| {
                let texts = table.get(key).and_then(Value::as_array).into_iter().flatten();
                texts.map(|text| text.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
            };
            let given = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            !table.contains_key("methods")
                && (list("hosts"), list("paths")) == (given(&start.hosts), given(&start.paths))
        };
        let known = self.periods.iter().zip(&tables).enumerate();
        let candidates = known.filter(|(_, (known, table))| {
            name.is_none()
                && known.name.is_none()
                && known.unscheduled
                && known.is_active_one_off()
                && is_same(table)
        });
        candidates.map(|(period, _)| period).collect()
    }

    /// Asserts that one of these periods has the given values, and does not end earlier.
    fn check_changed(
        &mut self,
        before: &str,
        candidates: &[usize],
        start: &StartOptions,
        when: &RangeInclusive<Timestamp>,
    ) {
        const KEYS: [&str; 5] = ["end", "for", "message", "hosts", "paths"];
        let after = self.directory.text();
        let touched: Vec<_> = candidates.iter().map(|&period| (period, &KEYS[..])).collect();
        assert_untouched_elsewhere(before, &after, &touched);
        let (old, new) = (parsed(before), parsed(&after));
        let is_changed = |period: &&usize| periods(&old)[**period] != periods(&new)[**period];
        assert!(candidates.iter().filter(is_changed).count() <= 1, "{before}\n---\n{after}");
        // If there are several, it is the one that ends last. If none changed, it already had these values.
        let Some(&period) = candidates.iter().find(is_changed) else { return };
        let (old, new) = (&periods(&old)[period], &periods(&new)[period]);
        let given = |key: &str, given: Option<Value>| {
            assert_eq!(new.get(key), given.as_ref().or(old.get(key)), "{key}");
        };
        given("message", start.message.clone().map(Value::from));
        for (key, texts) in [("hosts", &start.hosts), ("paths", &start.paths)] {
            given(key, (!texts.is_empty()).then(|| Value::from(texts.clone())));
        }
        let known = &mut self.periods[period];
        if known.state == GeneratedState::Open || matches!(start.length, Length::Open) {
            known.state = GeneratedState::Open;
            assert!(!new.contains_key("end") && !new.contains_key("for"), "{after}");
        } else if new.get("end") != old.get("end") {
            assert!(!new.contains_key("for"), "{after}");
            let Length::Until(until) = start.length else { panic!("{start:?}: {after}") };
            assert_same_time(timestamp(&new["end"]), until);
            assert!(*when.end() < timestamp(&new["end"]));
        } else {
            assert_eq!(new.get("for"), old.get("for"), "{after}");
        }
    }

    /// Asserts that one period has new values, in the keys for which `start` has options.
    fn check_again(
        &self,
        before: &str,
        period: usize,
        start: &StartOptions,
        when: &RangeInclusive<Timestamp>,
    ) {
        const KEYS: [&str; 9] =
            ["start", "end", "for", "message", "hosts", "paths", "methods", "enabled", "unscheduled"];
        let after = self.directory.text();
        assert_untouched_elsewhere(before, &after, &[(period, &KEYS)]);
        let (old, new) = (parsed(before), parsed(&after));
        let rest =
            |file: &Table| file.clone().into_iter().filter(|(key, _)| key != "period").collect::<Table>();
        assert_eq!(rest(&old), rest(&new));
        let (old, new) = (periods(&old), periods(&new));
        for (at, (old, new)) in old.iter().zip(&new).enumerate().filter(|(at, _)| *at != period) {
            assert_eq!(old, new, "{at}");
        }
        let kept = |table: &Table| {
            table.clone().into_iter().filter(|(key, _)| !KEYS.contains(&key.as_str())).collect::<Table>()
        };
        assert_eq!(kept(&old[period]), kept(&new[period]));
        let mut given = new[period].clone();
        given.retain(|key, _| KEYS.contains(&key) || key == "name");
        assert_ne!(given.remove("enabled"), Some(false.into()));
        start.check(&given, self.periods[period].name.as_deref(), when);
    }

    fn end(mut self, end: &EndArgument) -> Self {
        let before = self.directory.text();
        let name = match end {
            EndArgument::Of(index) => self.name(*index),
            EndArgument::Unknown => Some("no such name".to_owned()),
            EndArgument::Open | EndArgument::All => None,
        };
        let arguments = match (end, &name) {
            (EndArgument::All, _) => vec!["end".to_owned(), "--all".to_owned()],
            (_, Some(name)) => vec!["end".to_owned(), "--".to_owned(), name.clone()],
            (_, None) => vec!["end".to_owned()],
        };
        let (run, when) = self.run(&arguments);
        if matches!(end, EndArgument::Unknown) {
            self.check_refused(&run, &before);
            return self;
        }
        let chosen: Vec<_> = self
            .periods
            .iter()
            .enumerate()
            .filter(|(_, known)| match (end, &name) {
                (EndArgument::All, _) => known.is_active(),
                (_, Some(name)) => known.enabled && known.name.as_ref() == Some(name),
                (_, None) => known.is_active() && (known.unscheduled || known.state == GeneratedState::Open),
            })
            .map(|(period, known)| (period, known.state))
            .collect();
        self.check_ended(&before, &chosen, &when);
        for (period, state) in chosen {
            let known = &mut self.periods[period];
            match state {
                GeneratedState::ToCome => known.enabled = false,
                GeneratedState::Open | GeneratedState::Ending => known.state = GeneratedState::Over,
                GeneratedState::Running => known.state = GeneratedState::Past,
                GeneratedState::Over | GeneratedState::Past => {}
            }
        }
        let down = self.periods.iter().any(KnownPeriod::is_active);
        assert_eq!(run.code, if down { 3 } else { 0 }, "{run:?}");
        assert!(run.stderr.is_empty() || run.stderr.starts_with("warning: "), "{run:?}");
        self.check();
        self
    }

    /// Asserts that the ended periods have new values in the keys that end them, and that nothing else changed.
    fn check_ended(
        &self,
        before: &str,
        chosen: &[(usize, GeneratedState)],
        when: &RangeInclusive<Timestamp>,
    ) {
        let after = self.directory.text();
        let touched: Vec<_> = chosen.iter().map(|&(period, state)| (period, touched(state))).collect();
        assert_untouched_elsewhere(before, &after, &touched);
        let mut expected = parsed(before);
        let new = periods(&parsed(&after));
        for &(period, state) in chosen {
            let table = expected["period"][period].as_table_mut().unwrap();
            match state {
                GeneratedState::ToCome => drop(table.insert("enabled".into(), false.into())),
                GeneratedState::Open | GeneratedState::Ending => {
                    let end = new[period]["end"].clone();
                    assert!(when.contains(&timestamp(&end)), "{end} in {when:?}");
                    table.insert("end".into(), end);
                    table.remove("for");
                }
                GeneratedState::Running => {
                    let old = table.get("except").and_then(Value::as_array).map_or(0, Vec::len);
                    let except = new[period]["except"].clone();
                    assert!(except.as_array().unwrap().len() > old, "{except}");
                    let all =
                        table.entry("except").or_insert_with(|| Value::Array(vec![])).as_array_mut().unwrap();
                    all.extend(except.as_array().unwrap()[old..].iter().cloned());
                    let [before, after] = [before, &after].map(|text| literal(text, period, "except"));
                    if let Some(before) = before {
                        assert_one_insertion(before, after.unwrap());
                    }
                }
                GeneratedState::Over | GeneratedState::Past => {}
            }
        }
        assert_eq!(parsed(&after), expected);
    }

    fn check_refused(&self, run: &CommandOutput, before: &str) {
        run.refuses(1, &[]);
        assert_eq!(self.directory.text(), before);
    }

    /// Runs a command, and returns the range of times in which it ran, to the millisecond.
    fn run(&self, arguments: &[String]) -> (CommandOutput, RangeInclusive<Timestamp>) {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let begun = clock::now() - SignedDuration::from_millis(1);
        let run = self.directory.run(&arguments);
        (run, begun..=clock::now() + SignedDuration::from_millis(1))
    }

    /// Returns one of the names in the file, if there are any.
    fn name(&self, index: Index) -> Option<String> {
        let names: Vec<_> = self.periods.iter().filter_map(|known| known.name.as_ref()).collect();
        if names.is_empty() { None } else { Some((*index.get(&names)).clone()) }
    }
}

/// Returns the keys that `end` may touch.
fn touched(state: GeneratedState) -> &'static [&'static str] {
    match state {
        GeneratedState::Open | GeneratedState::Ending => &["end", "for"],
        GeneratedState::ToCome => &["enabled"],
        GeneratedState::Running => &["except"],
        GeneratedState::Over | GeneratedState::Past => &[],
    }
}

impl KnownPeriod {
    fn is_active(&self) -> bool {
        self.is_active_one_off() || self.enabled && self.state == GeneratedState::Running
    }

    /// Returns true if it is an active one-off.
    fn is_active_one_off(&self) -> bool {
        self.enabled && matches!(self.state, GeneratedState::Open | GeneratedState::Ending)
    }
}

impl StartOptions {
    fn arguments(&self, name: Option<&str>) -> Vec<String> {
        let length = match self.length {
            Length::Open => None,
            Length::For(duration) => Some(format!("--for={duration}")),
            Length::Until(time) => Some(format!("--until={time}")),
        };
        let options = [
            name.map(|name| format!("--name={name}")),
            self.message.as_ref().map(|message| format!("--message={message}")),
            length,
            self.at.map(|at| format!("--at={at}")),
        ];
        let hosts = self.hosts.iter().map(|host| format!("--host={host}"));
        let paths = self.paths.iter().map(|path| format!("--path={path}"));
        ["start".to_owned()]
            .into_iter()
            .chain(options.into_iter().flatten())
            .chain(hosts)
            .chain(paths)
            .collect()
    }

    fn known(&self, name: Option<String>) -> KnownPeriod {
        let state = match (self.at, self.length) {
            (Some(_), _) => GeneratedState::ToCome,
            (None, Length::Open) => GeneratedState::Open,
            (None, _) => GeneratedState::Ending,
        };
        KnownPeriod { name, enabled: true, unscheduled: self.at.is_none(), state }
    }

    /// Asserts that a table written by `start` has the values of the options, and nothing else.
    fn check(&self, table: &Table, name: Option<&str>, when: &RangeInclusive<Timestamp>) {
        let mut table = table.clone();
        let mut take = |key: &str| table.remove(key);
        let text = |value: Option<Value>| value.map(|value| value.as_str().unwrap().to_owned());
        let list = |texts: &[&str]| (!texts.is_empty()).then(|| Value::from(texts.to_vec()));
        assert_eq!(text(take("name")).as_deref(), name);
        assert_eq!(take("unscheduled"), self.at.is_none().then(|| true.into()));
        assert_eq!(text(take("message")), self.message);
        assert_eq!((take("hosts"), take("paths")), (list(&self.hosts), list(&self.paths)));
        let start = timestamp(&take("start").unwrap());
        let (for_, end) = (text(take("for")), take("end"));
        match self.at {
            None => assert!(*when.start() - SignedDuration::from_secs(1) <= start && start <= *when.end()),
            Some(at) => assert_same_time(start, at),
        }
        match self.length {
            Length::Open => assert_eq!((for_, end), (None, None)),
            Length::Until(until) => {
                assert_eq!(for_, None);
                assert_same_time(timestamp(&end.unwrap()), until);
            }
            Length::For(duration) => {
                let [found, expected] =
                    [for_.as_deref().unwrap(), duration].map(|text| humantime::parse_duration(text).unwrap());
                assert_eq!((found, end), (expected, None));
            }
        }
        assert!(table.is_empty(), "{table}");
    }
}

/// Asserts that both times are equal. A time without an offset is in the zone of the file: UTC, or Berlin in summer.
fn assert_same_time(at: Timestamp, text: &str) {
    let expected = match text.parse::<Timestamp>() {
        Ok(time) => vec![time],
        Err(_) => ["Z", "+02:00"].map(|offset| format!("{text}{offset}").parse().unwrap()).to_vec(),
    };
    assert!(expected.contains(&at), "{at} for {text}");
}

fn parsed(text: &str) -> Table {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn periods(file: &Table) -> Vec<Table> {
    let periods = file.get("period").and_then(Value::as_array);
    periods.into_iter().flatten().map(|period| period.as_table().unwrap().clone()).collect()
}

fn timestamp(value: &Value) -> Timestamp {
    value.as_datetime().unwrap().to_string().parse().unwrap()
}
