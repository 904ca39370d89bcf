//! The documented commands install the gateway, and the recipes are documented.

use std::fs;
use std::process::Command;

use super::document::MarkdownDocument;
use super::shipped::SHIPPED;
use super::{run, text};

const RECIPES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/.justfile"));
const CI: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/run"));

#[test]
fn the_install_commands_install_a_valid_file_with_its_schema() {
    let document = MarkdownDocument::read("docs/operating.md");
    let commands: Vec<_> =
        document.section("Install with systemd").lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    let root = tempfile::tempdir().unwrap();
    // What a fresh Debian has.
    for directory in ["usr/local/bin", "etc/systemd/system"] {
        fs::create_dir_all(root.path().join(directory)).unwrap();
    }
    let installs = commands.iter().filter_map(|command| command.strip_prefix("sudo install "));
    let below_root = |text: &str| {
        let root = root.path().display();
        text.replace(" /usr/local/", &format!(" {root}/usr/local/"))
            .replace(" /etc/", &format!(" {root}/etc/"))
            .replace("target/release/downtime", env!("CARGO_BIN_EXE_downtime"))
    };
    for arguments in installs {
        let output = run(Command::new("sh").args(["-c", &below_root(&format!("install {arguments}"))]));
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
    assert!(installed("etc/sysusers.d/downtime.conf").is_file());
    assert!(installed("etc/tmpfiles.d/downtime.conf").is_file());

    // The last command shows the state and changes nothing.
    let last = commands.last().unwrap();
    let state =
        run(Command::new("sh")
            .args(["-c", &below_root(last).replacen("downtime", binary.to_str().unwrap(), 1)]));
    assert!(state.status.success() && text(&state.stdout).starts_with("state     up"), "{last}: {state:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), SHIPPED);
}

#[test]
fn each_recipe_is_documented_with_its_command() {
    let commands: Vec<_> = RECIPES.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let names: Vec<_> = RECIPES.lines().filter_map(|line| line.strip_suffix(':')).collect();
    assert_eq!(names, ["ci", "check", "test", "full", "bench", "soak", "mutants", "coverage"]);
    assert_eq!(commands.len(), names.len());
    let documents = MarkdownDocument::all();
    for (name, command) in names.iter().zip(commands) {
        let row = format!("| `just {name}` | `{command}` |");
        assert!(documents.iter().any(|document| document.text.contains(&row)), "{row}");
    }
    for command in ["cargo fmt", "cargo clippy", "cargo doc", "cargo test"] {
        assert!(CI.contains(command), "{command}");
    }
}
