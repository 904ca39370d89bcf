//! The JSON Schema of the file, compared with the parser: it accepts everything that the parser accepts, and finds the
//! mistakes that a schema can find.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use downtime::config::Config;
use downtime::config::reference::reference;
use downtime::config::schema::schema;
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::Value;

/// The golden files with mistakes that a schema can find: unknown keys, wrong types and forms, values that are not in a
/// set or range, keys that exclude or need each other.
const REFUSED: [&str; 34] = [
    "bom_crlf_mistake",
    "date_alone",
    "date_quoted",
    "exempt_malformed",
    "for_and_end",
    "for_malformed",
    "for_zero",
    "level_malformed",
    "listen_empty",
    "listen_malformed",
    "listen_unix_mode",
    "management_malformed",
    "name_empty",
    "period_in_single_brackets",
    "probe_paths_malformed",
    "proxy_protocol_malformed",
    "redirect_and_template",
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
    "tls_malformed",
    "trusted_proxies_malformed",
    "unknown_key",
    "upstream_and_root",
    "upstream_malformed",
    "upstream_with_path",
    "wrong_type",
];

#[test]
fn the_command_prints_the_committed_schema() {
    let output = Command::new(env!("CARGO_BIN_EXE_downtime")).arg("schema").output().unwrap();
    let committed = include_str!("../../.schema/downtime.json");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        committed,
        "run `downtime schema >.schema/downtime.json`"
    );
    assert!(output.status.success() && output.stderr.is_empty());
}

#[test]
fn the_shipped_file_names_the_schema() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped = include_str!("../../downtime.toml");
    let named = shipped.lines().next().and_then(|line| line.strip_prefix("#:schema ")).unwrap();
    assert!(directory.join(named).is_file(), "{named}");
    assert_eq!(problems(shipped), "");
}

#[test]
fn it_accepts_each_golden_file_that_the_parser_accepts() {
    let accepted = golden_files().filter(|(_, text)| parser_accepts(text)).collect::<Vec<_>>();
    assert!(accepted.len() >= 5, "only {} golden files were found", accepted.len());
    for (name, text) in accepted {
        assert_eq!(problems(&text), "", "{name}");
    }
}

/// The lines above a mistake, and the mistakes.
const REFUSED_BY_BOTH: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "timezne = 'UTC'",
            "timezone = ''",
            "timezone = '+01:00'",
            "timezone = 'Europe / Berlin'",
            "timezone = 1",
            "timezone = ['UTC']",
            "server = 1",
            "site = 'http://127.0.0.1:8000'",
            "exempt = ['/']",
            "period = { start = 2026-12-01T00:00:00Z }",
            "periods = []",
        ],
    ),
    (
        "[server]",
        &[
            "tls = {}",
            "tls = 'cert.pem'",
            "tls = ['cert.pem']",
            "tls = [{ certificate = 'a' }]",
            "listen = ['https://127.0.0.1']",
            "listen = ['https://unix:/a']",
            "timezone = 'UTC'",
            "listen = '127.0.0.1:80'",
            "listen = 80",
            "listen = []",
            "listen = [80]",
            "listen = ['80']",
            "listen = ['127.0.0.1']",
            "listen = ['127.0.0.1:65536']",
            "listen = ['256.0.0.1:80']",
            "listen = ['localhost:80']",
            "listen = ['*:80']",
            "listen = ['::1:80']",
            "listen = ['[::1]']",
            "listen = ['http://127.0.0.1:80']",
            "listen = ['unix:']",
            "listen = ['unix://']",
            "listen = ['unix:/a?mode=66']",
            "listen = ['unix:/a?b']",
            "listen = ['/run/http.sock']",
            "listen = ['127.0.0.1:1', '127.0.0.1:1']",
            "trusted_proxies = '127.0.0.1'",
            "trusted_proxies = ['localhost']",
            "trusted_proxies = ['127.0.0.1/33']",
            "trusted_proxies = ['127.0.0.1-127.0.0.9']",
            "trusted_proxies = ['unix:/run/http.sock']",
            "trusted_proxies = [true]",
            "proxy_protocol = '10.0.0.1'",
            "proxy_protocol = ['lb.example.com']",
            "status_path = true",
            "status_path = ''",
            "status_path = 'status'",
            "status_path = '/a?b'",
            "status_path = '/a//b'",
            "stop_delay = 15",
            "stop_delay = 'off'",
            "stop_timeout = '-1s'",
            "stop_timeout = false",
            "probe_paths = true",
            "probe_paths = '/up'",
            "probe_paths = ['up']",
            "probe_paths = ['/a?b']",
            "probe_paths = ['/a//b']",
        ],
    ),
    (
        "[site]",
        &[
            "upstream = '127.0.0.1:8000'",
            "upstream = 'http://'",
            "upstream = 'http://:8000'",
            "upstream = 'ftp://127.0.0.1'",
            "upstream = 'http://127.0.0.1:8000/app'",
            "upstream = 'http://127.0.0.1:8000?a'",
            "upstream = 'http://127.0.0.1:0'",
            "upstream = 'http://127.0.0.1:65536'",
            "upstream = 'http://user@127.0.0.1'",
            "upstream = 'http://::1:8000'",
            "upstream = 'unix:'",
            "upstream = 'unix:/run/'",
            "upstream = ['http://127.0.0.1:8000']",
            "upstream = 'http://127.0.0.1:8000'\nroot = 'public'",
            "root = true",
            "when_unreachable = 'down'",
            "when_unreachable = false",
            "connect_timeout = 5",
            "connect_timeout = '5'",
            "connect_timeout = '0s'",
            "response_timeout = '1 fortnight'",
            "response_timeout = '-1s'",
            "timeout = '5s'",
        ],
    ),
    (
        "[exempt]",
        &[
            "exact = '/'",
            "exact = ['admin']",
            "exact = ['/a?b']",
            "exact = ['/a#b']",
            "exact = ['/a//b']",
            "exact = ['/a/../b']",
            "exact = ['/a/.']",
            "exact = ['/a/. /b']",
            "exact = ['/a%20b']",
            "exact = ['/a;b']",
            "exact = ['/a\\b']",
            "exact = ['https://example.com/a']",
            "paths = ['admin']",
            "paths = ['**']",
            "paths = ['/admin**']",
            "paths = ['/**.css']",
            "paths = ['/***']",
            "paths = ['/a/**b/c']",
            "paths = ['/{a,b}']",
            "paths = ['/[ab]']",
            "paths = ['//a/**']",
            "paths = ['/a%2A']",
            "paths = ['/../**']",
            "paths = ['/.../**']",
            "networks = '192.0.2.1'",
            "networks = ['192.0.2']",
            "networks = ['192.0.2.0/33']",
            "networks = ['192.0.2.256']",
            "networks = ['192.0.2.0/255.255.255.0']",
            "networks = ['2001:db8::/129']",
            "networks = ['office.example.com']",
            "networks = ['unix:']",
            "networks = ['']",
            "hosts = ['example.com']",
        ],
    ),
    (
        "[page]",
        &[
            "lang = 'tlh'",
            "lang = 'DE'",
            "lang = true",
            "title = ''",
            "title = ' '",
            "title = \"a\\nb\"",
            "logo = ''",
            "logo = false",
            "accent = 'red'",
            "accent = '0a7'",
            "accent = '#0a7f'",
            "accent = 0x0a7",
            "contact = 'status.example.com'",
            "contact = 'https://'",
            "contact = 'ftp://example.com/'",
            "contact = 'mailto:help'",
            "contact = 'tel:'",
            "contact = '/status'",
            "colour = '#0a7'",
        ],
    ),
    (
        "[response]",
        &[
            "message = 1",
            "message = ['a']",
            "message = {}",
            "message = { en = 1 }",
            "message = { en = '' }",
            "message = { EN = 'a' }",
            "message = { tlh = 'a' }",
            "status = 499",
            "status = 600",
            "status = '503'",
            "status = 503.5",
            "retry_after = 300",
            "retry_after = '5'",
            "retry_after = 'soon'",
            "retry_after = ''",
            "redirect = false",
            "redirect = ''",
            "redirect = 'status.example.com'",
            "redirect = '//status.example.com'",
            "redirect = 'https://'",
            "redirect = 'https:///down'",
            "redirect = 'mailto:a@example.com'",
            "redirect = '/é'",
            "redirect = '/a b'",
            "redirect = '/errors//503.html'",
            "redirect = '/errors/../503.html'",
            "redirect = '/errors/...'",
            "redirect = '/errors;a'",
            "redirect = '/errors%2F503.html'",
            "redirect = '/<down>'",
            "template = false",
            "template = ''",
            "message = 1",
            "mesage = 'x'",
            "close_tunnels_after = false",
            "close_tunnels_after = 30",
        ],
    ),
    (
        "[management]",
        &[
            "listen = 9503",
            "listen = '9503'",
            "listen = ['127.0.0.1:9503']",
            "listen = 'localhost:9503'",
            "port = 9503",
        ],
    ),
    (
        "[admin]",
        &[
            "listen = 9504",
            "listen = '9504'",
            "listen = 'localhost:9504'",
            "link_socket = false",
            "hosts = 'ops.example.com'",
            "users = ['a']",
            "users = ''",
            "user_header = 'Remote User'",
            "trusted_proxies = ['unix']",
            "tokens = ''",
            "password = 'x'",
        ],
    ),
    (
        "[limits]",
        &[
            "upstream_idle = 2",
            "upstream_idle = 0",
            "upstream_idle = false",
            "upstream_idle = '2'",
            "upstream_idle = '00'",
            "upstream_idle = ' 0'",
            "upstream_idle = '0.0'",
            "upstream_idle = '-1s'",
            "upstream_idle = '2S'",
            "upstream_idle = 'off'",
            "upstream_idle = ''",
            "upstream_idle = ['2s']",
            "upstream_connections = -1",
            "streams = 0",
            "streams = -1",
            "streams = '128'",
            "upstream_idle_connections = 0",
            "tunnel_idle = 1",
            "tunnel_idle = 'off'",
            "upstream_connections = '10'",
            "upstream_connections = 1.5",
            "head = 16384",
            "head = '16'",
            "head = '16kB'",
            "head = '0KiB'",
            "head = '-1KiB'",
            "head_timeout = 30",
            "idle_timeout = '0s'",
            "send_timeout = 'off'",
            "body_timeout = ''",
            "handshake_timeout = '10'",
            "connections = -1",
            "connections_per_client = '10'",
        ],
    ),
    (
        "[log]",
        &[
            "level = 'inof'",
            "level = ' info'",
            "level = 'info, debug'",
            "level = 3",
            "format = 'xml'",
            "format = true",
            "access = 'yes'",
            "access = 1",
        ],
    ),
    (
        "[[period]]",
        &[
            "",
            "enabled = true",
            "end = 2026-12-01T00:00:00Z",
            "for = '1h'",
            "begin = 2026-12-01T00:00:00Z",
            "start = 2026-12-01",
            "start = 22:00:00",
            "start = 1764540000",
            "start = 'now'",
            "start = '2026-12-01 22:00'",
            "start = '2026-12-01T22:00'",
            "start = '01.12.2026 22:00'",
            "start = '2026-12-01'",
            "start = [2026-12-01T22:00:00Z]",
            "cron = '0 4 * * *'",
        ],
    ),
    (
        "[[period]]\nstart = 2026-12-01T00:00:00Z",
        &[
            "end = 2026-12-02",
            "end = '2h'",
            "end = '2026-12-02 22:00:00'",
            "end = 2026-12-02T00:00:00Z\nfor = '1h'",
            "for = '0s'",
            "for = '0h 0m'",
            "for = 2",
            "for = '2'",
            "for = '2 hour and 3 min'",
            "for = '2H'",
            "for = 2026-12-02T00:00:00Z",
            "duration = '1h'",
            "except = [2026-12-26]",
            "name = ''",
            "name = ' '",
            "name = \"a\\nb\"",
            "name = 1",
            "enabled = 'no'",
            "hosts = []",
            "hosts = 'shop.example.com'",
            "hosts = ['']",
            "hosts = ['https://shop.example.com']",
            "hosts = ['shop.example.com:80']",
            "hosts = ['shop.example.com/x']",
            "hosts = ['*']",
            "hosts = ['*shop.example.com']",
            "hosts = ['shop.*.com']",
            "hosts = ['bücher.example']",
            "paths = []",
            "paths = ['checkout']",
            "paths = ['/checkout**']",
            "methods = []",
            "methods = 'POST'",
            "methods = ['']",
            "methods = ['PO ST']",
            "methods = ['POST,PUT']",
            "methods = ['GET /']",
            "timezone = 'UTC '",
            "redirect = true",
            "redirect = 'status'",
            "redirect = '/down'\ntemplate = 'template.html'",
            "template = 1",
        ],
    ),
    (
        "[[period]]\nfor = '1h'",
        &[
            "cron = ''",
            "cron = '0 4 * *'",
            "cron = '0 0 4 * * *'",
            "cron = '@daily'",
            "cron = '60 4 * * *'",
            "cron = '0 24 * * *'",
            "cron = '0 4 32 * *'",
            "cron = '0 4 0 * *'",
            "cron = '0 4 * 13 *'",
            "cron = '0 4 * * 8'",
            "cron = '0 4 * * SATURDAY'",
            "cron = '0 4 * * SAT#6'",
            "cron = '0:30 4 * * *'",
            "cron = 'every day'",
            "cron = 4",
            "cron = ['0 4 * * *']",
            "cron = '0 4 * * *'\nexcept = 2026-12-26",
            "cron = '0 4 * * *'\nexcept = [22:00:00]",
            "cron = '0 4 * * *'\nexcept = ['26 December']",
            "cron = '0 4 * * *'\nexcept = [26]",
        ],
    ),
];

#[test]
fn it_finds_a_mistake_in_each_kind_of_value() {
    let mut accepted = Vec::new();
    for (above, mistakes) in REFUSED_BY_BOTH {
        for mistake in *mistakes {
            let text = format!("{above}\n{mistake}\n");
            assert!(!parser_accepts(&text), "{text}");
            if problems(&text).is_empty() {
                accepted.push(text);
            }
        }
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
}

/// Mistakes that a schema cannot find, because they depend on other values, the calendar, the disk, or a list of names.
const REFUSED_BY_THE_PARSER: &[&str] = &[
    "timezone = 'Europe/Berln'",
    "[response]\ntemplate = 'none.html'",
    "[response]\nmessage = { de = 'Hallo' }",
    "[response]\nmessage = { en = ' ' }",
    "[page]\nlogo = 'none.svg'",
    "[server]\nlisten = ['[::1]:80', '[0:0::1]:80']",
    "[exempt]\nnetworks = ['1::2::3']",
    "[log]\nlevel = 'info,downtime=much'",
    "[[period]]\nstart = 2026-12-01T00:00:00Z\nend = 2026-11-01T00:00:00Z",
    "[[period]]\nstart = 2026-12-01T00:00:00Z\nfor = '9000y'",
    "[[period]]\nfor = '1h'\ncron = '0 4 * * MUN'",
    "[[period]]\nfor = '1h'\ncron = '30-20 4 * * *'",
    "[[period]]\nname = 'a'\nstart = 2026-12-01T00:00:00Z\n[[period]]\nname = 'a'\nstart = 2026-12-01T00:00:00Z",
    // In JSON, a date-time without the quotes is the same string.
    "[[period]]\nstart = '2026-12-01T22:00:00Z'",
];

#[test]
fn it_accepts_mistakes_that_only_the_parser_can_find() {
    for text in REFUSED_BY_THE_PARSER {
        assert_eq!(problems(text), "", "{text}");
        assert!(!parser_accepts(text), "{text}");
    }
}

/// A validator that keeps the types of TOML uses the formats to distinguish date-times from strings.
#[test]
fn date_times_have_the_formats_of_their_kinds() {
    let schema = schema().to_value();
    let formats = |key: &str| {
        let place = format!("/properties/period/items/properties/{key}/anyOf");
        let kinds = schema.pointer(&place).and_then(Value::as_array).unwrap();
        kinds.iter().map(|kind| kind["format"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(formats("start"), ["date-time", "date-time-local"]);
    assert_eq!(formats("end"), ["date-time", "date-time-local"]);
    assert_eq!(formats("except/items"), ["date", "date-time", "date-time-local"]);
}

#[test]
fn it_finds_the_mistakes_that_a_schema_can_find() {
    for name in REFUSED {
        let text = fs::read_to_string(golden_directory().join(name).with_extension("toml")).unwrap();
        assert_ne!(problems(&text), "", "{name}");
    }
}

#[test]
fn each_key_has_a_description() {
    let schema = schema().to_value();
    for section in
        ["", "/server", "/site", "/exempt", "/response", "/page", "/limits", "/log", "/period/items"]
    {
        let place = section.replace('/', "/properties/").replace("/properties/items", "/items");
        let keys = schema.pointer(&format!("{place}/properties")).and_then(Value::as_object).unwrap();
        assert_eq!(schema.pointer(&format!("{place}/additionalProperties")), Some(&Value::Bool(false)));
        for (key, about) in keys {
            assert!(about["description"].as_str().is_some_and(|text| text.ends_with('.')), "{section} {key}");
        }
    }
}

/// Values that are valid for some key.
const LITERALS: [&str; 72] = [
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
    "['/bin/true', '-x']",
    "['down', 'soon']",
    "['up', 'up']",
    "{ '/assets/**' = 'max-age=60' }",
    "['sha256:0000000000000000000000000000000000000000000000000000000000000000 ci']",
    "'sha256:0000000000000000000000000000000000000000000000000000000000000000'",
    "'*'",
    "'64 KiB'",
    "100",
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
    "'de'",
    "'pt-BR'",
    "'DE'",
    "{ en = 'a' }",
    "{ en = 'a', de = 'b' }",
    "{ de = 'b' }",
    "{ en = '' }",
    "{ EN = 'a' }",
    "'#0a7'",
    "'#00AA77'",
    "'red'",
    "'mailto:a@example.com'",
    "'tel:+49 30'",
    "'downtime'",
    "'error'",
    "'text'",
    "'json'",
    "'info'",
    "'info,downtime::watch=debug'",
    "'5m'",
    "'1h 30m'",
    "'0s'",
    "'0'",
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
];

/// Generates a value that may be valid for some key.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => r"[0-9][0-9. ]{0,3}(s|m|h|days|M|µs)( ?[0-9]{1,2}(s|min|us))?".prop_map(|text| format!("'{text}'")),
        1 => r"[ ]?[0-9*,/L-]{1,4}( [0-9*,/L-]{1,3}){3,4} [A-Z0-9*#]{1,5}".prop_map(|text| format!("'{text}'")),
        1 => r"[A-Za-z0-9!#/ .:*-]{0,6}".prop_map(|text| format!("'{text}'")),
        1 => r"[A-Z!#.é-]{1,6}".prop_map(|text| format!("['{text}']")),
        1 => r"/[a-z*?/\[\]{}.é-]{0,6}".prop_map(|text| format!("['{text}']")),
        1 => r"20[0-9]{2}-0[1-9]-[0-2][1-9][Tt ][0-2][0-9]:[0-5][0-9](:[0-6][0-9](\.[0-9]{1,9})?)?([Zz]|[+-][0-2][0-9]:[0-5][0-9])?",
    ]
}

/// Generates a key, the lines above it, and a value that is likely to be valid.
fn any_likely() -> impl Strategy<Value = (&'static str, &'static str, String)> {
    const PERIOD: &str = "[[period]]\nstart = 2026-12-01T00:00:00Z";
    let list = |text: String| format!("['{text}']");
    let text = |text: String| format!("'{text}'");
    let field = prop::sample::select(vec![
        "*", "*", "?", "*/5", "0", "7", "05", "59", "12", "1-5", "1,2", "1-5/2", "*/2,3", "L", "l", "LW",
        "15W", "SAT", "sat", "SAT#1", "FRI#L", "5L", "MON-FRI", "JAN", "jan-mar", "+1", ",1", "1,,3", "60",
        "0-59/7",
    ]);
    let duration = r"[ ]?(0|[0-9]{1,3}|[0-9] [0-9]|[0-9]\.[0-9]{1,2}) ?(nanos|ns|us|µs|msec|ms|secs?|s|min|mins|m|hours|hr|h|days?|d|wks|w|M|month|yrs|y)";
    let path = r"/(a|b|é|\.|\.\.|\.a|a\.css|\*|\*\*|\?|a b|#|%41|;|\*\*a)?(/(a|b|\*|\*\*|\.|\{a\}|a\*))?/?";
    let address = r"(0|1|10|127|255|256|01)\.0\.0\.(0|1|200)|::|::1|2001:db8::|::ffff:1\.2\.3\.4|1:2:3:4:5:6:7:8|fe80::1%1";
    prop_oneof![
        prop::collection::vec(field, 5..6)
            .prop_map(move |fields| ("[[period]]\nfor = '1h'", "cron", format!("'{}'", fields.join(" ")))),
        prop::collection::vec(duration, 1..3).prop_map(move |parts| (PERIOD, "for", text(parts.concat()))),
        prop::collection::vec(duration, 1..3)
            .prop_map(move |parts| ("[limits]", "upstream_idle", text(parts.concat()))),
        r"0{0,2}[0-9]{1,4} {0,2}(B|KiB|MiB|kB|K)"
            .prop_map(move |size| ("[limits]", "head", text(size))),
        prop::collection::vec(duration, 1..3)
            .prop_map(move |parts| ("[server]", "stop_delay", text(parts.concat()))),
        path.prop_map(move |path| ("[exempt]", "paths", list(path))),
        path.prop_map(move |path| ("[exempt]", "exact", list(path))),
        path.prop_map(move |path| (PERIOD, "paths", list(path))),
        path.prop_map(move |path| ("[server]", "status_path", text(path))),
        path.prop_map(move |path| ("[server]", "probe_paths", list(path))),
        (address, r"(/(0|8|08|32|33|64|128|129|0?12))?")
            .prop_map(move |(address, length)| ("[exempt]", "networks", list(address + &length))),
        (address, r"(/[0-9]{1,3})?|unix:")
            .prop_map(move |(address, length)| ("[server]", "trusted_proxies", list(address + &length))),
        (address, r":?(0|80|080|65535|65536|)", any::<bool>()).prop_map(move |(address, port, brackets)| {
            let address = if brackets { format!("[{address}]") } else { address };
            ("[server]", "listen", list(address + &port))
        }),
        r"unix:(//)?(/|/run/x|x|a b)?".prop_map(move |path| ("[management]", "listen", text(path))),
        r"(http|HTTPS|Http|h2c|ftp)://(a|a-b\.c\.|127\.0\.0\.1|\[::1\]|_x|-x|a@b)(:(0|00|80|0080|65536))?/?(a|\?)?"
            .prop_map(move |url| ("[site]", "upstream", text(url))),
        r"((http|HTTPS)://(a|a:80|\[::1\]|u@a))?/?(a|a/|//|%20|a%20|%2F|%41|\?a=b|\?//;|#x|é|\||\[|;|\.\./|\.\.a)?".prop_map(move |url| (PERIOD, "redirect", text(url))),
        r"(\*\.|\*)?(a|A_b-c\.d|192\.0\.2\.1|\[::1\]|ü|a:80)\.?".prop_map(move |host| (PERIOD, "hosts", list(host))),
        r"[!-&(-~é ]{1,2}".prop_map(move |field| ("[admin]", "user_header", text(field))),
        r"[!-&(-~é ]{1,4}".prop_map(move |method| (PERIOD, "methods", list(method.replace('\\', "|")))),
        r"(info|WARN|off|Trace|3|\+3|03|6|a|a=debug|\[a\]=info|a::b|)(,(info|a=1| debug|))?".prop_map(move |level| ("[log]", "level", text(level))),
        r"#?[0-9A-Fa-f]{3}([0-9a-g]{3})?".prop_map(move |colour| ("[page]", "accent", text(colour))),
        r"(https?://|mailto:|tel:|HTTPS://|ftp:)(a@|\+)?[1a]?(-1|\.b|:80|\?c=d|#e| |é|<)?".prop_map(move |url| ("[page]", "contact", text(url))),
        r"[a-zé]{2}(-[A-Z]{2})?".prop_map(move |tag| ("[page]", "lang", text(tag))),
        prop::sample::select(vec!["UTC", "utc", "Europe/Berlin", "Etc/GMT+5", "America/Port-au-Prince", "EST5EDT", "GMT-0", "x"])
            .prop_map(move |zone| (PERIOD, "timezone", text(zone.to_owned()))),
        r"[ a-cé\u{7f}\u{a0}\u{2028}😀]{0,3}".prop_map(move |name| (PERIOD, "name", format!("\"{}\"", name.replace('\u{7f}', "\\u007f")))),
    ]
}

/// Returns each key with the lines above it: the header of its section, and lines that another key of the table may need.
fn keys_with_lines_above() -> Vec<(String, String)> {
    let sections = reference().into_iter().flat_map(|section| {
        let needed: &[&str] = match section.header.as_str() {
            "[[period]]" => &["", "start = 2026-12-01T00:00:00Z", "for = '1h'", "cron = '0 4 * * *'\nfor = '1h'"],
            "[[bypass]]" => &[
                "",
                "until = 2026-12-01T00:00:00Z",
                "hash = 'sha256:0000000000000000000000000000000000000000000000000000000000000000'",
                "hash = 'sha256:0000000000000000000000000000000000000000000000000000000000000000'\nuntil = 2026-12-01T00:00:00Z",
            ],
            "[[webhook]]" => &["", "url = 'https://example.com/'"],
            _ => &[""],
        };
        let lines = needed.iter().map(|needed| format!("{}\n{needed}", section.header)).collect::<Vec<_>>();
        section.keys.into_iter().flat_map(move |key| {
            lines.clone().into_iter().map(move |above| (above, key.name.clone()))
        })
    });
    sections.collect()
}

fn any_key() -> impl Strategy<Value = (String, String)> {
    prop::sample::select(keys_with_lines_above())
}

#[test]
fn it_refuses_no_literal_that_the_parser_accepts() {
    for (above, key) in keys_with_lines_above() {
        for value in LITERALS {
            let text = format!("{above}\n{key} = {value}\n");
            if parser_accepts(&text) {
                assert_eq!(problems(&text), "", "{text}");
            }
        }
    }
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

    #[test]
    fn it_refuses_no_likely_value_that_the_parser_accepts((above, key, value) in any_likely()) {
        let text = format!("{above}\n{key} = {value}\n");
        if parser_accepts(&text) {
            prop_assert_eq!(problems(&text), "", "{}", text);
        }
    }
}

fn golden_files() -> impl Iterator<Item = (String, String)> {
    let entries = fs::read_dir(golden_directory()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    files.sort();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    files.into_iter().map(move |path| (name(&path), fs::read_to_string(path).unwrap()))
}

fn golden_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/golden")
}

fn parser_accepts(text: &str) -> bool {
    let read = |path: &Path| fs::read(path).map_err(|error| error.to_string().into());
    Config::parse("downtime.toml", text, &golden_directory(), &read).config.is_some()
}

/// Returns the errors of the schema for a TOML text; empty if there are none.
fn problems(text: &str) -> String {
    thread_local! {
        static VALIDATOR: Validator = jsonschema::options().should_validate_formats(true).build(schema().as_value()).unwrap();
    }
    let file = to_json(text).unwrap();
    VALIDATOR.with(|validator| {
        let line = |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
        validator.iter_errors(&file).map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Converts TOML to JSON as taplo does: a date-time becomes a string.
fn to_json(text: &str) -> Option<Value> {
    let table = text.strip_prefix('\u{feff}').unwrap_or(text).parse::<toml::Table>().ok()?;
    Some(json(toml::Value::Table(table)))
}

fn date_time(mut time: toml::value::Datetime) -> String {
    if let Some(time) = &mut time.time {
        time.second.get_or_insert(0);
    }
    time.to_string()
}

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(time) => date_time(time).into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect(),
    }
}
