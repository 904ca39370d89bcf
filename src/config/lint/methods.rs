//! Warns of methods in a scope that no client is known to send.

use toml::Spanned;

use super::LintInput;

/// The IANA HTTP Method Registry, followed by methods that are in use but not registered.
const METHODS: [&str; 47] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "BAN",
    "M-SEARCH",
    "NOTIFY",
    "PURGE",
    "REFRESH",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
];

pub(super) fn lint(input: &LintInput<'_>) {
    for (table, _) in input.live_periods() {
        for value in table.methods.iter().flat_map(Spanned::get_ref) {
            let upper = value.get_ref().to_ascii_uppercase();
            if !METHODS.contains(&upper.as_str()) {
                let message =
                    || format!("unknown method `{upper}`: no client sends it, so this covers nothing");
                input.warn_with(value.span(), || (message(), help(&upper)));
            }
        }
    }
}

fn help(method: &str) -> String {
    let near = METHODS.iter().filter(|known| method.len() <= 32 && strsim::osa_distance(known, method) == 1);
    let near: Vec<_> = near.map(|known| format!("`{known}`")).collect();
    match near.as_slice() {
        [one] => format!("did you mean {one}?"),
        [one, other] => format!("did you mean {one} or {other}?"),
        _ => "remove it, or write a method that clients send, such as `POST`".into(),
    }
}
