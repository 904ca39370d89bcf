//! `downtime --check` over each `golden/NAME.toml`: the whole of what it prints stands in `NAME.txt`.
//!
//! `SNAPSHOTS=overwrite cargo test --test check` writes these files anew; `git diff` then shows what a change of the
//! messages did. Read it as the operator who has to act on it.
//!
//! What an error advises to write is then written, as the operator would: no error may be left at that place.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use snapbox::{Assert, Data};

/// No golden file depends on the day on which it is tested.
const AT: &str = "2026-06-01T00:00:00Z";

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/golden");
    let trials = match names(&folder) {
        Ok(names) => names.into_iter().flat_map(|name| trials(&folder, name)),
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    };
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// What is printed; and, where that is an error, what comes of its advice.
fn trials(folder: &Path, name: String) -> Vec<Trial> {
    let (folder, again) = (folder.to_owned(), folder.to_owned());
    let has_errors = fs::read_to_string(folder.join(&name).with_extension("txt"))
        .is_ok_and(|golden| golden.contains("\nerror: "));
    let followed = name.clone();
    let advice = has_errors.then(|| {
        let title = format!("{name}: what is advised is right");
        Trial::test(title, move || follow(&again, &followed))
    });
    let printed = Trial::test(name.clone(), move || check(&folder, &name));
    [Some(printed), advice].into_iter().flatten().collect()
}

fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let tests = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let mut names: Vec<_> =
        tests.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

fn check(folder: &Path, name: &str) -> Result<(), Failed> {
    let output = run(folder, &fs::read(folder.join(name).with_extension("toml"))?)?;
    let expected = Data::read_from(&folder.join(name).with_extension("txt"), None).raw();
    let actual = Data::text(transcript(&output)).raw();
    Assert::new().action_env("SNAPSHOTS").try_eq(Some(&name), actual, expected)?;
    Ok(())
}

/// `downtime --check` on a file that says this.
fn run(folder: &Path, text: &[u8]) -> Result<Output, Failed> {
    let work = tempfile::tempdir()?;
    fs::write(work.path().join("downtime.toml"), text)?;
    let text = String::from_utf8_lossy(text);
    let arguments: Vec<_> = directive(&text, "# arguments: ").split_whitespace().map(str::to_owned).collect();
    let zone = Some(directive(&text, "# TZ: ")).filter(|zone| !zone.is_empty()).unwrap_or("UTC");
    let at = if arguments.iter().any(|argument| argument == "--at") { &[][..] } else { &["--at", AT] };
    std::os::unix::fs::symlink(folder.join("templates"), work.path().join("templates"))?;
    Ok(Command::new(env!("CARGO_BIN_EXE_downtime"))
        .arg("--check")
        .args(at)
        .args(arguments)
        .env_remove("DOWNTIME_CONFIG")
        .env("TZ", zone)
        .current_dir(work.path())
        .output()?)
}

/// Writes what each error of a golden file advises, and looks whether there is still an error at that place.
fn follow(folder: &Path, name: &str) -> Result<(), Failed> {
    let Ok(file) = fs::read_to_string(folder.join(name).with_extension("toml")) else { return Ok(()) };
    let golden = fs::read_to_string(folder.join(name).with_extension("txt"))?;
    for remedy in golden.split("\n\n").filter_map(Remedy::read) {
        let edited = remedy.apply(&file).ok_or_else(|| format!("{remedy:?} cannot be applied"))?;
        let output = String::from_utf8_lossy(&run(folder, edited.as_bytes())?.stderr).into_owned();
        let place = remedy.place(&file);
        // A key under its right name may be there already, and a period has yet to get its keys.
        let is_next =
            |found: &&str| found.contains(" is already at line ") || found.contains("has no `start`");
        let is_left = |found: &&str| found.starts_with("error") && found.contains(&place) && !is_next(found);
        let left = output.split("\n\n").find(is_left);
        if let Some(left) = left {
            return Err(format!("{remedy:?} leads to:\n{left}").into());
        }
    }
    Ok(())
}

/// What an error advises to write.
#[derive(Debug)]
struct Remedy {
    /// The line of the error, from 1.
    line: usize,
    /// The column, from 1, in characters.
    column: usize,
    /// How many characters are marked.
    marked: usize,
    /// What to write: a line `key = value`, the header of a section, or what replaces the marked text.
    written: String,
}

impl Remedy {
    /// Reads it from a diagnostic, if that says "write `…`" or "did you mean `…`?" and names one thing.
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
        let (written, rest) = advised.trim_end().rsplit_once('`')?;
        let is_all = matches!(rest, "" | "?" | " on a line of its own") || rest.starts_with(": ");
        (is_all && !written.contains('`')).then(|| Self {
            line: line.parse().unwrap_or(0),
            column: column.parse().unwrap_or(0),
            marked: marks.matches('^').count(),
            written: written.to_owned(),
        })
    }

    /// Where there must be no error any more, as messages have it: on the line, or at the place in it.
    fn place(&self, file: &str) -> String {
        if self.is_line(file) {
            format!("./downtime.toml:{}:", self.line)
        } else {
            format!("./downtime.toml:{}:{}\n", self.line, self.column)
        }
    }

    /// Whether it is all of the line: a header in place of a header, a comment, or a key with its value.
    fn is_line(&self, file: &str) -> bool {
        let is_header = file.lines().nth(self.line - 1).is_some_and(|line| line.starts_with('['));
        self.written.contains(" = ") || self.written.starts_with('#') || is_header
    }

    fn apply(&self, file: &str) -> Option<String> {
        let is_line = self.is_line(file);
        let mut lines: Vec<_> = file.lines().map(str::to_owned).collect();
        let line = lines.get_mut(self.line - 1)?;
        let (from, to) = (self.column - 1, self.column - 1 + self.marked);
        let part = |from, to| line.chars().skip(from).take(to - from).collect::<String>();
        let (before, marked, after) = (part(0, from), part(from, to), part(to, usize::MAX));
        let is_text = self.written.starts_with(['"', '\'']) || !marked.starts_with(['"', '\'']);
        *line = if is_line {
            self.written.clone()
        } else if is_text {
            format!("{before}{}{after}", self.written)
        } else {
            format!("{before}'{}'{after}", self.written)
        };
        Some(lines.join("\n"))
    }
}

/// What a first line such as `# arguments: --url /x` says; no golden file depends on the machine's zone otherwise.
fn directive<'t>(text: &'t str, name: &str) -> &'t str {
    text.lines().next().and_then(|line| line.strip_prefix(name)).unwrap_or_default()
}

fn transcript(output: &Output) -> String {
    let code = output.status.code().map_or("none".into(), |code| code.to_string());
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|stream| String::from_utf8_lossy(stream));
    format!("exit code: {code}\n--- stdout\n{stdout}--- stderr\n{stderr}")
}
