//! The shipped `downtime.toml` is valid, shows each key, and shows the defaults.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;

use downtime::config::Site;
use serde_json::Value;

use super::keys::{SECTIONS, known_keys};
use super::{Directory, parse_config};

pub(crate) const SHIPPED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/downtime.toml"));

#[test]
fn the_shipped_file_serves_the_welcome_page_and_plans_nothing() {
    let directory = Directory::with(SHIPPED);
    assert_eq!(directory.problems(), "");
    let config = parse_config(SHIPPED);
    assert_eq!(config.server.listen.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1:8503"]);
    assert!(matches!(config.site, Site::Welcome));
    let summary = directory.check();
    assert_eq!((&summary["state"], &summary["periods"]), (&"up".into(), &Value::Array(Vec::new())));
}

#[test]
fn the_shipped_file_shows_each_key() {
    for section in &SECTIONS {
        for name in known_keys(section) {
            let mut settings = settings();
            let is_shown =
                settings.any(|setting| setting.section == section.header && setting.key == Some(&name));
            assert!(is_shown, "{} {name}", section.header);
        }
    }
}

#[test]
fn the_shipped_file_says_which_limits_are_for_each_kib() {
    for key in ["send_timeout", "body_timeout"] {
        let before = SHIPPED.split(&format!("\n#{key} = ")).next().expect("a text");
        let comment = before.rsplit("\n\n").next().expect("a comment");
        assert!(comment.contains("for each KiB"), "{comment}");
    }
}

#[test]
fn each_setting_of_the_shipped_file_is_valid_on_its_own() {
    assert!(settings().count() > 20, "too few were found");
    for setting in settings() {
        let text = setting.switched_on();
        let directory = Directory::with(&text);
        fs::create_dir_all(directory.path("public")).unwrap();
        for name in ["admin.users", "admin.tokens"] {
            fs::write(directory.path(name), "").unwrap();
            fs::set_permissions(directory.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let problems = directory.problems();
        // These need another setting, as their comments say.
        let needs = [
            ("#networks", "trusted_proxies"),
            ("#tls", "https://"),
            ("#cache", "`root`"),
            // Whether it lets anybody in depends on the day.
            ("#[[bypass]]", "bypass"),
        ];
        let is_expected = |(start, other): &(&str, &str)| {
            setting.text().starts_with(start)
                && problems.matches("warning: ").count() + problems.matches("error: ").count() == 1
                && problems.contains(other)
        };
        assert!(problems.is_empty() || needs.iter().any(is_expected), "{problems}");
    }
}

#[test]
fn the_shipped_file_shows_the_defaults_unless_it_says_example() {
    let defaults: Vec<_> =
        settings().filter(|setting| !setting.is_table_of_list() && !setting.is_example()).collect();
    assert!(defaults.len() >= 10, "too few were found");
    for setting in defaults {
        // Some keys of [site] have no effect without an upstream.
        let upstream = |text: &str| text.replace("#upstream =", "upstream =");
        let (without, with) =
            (parse_config(&upstream(SHIPPED)), parse_config(&upstream(&setting.switched_on())));
        assert_eq!(format!("{without:?}"), format!("{with:?}"), "{}", setting.text());
    }
}

#[test]
fn lines_of_the_shipped_file_fit_in_100_columns() {
    let wide: Vec<_> = SHIPPED.lines().filter(|line| line.chars().count() > 100).collect();
    assert_eq!(wide, Vec::<&str>::new());
}

/// Returns the examples of periods, without their `#`.
pub(crate) fn examples_of_periods() -> impl Iterator<Item = String> {
    settings().filter(Setting::is_period).map(|setting| setting.uncommented())
}

/// A commented-out setting of the shipped file, or a whole commented-out section: lines that begin with `#` and no
/// space; `#:` is for editors.
struct Setting {
    lines: Range<usize>,
    section: &'static str,
    key: Option<&'static str>,
}

impl Setting {
    fn is_period(&self) -> bool {
        self.section == "[[period]]"
    }

    /// Returns true if it belongs to a table that has no defaults: a period or a bypass.
    fn is_table_of_list(&self) -> bool {
        self.section.starts_with("[[")
    }

    /// Returns true if the comment above calls it an example.
    fn is_example(&self) -> bool {
        let lines: Vec<_> = SHIPPED.lines().collect();
        let above = lines[..self.lines.start].iter().rev();
        let comment: Vec<_> = above.take_while(|line| line.starts_with('#')).copied().collect();
        comment.concat().contains("Example") || self.section == "[exempt]"
    }

    fn text(&self) -> String {
        SHIPPED.lines().skip(self.lines.start).take(self.lines.len()).collect::<Vec<_>>().join("\n")
    }

    /// Returns these lines without their `#`.
    fn uncommented(&self) -> String {
        self.text().lines().map(|line| line.trim_start_matches('#')).collect::<Vec<_>>().join("\n")
    }

    /// Returns the shipped file without the `#` of these lines.
    fn switched_on(&self) -> String {
        let line = |(at, line): (usize, &'static str)| {
            line.strip_prefix('#').filter(|_| self.lines.contains(&at)).unwrap_or(line)
        };
        SHIPPED.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Returns each setting of the shipped file that is commented out. If the header above it is commented out too, the
/// setting is the whole block.
fn settings() -> impl Iterator<Item = Setting> {
    let lines: Vec<&'static str> = SHIPPED.lines().collect();
    let numbers = SHIPPED.lines().enumerate().filter(|(_, line)| is_setting(line));
    numbers.map(move |(at, _)| {
        let above = lines[..=at].iter().rev().find(|line| header(line).is_some()).unwrap_or(&"");
        let section = header(above).unwrap_or("");
        let own = if is_setting(above) { block(&lines, at) } else { at..at + 1 };
        let key = lines[at].trim_start_matches('#').split_once(" = ").map(|(key, _)| key);
        Setting { lines: own, section, key }
    })
}

fn is_setting(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| !rest.is_empty() && !rest.starts_with([' ', ':']))
}

fn header(line: &str) -> Option<&str> {
    Some(line.trim_start_matches('#')).filter(|bare| bare.starts_with('['))
}

/// Returns the lines of settings around a line, without a gap.
fn block(lines: &[&str], at: usize) -> Range<usize> {
    let before = lines[..at].iter().rev().take_while(|line| is_setting(line)).count();
    let after = lines[at..].iter().take_while(|line| is_setting(line)).count();
    at - before..at + after
}
