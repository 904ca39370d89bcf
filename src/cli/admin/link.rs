//! `downtime admin link`: prints a link that logs an operator in, once.

use std::io;
use std::process::ExitCode;

use clap::Args;

use crate::admin::access::LINK_LIMIT;
use crate::admin::link_socket::{LinkError, ask_for_link};
use crate::cli::{print_error, print_progress, print_result};
use crate::config::line_file::check_name;
use crate::config::{AdminConfig, Listen};
use crate::editing::parse_site_url;
use crate::escape::shell_word;

/// The arguments of `admin link`.
#[derive(Debug, Args)]
pub(super) struct LinkArgs {
    /// Name of the operator, for the log [default: the user who runs this]
    #[arg(long, value_name = "NAME", value_parser = operator_name)]
    name: Option<String>,

    /// URL of the admin page [default: the first host in [admin] with https, or its address]
    #[arg(long, value_name = "URL", value_parser = parse_site_url)]
    site: Option<String>,
}

fn operator_name(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.to_owned()).map_err(|fault| format!("the name {fault}"))
}

/// Prints the link.
pub(super) fn run(config: &AdminConfig, arguments: &LinkArgs) -> Result<ExitCode, ExitCode> {
    let name = arguments.name.clone().unwrap_or_else(user);
    let secret = ask_for_link(&config.link_socket, &name).map_err(|error| report(&error, config))?;
    let site = arguments.site.clone().unwrap_or_else(|| own_url(config));
    print_result(&format!("{site}/link#{secret}\n"))?;
    print_progress(&format!("it works once, within {} seconds\n", LINK_LIMIT.as_secs()));
    if let (None, Some(host)) = (&arguments.site, config.hosts.first()) {
        print_progress(&format!(
            "the file does not say whether the proxy in front has TLS: if it has not, pass `--site http://{host}`\n"
        ));
    }
    if let (Listen::Unix(path, _), None, []) = (&config.listen, &arguments.site, &*config.hosts) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let forward = format!("ssh -L {} HOST", shell_word(&format!("9504:{}", path.display())));
        print_progress(&format!("to open it on another machine, run `{forward}` there first\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the name of the user who runs this, also if by `sudo`.
fn user() -> String {
    let names = ["SUDO_USER", "LOGNAME", "USER"].into_iter().filter_map(|name| std::env::var(name).ok());
    names.into_iter().find(|name| check_name(name).is_ok()).unwrap_or_else(|| "operator".to_owned())
}

fn own_url(config: &AdminConfig) -> String {
    match (config.hosts.first(), &config.listen) {
        (Some(host), _) => format!("https://{host}"),
        (None, Listen::Tcp(address)) => format!("http://{address}"),
        (None, _) => "http://localhost:9504".to_owned(),
    }
}

fn report(error: &LinkError, config: &AdminConfig) -> ExitCode {
    let socket = config.link_socket.display();
    let (message, help) = match error {
        LinkError::Refused(reason) => (format!("no link: {reason}"), "run this as root, such as with `sudo`"),
        LinkError::Io(error) => {
            let help = match error.kind() {
                io::ErrorKind::PermissionDenied => "run this as root, such as with `sudo`",
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    "start it: `systemctl start downtime-admin`, or `downtime admin`"
                }
                _ => "look in its log",
            };
            (format!("cannot ask `downtime admin` at {socket}: {error}"), help)
        }
    };
    print_error(&message, help);
    ExitCode::FAILURE
}
