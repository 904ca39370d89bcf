//! The JSON Schema of the file, held against the parser: it refuses nothing that the parser accepts, and finds the
//! mistakes that a schema can find.

#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use downtime::config::Config;
use downtime::config::schema::schema;
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::Value;

/// The golden files whose mistakes a schema can know: unknown keys, wrong types, values out of a set or a range.
const REFUSED: [&str; 19] = [
    "date_alone",
    "exempt_malformed",
    "for_malformed",
    "listen_empty",
    "not_yet_supported",
    "period_in_single_brackets",
    "redirect_malformed",
    "redirect_true",
    "scope_mistakes",
    "section_as_value",
    "series_mistakes",
    "several_mistakes",
    "start_missing",
    "status_out_of_range",
    "status_path_malformed",
    "time_alone",
    "unknown_key",
    "upstream_and_root",
    "wrong_type",
];

#[test]
fn the_command_prints_the_schema_that_is_committed() {
    let output = Command::new(env!("CARGO_BIN_EXE_downtime")).arg("schema").output().unwrap();
    let committed = include_str!("../.schema/downtime.json");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        committed,
        "run `downtime schema >.schema/downtime.json`"
    );
    assert!(output.status.success() && output.stderr.is_empty());
}

#[test]
fn the_shipped_file_names_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped = include_str!("../downtime.toml");
    let named = shipped.lines().next().and_then(|line| line.strip_prefix("#:schema ")).unwrap();
    assert!(folder.join(named).is_file(), "{named}");
    assert_eq!(problems(shipped), "");
}

#[test]
fn it_accepts_each_golden_file_that_the_parser_accepts() {
    let accepted = golden_files().filter(|(_, text)| parser_accepts(text)).collect::<Vec<_>>();
    assert!(accepted.len() >= 5, "they are found: {}", accepted.len());
    for (name, text) in accepted {
        assert_eq!(problems(&text), "", "{name}");
    }
}

#[test]
fn it_finds_a_mistake_in_each_kind_of_value() {
    for (above, mistake) in [
        ("", "timezne = 'UTC'"),
        ("[management]", "listen = 9503"),
        ("[server]", "tls = {}"),
        ("[server]", "status_path = true"),
        ("[server]", "listen = ['127.0.0.1:1', '127.0.0.1:1']"),
        ("[site]", "when_unreachable = 'down'"),
        ("[site]", "connect_timeout = '5'"),
        ("[exempt]", "paths = ['admin']"),
        ("[response]", "status = 499"),
        ("[response]", "status = 600"),
        ("[response]", "redirect = 'status.example.com'"),
        ("[log]", "format = 'xml'"),
        ("[[period]]", "enabled = true"),
        ("[[period]]", "start = 2026-12-01"),
        ("[[period]]", "cron = '0 4 * * *'"),
        ("[[period]]\nfor = '1h'", "cron = '0 4 * *'"),
        ("[[period]]\nfor = '1h'", "cron = '0 4 ? * SAT'"),
        ("[[period]]\nstart = 2026-12-01T00:00:00Z", "except = [2026-12-26]"),
        ("[[period]]\nstart = 2026-12-01T00:00:00Z", "methods = ['*']"),
        ("[[period]]\nstart = 2026-12-01T00:00:00Z", "hosts = []"),
    ] {
        let text = format!("{above}\n{mistake}\n");
        assert_ne!(problems(&text), "", "{text}");
        assert!(!parser_accepts(&text), "{text}");
    }
}

#[test]
fn it_finds_the_mistakes_that_a_schema_can_find() {
    for name in REFUSED {
        let text = fs::read_to_string(folder().join(name).with_extension("toml")).unwrap();
        assert_ne!(problems(&text), "", "{name}");
    }
}

#[test]
fn each_key_says_what_it_is_for() {
    let schema = schema().to_value();
    for section in ["", "/server", "/site", "/exempt", "/response", "/log", "/period/items"] {
        let place = section.replace('/', "/properties/").replace("/properties/items", "/items");
        let keys = schema.pointer(&format!("{place}/properties")).and_then(Value::as_object).unwrap();
        assert_eq!(schema.pointer(&format!("{place}/additionalProperties")), Some(&Value::Bool(false)));
        for (key, about) in keys {
            assert!(about["description"].as_str().is_some_and(|text| text.ends_with('.')), "{section} {key}");
        }
    }
}

/// A value of the file: right for some key, or for none.
fn any_value() -> impl Strategy<Value = String> {
    let written = prop::sample::select(vec![
        "true",
        "false",
        "503",
        "499",
        "599",
        "600",
        "-1",
        "503.0",
        "[]",
        "['/']",
        "['/admin/**', '/x']",
        "['POST', 'GET']",
        "['post']",
        "['192.0.2.0/24']",
        "['unix:']",
        "['127.0.0.1:1', '127.0.0.1:2']",
        "['127.0.0.1:1', '127.0.0.1:1']",
        "['shop.example.com', '*.example.org']",
        "'/'",
        "'/x'",
        "'x'",
        "'https://status.example.com/'",
        "'HTTP://status.example.com/'",
        "'HTTP://127.0.0.1:8000'",
        "'unix:/s'",
        "'Europe/Berlin'",
        "'downtime'",
        "'error'",
        "'text'",
        "'json'",
        "'info'",
        "'info,downtime::watch=debug'",
        "'5m'",
        "'1h 30m'",
        "'0s'",
        "'1.5h'",
        "'30 23 * * SAT'",
        "'  0 4 L * *  '",
        "'* * * *'",
        "2026-12-01T22:00:00+01:00",
        "2026-12-01 22:00:00.25",
        "2026-12-01T22:00",
        "2026-12-01",
        "22:00:00",
        "[2026-12-26]",
        "[2026-12-26, 2026-12-26T22:00:00Z]",
        "['2026-12-26']",
        "{}",
        "''",
    ]);
    prop_oneof![
        4 => written.prop_map(str::to_owned),
        1 => r"[0-9][0-9. ]{0,3}(s|m|h|days|M|µs)( ?[0-9]{1,2}(s|min|us))?".prop_map(|text| format!("'{text}'")),
        1 => r"[ ]?[0-9*,/L-]{1,4}( [0-9*,/L-]{1,3}){3,4} [A-Z0-9*#]{1,5}".prop_map(|text| format!("'{text}'")),
        1 => r"[A-Za-z0-9!#/ .:*-]{0,6}".prop_map(|text| format!("'{text}'")),
        1 => r"[A-Z!#.é-]{1,6}".prop_map(|text| format!("['{text}']")),
        1 => r"/[a-z*?/\[\]{}.é-]{0,6}".prop_map(|text| format!("['{text}']")),
        1 => r"20[0-9]{2}-0[1-9]-[0-2][1-9][Tt ][0-2][0-9]:[0-5][0-9](:[0-6][0-9](\.[0-9]{1,9})?)?([Zz]|[+-][0-2][0-9]:[0-5][0-9])?",
    ]
}

/// The keys of one section, and what stands above them.
fn any_key() -> impl Strategy<Value = (String, String)> {
    let keys = prop::sample::select(vec![
        ("", "timezone server site exempt response log period"),
        ("[server]", "listen trusted_proxies status_path tls"),
        ("[site]", "upstream root when_unreachable connect_timeout response_timeout"),
        ("[exempt]", "exact paths networks hosts"),
        ("[response]", "redirect template status retry_after message"),
        ("[management]", "listen level"),
        ("[log]", "level format access"),
        ("[[period]]", "name end for message redirect enabled start"),
        ("[[period]]\nstart = 2026-12-01T00:00:00Z", "name end for message redirect enabled except cron"),
        ("[[period]]\nstart = 2026-12-01T00:00:00Z", "hosts paths methods timezone template"),
        ("[[period]]\nfor = '1h'", "cron start except"),
        ("[[period]]\ncron = '0 4 * * *'\nfor = '1h'", "except hosts paths methods timezone start end"),
    ]);
    keys.prop_flat_map(|(above, keys)| {
        let keys = keys.split(' ').map(str::to_owned).collect::<Vec<_>>();
        (Just(above.to_owned()), prop::sample::select(keys))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn it_refuses_nothing_that_the_parser_accepts((above, key) in any_key(), value in any_value()) {
        let text = format!("{above}\n{key} = {value}\n");
        if parser_accepts(&text) {
            prop_assert_eq!(problems(&text), "", "{}", text);
        }
    }
}

fn golden_files() -> impl Iterator<Item = (String, String)> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    files.sort();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    files.into_iter().map(move |path| (name(&path), fs::read_to_string(path).unwrap()))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check")
}

fn parser_accepts(text: &str) -> bool {
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| error.to_string());
    Config::read("downtime.toml", text, &folder(), &read).config.is_some()
}

/// What the schema has to say of a text that is TOML.
fn problems(text: &str) -> String {
    thread_local! {
        static VALIDATOR: Validator = jsonschema::validator_for(schema().as_value()).unwrap();
    }
    let file = read(text).unwrap();
    VALIDATOR.with(|validator| {
        let problem = |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
        validator.iter_errors(&file).map(problem).collect::<Vec<_>>().join("\n")
    })
}

/// A text as validators of TOML see it: date-times are texts.
fn read(text: &str) -> Option<Value> {
    let table = text.strip_prefix('\u{feff}').unwrap_or(text).parse::<toml::Table>().ok()?;
    Some(json(toml::Value::Table(table)))
}

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect(),
    }
}
