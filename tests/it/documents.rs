//! The documents say what is so: the README, the shipped `downtime.toml` and the recipes.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use downtime::config::{Config, Site};
use serde_json::Value;
use tempfile::TempDir;

const README: &str = include_str!("../../README.md");
/// No example is over by the day on which it is tested.
const AT: &str = "2026-06-01T00:00:00Z";
const SHIPPED: &str = include_str!("../../downtime.toml");
const RECIPES: &str = include_str!("../../.justfile");
const CI: &str = include_str!("../../.ci/run");
const TEMPLATE: &str = include_str!("../../templates/downtime.html");

/// The sections of the file, and their headings in the README.
const SECTIONS: [(&str, &str); 8] = [
    ("", "Top level"),
    ("[server]", "`[server]`"),
    ("[site]", "`[site]`"),
    ("[exempt]", "`[exempt]`"),
    ("[response]", "`[response]`"),
    ("[management]", "`[management]`"),
    ("[log]", "`[log]`"),
    ("[[period]]", "`[[period]]`"),
];

#[test]
fn the_readme_holds_the_whole_help() {
    for arguments in [&["--help"][..], &["start", "--help"], &["end", "--help"]] {
        let command = format!("$ downtime {}", arguments.join(" "));
        let found = blocks("text").find_map(|block| block.strip_prefix(&command)).expect(&command);
        let help = lines_trimmed(&text(&downtime(arguments).stdout));
        assert_eq!(lines_trimmed(found).trim_start(), help, "{command}");
    }
}

#[test]
fn each_toml_of_the_readme_is_valid() {
    assert!(blocks("toml").count() >= 3, "the blocks are found");
    for block in blocks("toml") {
        let folder = Folder::with(block);
        assert_eq!(folder.problems(), "", "{block}");
    }
}

#[test]
fn each_link_within_the_readme_leads_to_a_heading() {
    let mut anchors: Vec<String> = Vec::new();
    for heading in README.lines().filter(|line| line.starts_with("##")) {
        let anchor = anchor(heading);
        let earlier = anchors.iter().filter(|earlier| **earlier == anchor).count();
        anchors.push(if earlier == 0 { anchor } else { format!("{anchor}-{earlier}") });
    }
    let links: Vec<_> = README.split("](#").skip(1).filter_map(|rest| rest.split_once(')')).collect();
    assert!(links.len() > 10, "they are found");
    for (link, _) in links {
        assert!(anchors.iter().any(|anchor| anchor == link), "#{link}");
    }
}

#[test]
fn each_template_of_the_readme_is_valid() {
    assert!(blocks("html").count() >= 1, "it is found");
    for block in blocks("html") {
        let folder = Folder::with("[response]\ntemplate = \"page.html\"\n");
        fs::write(folder.path("page.html"), block).unwrap();
        assert_eq!(folder.problems(), "", "{block}");
    }
}

#[test]
fn each_path_that_the_readme_calls_never_exempt_is_down() {
    let rows = section("Paths: what is never exempt").lines().filter(|line| line.starts_with("| "));
    let paths: Vec<_> =
        rows.filter_map(|row| row.split(" | ").nth(1)?.strip_prefix('`')?.strip_suffix('`')).collect();
    assert_eq!(paths.len(), 13, "{paths:?}");
    let folder =
        Folder::with("[exempt]\npaths = [\"/admin/**\"]\n[[period]]\nstart = 2026-12-01T22:00:00Z\n");
    let urls = paths.iter().flat_map(|path| ["--url", path]);
    let arguments: Vec<_> =
        ["--at", "2026-12-01T22:00:00Z", "--url", "/admin/x"].into_iter().chain(urls).collect();
    let summary = folder.check_with(&arguments);
    let decisions = summary["decisions"].as_array().unwrap();
    let decisions: Vec<_> = decisions.iter().map(|decision| decision["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions[0], "pass");
    assert_eq!(decisions[1..], ["unavailable"; 13]);
}

#[test]
fn the_readme_has_a_row_for_each_key() {
    let later = section("Not yet supported");
    for (name, heading) in SECTIONS {
        for Key { name: key, is_supported } in known_keys(name) {
            let has_row = section(heading).contains(&format!("\n| `{key}` |"));
            assert_eq!(has_row, is_supported, "{name} {key}");
            let is_said = [format!("`{key}`"), format!("`[{key}]`")].iter().any(|word| later.contains(word));
            assert!(is_supported || is_said, "{name} {key}");
        }
    }
}

#[test]
fn the_shipped_file_serves_the_welcome_page_and_plans_nothing() {
    let folder = Folder::with(SHIPPED);
    assert_eq!(folder.problems(), "");
    let config = read(SHIPPED);
    assert_eq!(config.server.listen.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1:8503"]);
    assert_eq!(config.site, Site::Welcome);
    let summary = folder.check();
    assert_eq!((&summary["state"], &summary["periods"]), (&"up".into(), &Value::Array(Vec::new())));
}

#[test]
fn the_shipped_file_shows_each_key_that_is_supported() {
    for (name, _) in SECTIONS {
        for Key { name: key, is_supported } in known_keys(name) {
            let stands = settings().any(|setting| setting.section == name && setting.key == Some(&key));
            assert_eq!(stands, is_supported, "{name} {key}");
        }
    }
}

#[test]
fn each_line_of_the_shipped_file_may_be_switched_on_alone() {
    assert!(settings().count() > 20, "they are found");
    for setting in settings() {
        let text = setting.switched_on();
        let folder = Folder::with(&text);
        fs::create_dir_all(folder.path("public")).unwrap();
        let problems = folder.problems();
        // Its comment says what it needs besides.
        let alone = setting.text().starts_with("#networks") && problems.matches("warning: ").count() == 1;
        assert!(problems.is_empty() || alone && problems.contains("trusted_proxies"), "{problems}");
    }
}

#[test]
fn what_the_shipped_file_shows_is_the_default_unless_it_says_example() {
    let defaults: Vec<_> =
        settings().filter(|setting| !setting.is_period() && !setting.is_example()).collect();
    assert!(defaults.len() >= 10, "they are found");
    for setting in defaults {
        // Some keys of [site] mean nothing without an upstream.
        let upstream = |text: &str| text.replace("#upstream =", "upstream =");
        let (without, with) = (read(&upstream(SHIPPED)), read(&upstream(&setting.switched_on())));
        assert_eq!(format!("{without:?}"), format!("{with:?}"), "{}", setting.text());
    }
}

#[test]
fn no_example_of_a_series_stops_at_some_date() {
    let of_series = settings().filter(Setting::is_period).map(|setting| setting.uncommented());
    let documents = of_series.chain(blocks("toml").map(str::to_owned));
    let series: Vec<_> = documents.filter(|text| text.contains("\ncron = ")).collect();
    assert!(series.len() >= 2, "they are found");
    for text in series {
        let tables = text.split("[[period]]").filter(|table| table.contains("\ncron = "));
        assert!(tables.clone().all(|table| !table.contains("\nend = ")), "{text}");
    }
}

#[test]
fn lines_of_the_shipped_file_fit_a_window() {
    let wide: Vec<_> = SHIPPED.lines().filter(|line| line.chars().count() > 120).collect();
    assert_eq!(wide, Vec::<&str>::new());
}

#[test]
fn what_the_readme_installs_is_valid_and_has_its_schema() {
    let commands: Vec<_> = section("systemd").lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    let root = tempfile::tempdir().unwrap();
    for folder in ["usr/local/bin", "etc/systemd/system"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    let installs = commands.iter().filter_map(|command| command.strip_prefix("sudo install "));
    let beneath = |text: &str| {
        let root = root.path().display();
        text.replace(" /usr/local/", &format!(" {root}/usr/local/"))
            .replace(" /etc/", &format!(" {root}/etc/"))
            .replace("target/release/downtime", env!("CARGO_BIN_EXE_downtime"))
    };
    for arguments in installs {
        let output = run(Command::new("sh").args(["-c", &beneath(&format!("install {arguments}"))]));
        assert!(output.status.success(), "{arguments}: {}", text(&output.stderr));
    }
    let installed = |path: &str| root.path().join(path);
    let (binary, file) = (installed("usr/local/bin/downtime"), installed("etc/downtime/downtime.toml"));
    let checked = run(Command::new(&binary).arg("--check").arg("--config").arg(&file));
    assert_eq!((checked.status.code(), text(&checked.stderr).as_str()), (Some(0), ""));
    let shipped = fs::read_to_string(&file).unwrap();
    let schema = shipped.lines().next().and_then(|line| line.strip_prefix("#:schema ")).unwrap();
    let printed = run(Command::new(&binary).arg("schema"));
    let found = fs::read_to_string(file.with_file_name(schema)).unwrap();
    assert_eq!(found, text(&printed.stdout));
    assert!(installed("etc/systemd/system/downtime@.service").is_file());

    // Whoever pastes the block sees the state and changes nothing.
    let last = commands.last().unwrap();
    let state = run(
        Command::new("sh").args(["-c", &beneath(last).replacen("downtime", binary.to_str().unwrap(), 1)])
    );
    assert!(state.status.success() && text(&state.stdout).starts_with("state     up"), "{last}: {state:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), SHIPPED);
}

#[test]
fn each_recipe_stands_in_the_readme_and_runs_what_is_there() {
    let commands: Vec<_> = RECIPES.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let names: Vec<_> = RECIPES.lines().filter_map(|line| line.strip_suffix(':')).collect();
    assert_eq!(names, ["ci", "check", "test", "full", "bench", "soak", "mutants", "coverage"]);
    assert_eq!(commands.len(), names.len());
    for (name, command) in names.iter().zip(commands) {
        let row = format!("| `just {name}` | `{command}` |");
        assert!(README.contains(&row), "{row}");
    }
    for command in ["cargo fmt", "cargo clippy", "cargo doc", "cargo test"] {
        assert!(CI.contains(command), "{command}");
    }
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

    /// Whether the comment above calls it an example.
    fn is_example(&self) -> bool {
        let lines: Vec<_> = SHIPPED.lines().collect();
        let above = lines[..self.lines.start].iter().rev();
        let comment: Vec<_> = above.take_while(|line| line.starts_with('#')).copied().collect();
        comment.concat().contains("Example") || self.section == "[exempt]"
    }

    fn text(&self) -> String {
        SHIPPED.lines().skip(self.lines.start).take(self.lines.len()).collect::<Vec<_>>().join("\n")
    }

    /// These lines without their `#`.
    fn uncommented(&self) -> String {
        self.text().lines().map(|line| line.trim_start_matches('#')).collect::<Vec<_>>().join("\n")
    }

    /// The shipped file without the `#` of these lines.
    fn switched_on(&self) -> String {
        let line = |(at, line): (usize, &'static str)| {
            line.strip_prefix('#').filter(|_| self.lines.contains(&at)).unwrap_or(line)
        };
        SHIPPED.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Each setting of the shipped file that is commented out. A key below a header that is so too stands for the block.
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

/// The settings that stand together around a line.
fn block(lines: &[&str], at: usize) -> Range<usize> {
    let before = lines[..at].iter().rev().take_while(|line| is_setting(line)).count();
    let after = lines[at..].iter().take_while(|line| is_setting(line)).count();
    at - before..at + after
}

/// A key that the parser knows.
struct Key {
    name: String,
    is_supported: bool,
}

/// The keys that the parser knows in a section, which it lists where it meets one that it does not know.
fn known_keys(section: &str) -> Vec<Key> {
    let list = first(&format!("{section}\n\"?\" = 0\n"), "help", "known keys: ");
    let names = list.split(", ").filter(|name| !SECTIONS.iter().any(|(section, _)| is_table(section, name)));
    let key = |name: &str| {
        let text = format!("{section}\n{name} = [{{ }}]\n");
        let is_supported = !first(&text, "message", "").contains("not yet supported");
        Key { name: name.to_owned(), is_supported }
    };
    names.map(key).collect()
}

fn is_table(section: &str, name: &str) -> bool {
    section.trim_matches(['[', ']']) == name
}

/// What stands behind `prefix` in the first problem of a text that has it in this field.
fn first(text: &str, field: &str, prefix: &str) -> String {
    let summary = Folder::with(text).check();
    let mut problems = summary["diagnostics"].as_array().unwrap().iter();
    let found = problems.find_map(|problem| problem[field].as_str()?.strip_prefix(prefix));
    found.unwrap_or_else(|| panic!("{text}: {summary}")).to_owned()
}

/// The text of a section of the README, up to the next heading.
fn section(heading: &str) -> &'static str {
    let start = README.find(&format!("# {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    let text = &README[start..];
    let end = text.find("\n#").unwrap_or(text.len());
    &text[..end]
}

/// What a link to a heading says: its words in lower case, joined by hyphens.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    words.replace(|c: char| !c.is_alphanumeric() && c != '-', "")
}

/// The fenced blocks of the README in a language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let fence = format!("\n```{language}\n");
    let mut rest = README;
    std::iter::from_fn(move || {
        let start = rest.find(&fence)? + fence.len();
        let length = rest[start..].find("```")?;
        let block = &rest[start..start + length];
        rest = &rest[start + length..];
        Some(block)
    })
}

/// A folder with a `downtime.toml` and the built-in template in it.
struct Folder(TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.path("templates")).unwrap();
        fs::write(folder.path("templates/downtime.html"), TEMPLATE).unwrap();
        fs::write(folder.path("downtime.toml"), text).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What `--check --format json` says.
    fn check(&self) -> Value {
        self.check_with(&[])
    }

    fn check_with(&self, arguments: &[&str]) -> Value {
        let path = self.path("downtime.toml");
        let base = ["--check", "--format", "json", "--config", path.to_str().unwrap()];
        let output = downtime(&[&base, arguments].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
    }

    /// What is wrong with the file; nothing where it is valid and no warning is given.
    fn problems(&self) -> String {
        let path = self.path("downtime.toml");
        let output = downtime(&["--check", "--at", AT, "--config", path.to_str().unwrap()]);
        assert!(output.status.success() || !output.stderr.is_empty());
        text(&output.stderr)
    }
}

fn read(text: &str) -> Config {
    let reading = Config::parse("downtime.toml", text, Path::new(""), &|_| Ok(TEMPLATE.to_owned()));
    reading.config.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

/// Runs the command as someone does who has no environment of their own, on a terminal of 100 columns.
fn downtime(arguments: &[&str]) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_downtime")).args(arguments).env("COLUMNS", "100"))
}

/// Runs a command in the clone.
fn run(command: &mut Command) -> Output {
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("DOWNTIME_CONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn lines_trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
