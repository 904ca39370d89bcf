//! `downtime bypass`: lets testers in while the site is down, and ends that.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::config_file::ConfigFile;
use super::edit::edit;
use super::end::name_command;
use super::scope_args::check_scope;
use super::{print_error, print_progress, print_result};
use crate::clock;
use crate::editing::{
    BypassFault, BypassInputs, EditPlan, EditRefusal, EditSource, RequestedBypass, Wait, begin_bypass,
    bypass_link, bypass_warnings, end_bypass, parse_site_url, random_secret,
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

    /// Wait up to 10 s until the running gateway has applied the edit; needs [management]
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Subcommand)]
enum BypassCommand {
    /// End a bypass, so that its secret lets nobody in
    End {
        /// The bypass to end
        #[arg(value_name = "NAME")]
        name: String,

        /// Wait up to 10 s until the running gateway has applied the edit; needs [management]
        #[arg(long)]
        wait: bool,
    },
}

const INPUTS: BypassInputs = BypassInputs { length: "--for ", site: "`--site`" };

/// Returns 0 if the file has the bypass, or no longer has it, and with `--wait` the gateway has applied that.
pub(super) fn run(file: &ConfigFile, arguments: &BypassArgs) -> Result<ExitCode, ExitCode> {
    if let Some(BypassCommand::End { name, wait }) = &arguments.command {
        let edited = edit(&file.path, Wait::from(*wait), |source| end_bypass(source, name))?;
        edited.print(&edited.outcome, clock::now(), &[])?;
        edited.wait_until_applied(file)?;
        return Ok(ExitCode::SUCCESS);
    }
    let secret = secret()?;
    let mut edited =
        edit(&file.path, Wait::from(arguments.wait), |source| begin(source, file, arguments, &secret))?;
    let (site, now) = (arguments.site.as_deref(), clock::now());
    let bypass = edited.config.rules.bypasses.all().last();
    let link = bypass_link(site, &edited.config, bypass, &secret);
    edited.warnings.extend(bypass_warnings(site, &edited.config, bypass, now, INPUTS));
    edited.print(&edited.outcome, now, &[])?;
    // Before the wait, which may be interrupted. It is the last line of stdout, for scripts.
    print_result(&format!("the link for testers, which is not shown again:\n{link}\n"))?;
    if let Some(applied) = edited.applied(file)? {
        print_progress(&format!("{applied}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

fn begin(
    source: &EditSource<'_>,
    file: &ConfigFile,
    arguments: &BypassArgs,
    secret: &str,
) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let BypassArgs { name, duration, hosts, paths, .. } = arguments;
    check_scope(hosts, paths, &[])?;
    let requested = RequestedBypass {
        name: name.clone(),
        duration: *duration,
        hosts: hosts.clone(),
        paths: paths.clone(),
    };
    begin_bypass(source, &requested, secret).map_err(|fault| match fault {
        BypassFault::TooLong => {
            EditRefusal::cannot("--for: a bypass lasts at most 30 days", "write a shorter duration")
        }
        BypassFault::NotOver { message, name } => {
            let end = name_command(file, "bypass end", &name);
            EditRefusal::cannot(message, format!("use another name, or run `{end}` first"))
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
