//! `downtime init`: writes a commented file to start from, its schema, and the template that it names.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
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
/// The built-in page, which the starter file names as an example of a template, relative to the file.
const TEMPLATE: (&str, &str) = ("templates/downtime.html", include_str!("../../templates/downtime.html"));

/// The arguments of `init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// File to create [env: DOWNTIME_CONFIG] [default: ./downtime.toml]
    // In place of the option of all commands, whose default is another one.
    #[arg(id = "config", short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Creates the file that the option or the variable names, else `./downtime.toml`, and its schema and its template beside it. An
/// existing file is an error, and stays as it is; so does an existing template.
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
    let failed = |beside: &Path, error: &io::Error, help: &str| {
        let message = format!("created {}, but cannot write {}: {error}", path.display(), beside.display());
        print_error(&message, help);
        ExitCode::FAILURE
    };
    let schema_path = path.with_file_name(SCHEMA);
    write_schema(&schema_path).map_err(|error| {
        failed(&schema_path, &error, "write it with `downtime schema`; only editors need it")
    })?;
    let template_path = path.with_file_name(TEMPLATE.0);
    let has_template = create_template(&template_path).map_err(|error| {
        failed(&template_path, &error, "only the example of `template` in the file needs it")
    })?;
    let template = if has_template {
        format!("created {}, the built-in page, for a `template` of your own\n", template_path.display())
    } else {
        String::new()
    };
    let next = file.command("--check");
    print_result(&format!(
        "created {} and {}, with which editors check it\n{template}\
         next, set `upstream` or `root` in [site] and run `{next}`\n",
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

/// Writes the template, unless there is a file of its name. Returns true if it was written.
fn create_template(path: &Path) -> io::Result<bool> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    match File::create_new(path) {
        Ok(mut file) => file.write_all(TEMPLATE.1.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
