//! `downtime bypass`: lets testers in while the site is down, and ends that.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::config_file::ConfigFile;
use super::edit::edit;
use super::print_error;
use crate::clock;
use crate::editing::{
    BypassFault, EditPlan, EditRefusal, EditSource, RequestedBypass, Wait, begin_bypass, bypass_link,
    end_bypass, parse_site_url, random_secret,
};

/// The arguments of `bypass`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct BypassArgs {
    #[command(subcommand)]
    command: Option<BypassCommand>,

    /// Name of the bypass; one that is over is replaced [default: testers, testers-2, …]
    #[arg(long, value_name = "NAME", value_parser = super::start::name)]
    name: Option<String>,

    /// How long it lets testers in, at most 30 days
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration, default_value = "8h")]
    #[arg(allow_hyphen_values = true)]
    duration: Duration,

    /// Let testers in on this host only, or on all hosts below it with "*.example.org"; can be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,

    /// Let testers in on paths that match this glob only, such as "/shop/**"; can be repeated
    #[arg(long = "path", value_name = "GLOB")]
    paths: Vec<String>,

    /// URL of the site, for the printed link [default: the first address that the gateway listens on]
    #[arg(long, value_name = "URL", value_parser = parse_site_url)]
    site: Option<String>,
}

#[derive(Debug, Subcommand)]
enum BypassCommand {
    /// End a bypass, so that its secret lets nobody in
    End {
        /// The bypass to end
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Returns 0 if the file has the bypass, or no longer has it.
pub(super) fn run(file: &ConfigFile, arguments: &BypassArgs) -> Result<ExitCode, ExitCode> {
    if let Some(BypassCommand::End { name }) = &arguments.command {
        let edited = edit(&file.path, Wait::Never, |source| end_bypass(source, name))?;
        edited.print(&edited.outcome, clock::now(), &[])?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = clock::now();
    let secret = secret()?;
    let edited = edit(&file.path, Wait::Never, |source| begin(source, arguments, &secret, now))?;
    let link = bypass_link(arguments.site.as_deref(), &edited.config, &secret);
    let further = ["the link for testers, which is not shown again:".to_owned(), link];
    edited.print(&edited.outcome, clock::now(), &further)?;
    Ok(ExitCode::SUCCESS)
}

fn begin(
    source: &EditSource<'_>,
    arguments: &BypassArgs,
    secret: &str,
    now: Timestamp,
) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let BypassArgs { name, duration, hosts, paths, .. } = arguments;
    let requested = RequestedBypass {
        name: name.clone(),
        duration: *duration,
        hosts: hosts.clone(),
        paths: paths.clone(),
    };
    begin_bypass(source, &requested, secret, now).map_err(|fault| match fault {
        BypassFault::TooLong => {
            EditRefusal::cannot("--for: a bypass lasts at most 30 days", "write a shorter duration")
        }
        BypassFault::Refused(refusal) => refusal,
    })
}

/// Returns a new secret, or reports that the system has none.
fn secret() -> Result<String, ExitCode> {
    random_secret().map_err(|error| {
        print_error(
            &format!("cannot get random bytes: {error}"),
            "nothing was written; run the command again",
        );
        ExitCode::FAILURE
    })
}
