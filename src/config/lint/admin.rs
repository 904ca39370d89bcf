//! Warns of an admin page that lets fewer operators in than it seems to.

use ipnet::IpNet;
use toml::Spanned;

use super::LintInput;
use crate::config::document::AdminSection;
use crate::config::{AdminConfig, Listen};

pub(super) fn lint(input: &LintInput<'_>) {
    let (Some(section), Some(admin)) = (&input.document.admin, &input.config.admin) else { return };
    for fault in &input.context.admin_faults {
        let field = if fault.key == "users" { &section.users } else { &section.tokens };
        let place = field.as_ref().map_or(0..0, Spanned::span);
        input.warn(place, fault.message.as_str(), fault.help.as_str());
    }
    lint_proxies(section, admin, input);
    lint_means(section, admin, input);
}

/// Warns of a field that is believed from nobody, and of proxies that cannot connect.
fn lint_proxies(section: &AdminSection, admin: &AdminConfig, input: &LintInput<'_>) {
    let trusted = &admin.trusted_proxies;
    let is_unix = matches!(admin.listen, Listen::Unix(..));
    let can_connect = |network: &IpNet| network.addr().is_loopback() || network.prefix_len() == 0;
    let is_met = if is_unix { trusted.unix } else { trusted.networks.iter().any(can_connect) };
    let help = if is_unix {
        "`trusted_proxies = [\"unix:\"]`"
    } else {
        "`trusted_proxies` with the address of the proxy, such as `127.0.0.1/32`"
    };
    if let Some(proxies) = section.trusted_proxies.as_ref().filter(|_| !is_met) {
        let peers = if is_unix { "on the Unix socket" } else { "on this machine" };
        let message = format!("this trusts no peer {peers}, where the admin page listens");
        input.warn(proxies.span(), message, format!("write {help}"));
    } else if let Some(header) = section.user_header.as_ref().filter(|_| !is_met) {
        let message = "no proxy is trusted: each request with this field gets status 400";
        input.warn(header.span(), message, format!("add {help}"));
    }
}

/// Notes that only links let operators in if the section names no other means.
fn lint_means(section: &AdminSection, admin: &AdminConfig, input: &LintInput<'_>) {
    let has_means = admin.users.is_some() || admin.user_header.is_some() || admin.tokens.is_some();
    if !has_means && let Some(listen) = &section.listen {
        let message = "only links from `downtime admin link` let operators in";
        input.note(listen.span(), message, "for other means, add `users`, `user_header` or `tokens`");
    }
}
