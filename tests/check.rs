//! `downtime --check` over each `tests/check/NAME.toml`: the whole of what it prints stands in `NAME.txt`.
//!
//! `SNAPSHOTS=overwrite cargo test --test check` writes these files anew; `git diff` then shows what a change of the
//! messages did. Read it as the operator who has to act on it.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use snapbox::{Assert, Data};

/// No golden file depends on the day on which it is tested.
const AT: &str = "2026-06-01T00:00:00Z";

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check");
    let trials = match names(&folder) {
        Ok(names) => names.into_iter().map(|name| {
            let folder = folder.clone();
            Trial::test(name.clone(), move || check(&folder, &name))
        }),
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    };
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
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
    let work = tempfile::tempdir()?;
    let file = work.path().join("downtime.toml");
    fs::copy(folder.join(name).with_extension("toml"), &file)?;
    let text = String::from_utf8_lossy(&fs::read(&file)?).into_owned();
    let arguments: Vec<_> = directive(&text, "# arguments: ").split_whitespace().map(str::to_owned).collect();
    let zone = Some(directive(&text, "# TZ: ")).filter(|zone| !zone.is_empty()).unwrap_or("UTC");
    let at = if arguments.iter().any(|argument| argument == "--at") { &[][..] } else { &["--at", AT] };
    std::os::unix::fs::symlink(folder.join("templates"), work.path().join("templates"))?;
    let output = Command::new(env!("CARGO_BIN_EXE_downtime"))
        .arg("--check")
        .args(at)
        .args(arguments)
        .env_remove("DOWNTIME_CONFIG")
        .env("TZ", zone)
        .current_dir(work.path())
        .output()?;
    let expected = Data::read_from(&folder.join(name).with_extension("txt"), None).raw();
    let actual = Data::text(transcript(&output)).raw();
    Assert::new().action_env("SNAPSHOTS").try_eq(Some(&name), actual, expected)?;
    Ok(())
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
