//! `downtime init`: writes a commented file to start from, and its schema.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::config_file::{ConfigFile, DEFAULT_PATHS};
use super::{print_error, print_result, schema};
use crate::store;

/// The file that the project ships, which shows each key with its default.
const STARTER: &str = include_str!("../../downtime.toml");
/// The schema that the first line of the starter file names, relative to the file.
const SCHEMA: &str = ".schema/downtime.json";

/// The arguments of `init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// File to create [env: DOWNTIME_CONFIG] [default: ./downtime.toml]
    // In place of the option of all commands, whose default is another one.
    #[arg(id = "config", short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Creates the file that the option or the variable names, else `./downtime.toml`, and its schema beside it. An existing
/// file is an error, and stays as it is.
pub(super) fn run(arguments: &InitArgs, variable: Option<OsString>) -> Result<ExitCode, ExitCode> {
    let file = ConfigFile::named(arguments.config.clone(), variable)
        .unwrap_or_else(|| ConfigFile::at(DEFAULT_PATHS[0]));
    let path = &file.path;
    let created = store::create(path, STARTER).map_err(|error| {
        print_error(&error.problem(), error.help());
        ExitCode::FAILURE
    })?;
    if !created {
        print_error(
            &format!("{} exists already", path.display()),
            "edit it, or name another file with --config",
        );
        return Err(ExitCode::FAILURE);
    }
    let schema_path = path.with_file_name(SCHEMA);
    write_schema(&schema_path).map_err(|error| {
        let message =
            format!("created {}, but cannot write {}: {error}", path.display(), schema_path.display());
        print_error(&message, "write it with `downtime schema`; only editors need it");
        ExitCode::FAILURE
    })?;
    let next = file.command("--check");
    print_result(&format!(
        "created {} and {}, with which editors check it\nnext, set `upstream` or `root` in [site] and run `{next}`\n",
        path.display(),
        schema_path.display(),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the schema, over an older one.
fn write_schema(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, schema::text())
}
