//! Runs `downtime --check` on each `golden/NAME.toml` and compares the whole output with `NAME.txt`.
//!
//! `SNAPSHOTS=overwrite cargo test --test check` rewrites these files; `git diff` then shows how the messages changed.
//! Read it as the operator who has to act on it.
//!
//! If an error advises what to write, the test follows the advice and expects no error at that place.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use snapbox::{Assert, Data};

/// The time of each check, so that no golden file depends on the day of the test.
const AT: &str = "2026-06-01T00:00:00Z";

fn main() -> ExitCode {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/golden");
    let trials = match names(&directory) {
        Ok(names) => names.into_iter().flat_map(|name| trials(&directory, name)),
        Err(error) => {
            eprintln!("{}: {error}", directory.display());
            return ExitCode::FAILURE;
        }
    };
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// Returns the trial of the output and, if that has errors, the trial of their advice.
fn trials(directory: &Path, name: String) -> Vec<Trial> {
    let (directory, advice_directory) = (directory.to_owned(), directory.to_owned());
    let has_errors = fs::read_to_string(directory.join(&name).with_extension("txt"))
        .is_ok_and(|golden| golden.contains("\nerror: "));
    let advice_name = name.clone();
    let advice = has_errors.then(|| {
        let title = format!("{name}: following the advice fixes the error");
        Trial::test(title, move || follow_advice(&advice_directory, &advice_name))
    });
    let output = Trial::test(name.clone(), move || check(&directory, &name));
    [Some(output), advice].into_iter().flatten().collect()
}

fn names(directory: &Path) -> std::io::Result<Vec<String>> {
    let paths =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let tests = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let mut names: Vec<_> =
        tests.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

fn check(directory: &Path, name: &str) -> Result<(), Failed> {
    let output = run(directory, &fs::read(directory.join(name).with_extension("toml"))?)?;
    let expected = Data::read_from(&directory.join(name).with_extension("txt"), None).raw();
    let actual = Data::text(transcript(&output)).raw();
    Assert::new().action_env("SNAPSHOTS").try_eq(Some(&name), actual, expected)?;
    Ok(())
}

/// Runs `downtime --check` on a file with this text.
fn run(directory: &Path, text: &[u8]) -> Result<Output, Failed> {
    let work = tempfile::tempdir()?;
    fs::write(work.path().join("downtime.toml"), text)?;
    let text = String::from_utf8_lossy(text);
    let arguments: Vec<_> = directive(&text, "# arguments: ").split_whitespace().map(str::to_owned).collect();
    let zone = Some(directive(&text, "# TZ: ")).filter(|zone| !zone.is_empty()).unwrap_or("UTC");
    let at = if arguments.iter().any(|argument| argument == "--at") { &[][..] } else { &["--at", AT] };
    for name in ["images", "templates", "tls", "wordpress"] {
        std::os::unix::fs::symlink(directory.join(name), work.path().join(name))?;
    }
    Ok(Command::new(env!("CARGO_BIN_EXE_downtime"))
        .arg("--check")
        .args(at)
        .args(arguments)
        .env_remove("DOWNTIME_CONFIG")
        .env("TZ", zone)
        .current_dir(work.path())
        .output()?)
}

/// Follows the advice of each error in a golden file, and fails if there is still an error at that place.
fn follow_advice(directory: &Path, name: &str) -> Result<(), Failed> {
    let Ok(file) = fs::read_to_string(directory.join(name).with_extension("toml")) else { return Ok(()) };
    let golden = fs::read_to_string(directory.join(name).with_extension("txt"))?;
    for remedy in golden.split("\n\n").filter_map(Remedy::read) {
        let edited = remedy.apply(&file).ok_or_else(|| format!("could not apply {remedy:?}"))?;
        let output = String::from_utf8_lossy(&run(directory, edited.as_bytes())?.stderr).into_owned();
        let place = remedy.place(&file);
        // A key under its right name may be there already, and a period has yet to get its keys.
        let is_next =
            |found: &&str| found.contains(" is already set at line ") || found.contains("has no `start`");
        let is_left = |found: &&str| found.starts_with("error") && found.contains(&place) && !is_next(found);
        let left = output.split("\n\n").find(is_left);
        if let Some(left) = left {
            return Err(format!("{remedy:?} leads to:\n{left}").into());
        }
    }
    Ok(())
}

/// The text that an error advises to write.
#[derive(Debug)]
struct Remedy {
    /// The line of the error, counted from 1.
    line: usize,
    /// The column in characters, counted from 1.
    column: usize,
    /// The number of marked characters.
    marked: usize,
    /// A line `key = value`, the header of a section, or the text that replaces the marked text.
    replacement: String,
}

impl Remedy {
    /// Parses a diagnostic that says "write `…`" or "did you mean `…`?" and suggests a single text.
    fn read(diagnostic: &str) -> Option<Self> {
        let diagnostic = diagnostic.rsplit("--- stderr\n").next()?;
        let message = diagnostic.strip_prefix("error: ")?;
        let place =
            message.lines().find_map(|line| line.trim_start().strip_prefix("--> ./downtime.toml:"))?;
        let (line, column) = place.split_once(':')?;
        let marks = message.lines().find(|line| line.trim_start_matches([' ', '|']).starts_with('^'))?;
        let (_, help) = message.split_once("= help: ")?;
        let advised = help.strip_prefix("add a unit: ").unwrap_or(help);
        let advised = advised.strip_prefix("write `").or_else(|| advised.strip_prefix("did you mean `"))?;
        let (replacement, rest) = advised.trim_end().rsplit_once('`')?;
        let is_all = matches!(rest, "" | "?" | " on a line of its own") || rest.starts_with(": ");
        (is_all && !replacement.contains('`')).then(|| Self {
            line: line.parse().unwrap_or(0),
            column: column.parse().unwrap_or(0),
            marked: marks.matches('^').count(),
            replacement: replacement.to_owned(),
        })
    }

    /// Returns the place that must have no error any more, as messages name it: the line, or the position in it.
    fn place(&self, file: &str) -> String {
        if self.is_line(file) {
            format!("./downtime.toml:{}:", self.line)
        } else {
            format!("./downtime.toml:{}:{}\n", self.line, self.column)
        }
    }

    /// Returns true if the text replaces the whole line: it replaces a header, or is a comment or a key with its value.
    fn is_line(&self, file: &str) -> bool {
        let is_header = file.lines().nth(self.line - 1).is_some_and(|line| line.starts_with('['));
        self.replacement.contains(" = ") || self.replacement.starts_with('#') || is_header
    }

    fn apply(&self, file: &str) -> Option<String> {
        let is_line = self.is_line(file);
        let mut lines: Vec<_> = file.lines().map(str::to_owned).collect();
        let line = lines.get_mut(self.line - 1)?;
        let (from, to) = (self.column - 1, self.column - 1 + self.marked);
        let part = |from, to| line.chars().skip(from).take(to - from).collect::<String>();
        let (before, marked, after) = (part(0, from), part(from, to), part(to, usize::MAX));
        let is_text = self.replacement.starts_with(['"', '\'']) || !marked.starts_with(['"', '\'']);
        *line = if is_line {
            self.replacement.clone()
        } else if is_text {
            format!("{before}{}{after}", self.replacement)
        } else {
            format!("{before}'{}'{after}", self.replacement)
        };
        Some(lines.join("\n"))
    }
}

/// Returns the value of a first line such as `# arguments: --url /x`, or an empty text.
fn directive<'t>(text: &'t str, name: &str) -> &'t str {
    text.lines().next().and_then(|line| line.strip_prefix(name)).unwrap_or_default()
}

fn transcript(output: &Output) -> String {
    let code = output.status.code().map_or("none".into(), |code| code.to_string());
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|stream| String::from_utf8_lossy(stream));
    format!("exit code: {code}\n--- stdout\n{stdout}--- stderr\n{stderr}")
}
