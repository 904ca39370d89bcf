//! `downtime man`: prints a page of the manual, or writes all pages into a directory.
//!
//! The pages of the commands come from their `--help`, that of the file from the reference of its keys.

mod file_page;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::config_file::IgnoredConfig;
use super::output_file::{write_help, write_whole};
use super::{print_error, print_result};

/// What the pages are of, in their last line.
const SOURCE: &str = concat!("downtime ", env!("CARGO_PKG_VERSION"));

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Page to print: downtime, a command such as start, or downtime.toml
    #[arg(value_name = "PAGE", default_value = "downtime")]
    page: String,

    /// Write all pages into this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    dir: Option<PathBuf>,

    #[command(flatten)]
    _ignored: IgnoredConfig,
}

/// A page of the manual.
struct ManualPage {
    /// Its name without the number of the section.
    name: String,
    /// 1 for commands, 5 for files.
    section: u8,
    /// Its text for man(7).
    text: String,
}

impl ManualPage {
    /// Returns true for its name, and for that of a command without `downtime-`.
    fn is_named(&self, name: &str) -> bool {
        self.name == name || self.name.strip_prefix("downtime-") == Some(name)
    }
}

/// Prints the page that the arguments name, or writes all of them. `exit_codes` are those of `command`.
pub(super) fn run(command: Command, exit_codes: &str, arguments: &ManArgs) -> Result<ExitCode, ExitCode> {
    let pages = pages(command, exit_codes).map_err(|error| {
        print_error(&format!("cannot make the manual pages: {error}"), "report this: it should not happen");
        ExitCode::FAILURE
    })?;
    if let Some(directory) = &arguments.dir {
        return write(directory, &pages);
    }
    let Some(page) = pages.iter().find(|page| page.is_named(&arguments.page)) else {
        let names: Vec<_> = pages.iter().map(|page| page.name.as_str()).collect();
        print_error(
            &format!("unknown page `{}`", arguments.page),
            &format!("the pages are {}", names.join(", ")),
        );
        return Err(ExitCode::from(2));
    };
    print_result(&page.text)?;
    Ok(ExitCode::SUCCESS)
}

fn write(directory: &Path, pages: &[ManualPage]) -> Result<ExitCode, ExitCode> {
    for page in pages {
        let path = directory.join(format!("{}.{}", page.name, page.section));
        write_whole(&path, page.text.as_bytes()).map_err(|error| {
            let help = write_help(&error, "name a directory that exists and that you may write to");
            print_error(&format!("cannot write {}: {error}", path.display()), help);
            ExitCode::FAILURE
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the page of the command, those of its subcommands, and that of the file.
fn pages(command: Command, exit_codes: &str) -> io::Result<Vec<ManualPage>> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = vec![main_page(&command, exit_codes)?];
    for subcommand in command.get_subcommands() {
        pages.push(subcommand_page(subcommand)?);
    }
    pages.push(ManualPage { name: "downtime.toml".into(), section: 5, text: file_page::render() });
    Ok(pages)
}

fn main_page(command: &Command, exit_codes: &str) -> io::Result<ManualPage> {
    let man = Man::new(command.clone()).source(SOURCE);
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    man.render_subcommands_section(&mut text)?;
    let mut rest = Roff::new();
    rest.control("SH", ["EXIT STATUS"]);
    for line in exit_codes.lines().skip(1) {
        if let Some((code, meaning)) = line.trim().split_once("  ") {
            rest.control("TP", []).text([roman(code)]).text([roman(meaning)]);
        }
    }
    rest.control("SH", ["FILES"]);
    for path in super::DEFAULT_PATHS {
        rest.control("TP", []).text([roman(path)]).text([roman("The configuration, see downtime.toml(5).")]);
    }
    rest.control("SH", ["ENVIRONMENT"]);
    rest.control("TP", []).text([roman(super::VARIABLE)]);
    rest.text([roman("Names the file if --config does not.")]);
    rest.control("TP", []).text([roman("NO_COLOR")]);
    rest.text([roman("If it is set and not empty, output has no colours.")]);
    rest.control("SH", ["SEE ALSO"]).text([roman("downtime.toml(5)")]);
    rest.to_writer(&mut text)?;
    Ok(ManualPage { name: "downtime".into(), section: 1, text: String::from_utf8_lossy(&text).into_owned() })
}

fn subcommand_page(command: &Command) -> io::Result<ManualPage> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut text = Vec::new();
    Man::new(command.clone()).source(SOURCE).render(&mut text)?;
    let mut rest = Roff::new();
    rest.control("SH", ["SEE ALSO"]).text([roman("downtime(1), downtime.toml(5)")]);
    rest.to_writer(&mut text)?;
    Ok(ManualPage { name, section: 1, text: String::from_utf8_lossy(&text).into_owned() })
}
