//! `downtime bypass`: lets testers in while the site is down, and ends that.

use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::config_file::ConfigFile;
use super::edit::{EditPlan, EditRefusal, EditSource, Wait, date_time_literal, edit, floor_to_second};
use super::print_error;
use crate::clock;
use crate::config::edit::{Change, Literal};
use crate::config::{Config, Listen, ListenUrl};
use crate::decision::ENTER_PATH;
use crate::http1::scheme::Scheme;
use crate::matching::bypass::{Bypass, BypassPhase, SecretHash};
use crate::schedule::human_time::{distance, local};

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
    #[arg(long, value_name = "URL", value_parser = site_url)]
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

/// Parses the URL of a site, without the path of the page for testers.
fn site_url(text: &str) -> Result<String, &'static str> {
    const HELP: &str = "write a URL without a path, such as https://shop.example.com";
    let url: http::Uri = text.parse().map_err(|_| HELP)?;
    let is_site = matches!(url.scheme_str(), Some("http" | "https"))
        && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && matches!(url.path(), "" | "/")
        && url.query().is_none();
    if is_site { Ok(text.trim_end_matches('/').to_owned()) } else { Err(HELP) }
}

/// Returns 0 if the file has the bypass, or no longer has it.
pub(super) fn run(file: &ConfigFile, arguments: &BypassArgs) -> Result<ExitCode, ExitCode> {
    if let Some(BypassCommand::End { name }) = &arguments.command {
        let edited = edit(&file.path, Wait::Never, |source| end(source, name))?;
        edited.print(&edited.outcome, clock::now(), &[])?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = clock::now();
    let secret = random_secret()?;
    let edited = edit(&file.path, Wait::Never, |source| begin(source, arguments, &secret, now))?;
    let site = arguments.site.clone().unwrap_or_else(|| own_url(&edited.config));
    let link = format!("{site}{ENTER_PATH}#{secret}");
    let further = ["the link for testers, which is not shown again:".to_owned(), link];
    edited.print(&edited.outcome, clock::now(), &further)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns 256 random bits as text that needs no escapes in a URL or a cookie.
fn random_secret() -> Result<String, ExitCode> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        print_error(
            &format!("cannot get random bytes: {error}"),
            "nothing was written; run the command again",
        );
        ExitCode::FAILURE
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn begin(
    source: &EditSource<'_>,
    arguments: &BypassArgs,
    secret: &str,
    now: Timestamp,
) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let config = source.config;
    let until = now.checked_add(arguments.duration).map(floor_to_second).map_err(|_| too_long())?;
    if until.duration_since(now) > crate::matching::bypass::MAX_TIME {
        return Err(too_long());
    }
    let mut changes = Vec::new();
    if let Some(name) = &arguments.name
        && let Some((index, bypass)) = find(config, name)
    {
        if bypass.phase(now) != BypassPhase::Over {
            let message = format!("the bypass \"{name}\" (line {}) is not over", bypass.line);
            let help = format!("use another name, or run `downtime bypass end {name}` first");
            return Err(EditRefusal::Cannot(message, help));
        }
        changes.push(removal(config, index, bypass)?);
    }
    let name = arguments.name.clone().unwrap_or_else(|| unused_name(config));
    let zone = &config.timezone;
    let outcome =
        vec![format!("\"{name}\" lets testers in until {}, {}", local(until, zone), distance(until, now))];
    let mut keys = vec![
        ("name", Literal::String(name)),
        ("hash", Literal::String(SecretHash::of(secret.as_bytes()).to_string())),
        ("until", date_time_literal(until, zone)),
    ];
    let lists = [("hosts", &arguments.hosts), ("paths", &arguments.paths)];
    let given = lists.into_iter().filter(|(_, texts)| !texts.is_empty());
    keys.extend(given.map(|(key, texts)| (key, Literal::Strings(texts.clone()))));
    changes.push(Change::AppendBypass(keys));
    Ok(EditPlan { changes, outcome })
}

fn too_long() -> EditRefusal {
    EditRefusal::Cannot("--for: a bypass lasts at most 30 days".into(), "write a shorter duration".into())
}

fn end(source: &EditSource<'_>, name: &str) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let Some((index, bypass)) = find(source.config, name) else {
        let names = source.config.rules.bypasses.all().iter().filter_map(|bypass| bypass.name.as_deref());
        let names: Vec<_> = names.collect();
        let help = if names.is_empty() {
            "the file has no bypass with a name".to_owned()
        } else {
            format!("bypasses in the file: {}", names.join(", "))
        };
        return Err(EditRefusal::Cannot(format!("no bypass has the name \"{name}\""), help));
    };
    let changes = vec![removal(source.config, index, bypass)?];
    Ok(EditPlan { changes, outcome: vec![format!("\"{name}\" lets nobody in any more")] })
}

fn find<'c>(config: &'c Config, name: &str) -> Option<(usize, &'c Bypass)> {
    config.rules.bypasses.all().iter().enumerate().find(|(_, bypass)| bypass.name.as_deref() == Some(name))
}

/// Returns the removal of a bypass from the file that commands edit.
fn removal(config: &Config, index: usize, bypass: &Bypass) -> Result<Change, EditRefusal> {
    if config.periods_file.is_some() && bypass.file.is_none() {
        let message = format!(
            "{} is at line {} of the main file, which commands do not edit: it names a periods file",
            bypass.title(),
            bypass.line
        );
        return Err(EditRefusal::Cannot(message, "delete it there, or move it to the periods file".into()));
    }
    let all = config.rules.bypasses.all();
    let in_main_file = all.iter().filter(|other| config.periods_file.is_some() && other.file.is_none());
    Ok(Change::RemoveBypass { bypass: index.saturating_sub(in_main_file.count()) })
}

/// Returns a name that no bypass has.
fn unused_name(config: &Config) -> String {
    let numbered = (2..).map(|number: u32| format!("testers-{number}"));
    let mut names = std::iter::once("testers".to_owned()).chain(numbered);
    names.find(|name| find(config, name).is_none()).unwrap_or_default()
}

/// Returns the URL at which this machine reaches the gateway.
fn own_url(config: &Config) -> String {
    let tcp = config.server.listen.iter().find(|listen| listen.address.port().is_some());
    let Some(ListenUrl { scheme, address }) = tcp else { return "http://localhost".to_owned() };
    let host = match address {
        Listen::Tcp(address) if !address.ip().is_unspecified() => address.to_string(),
        other => format!("localhost:{}", other.port().unwrap_or_default()),
    };
    let default = if *scheme == Scheme::Https { ":443" } else { ":80" };
    format!("{}{}", scheme.prefix(), host.strip_suffix(default).unwrap_or(&host))
}
