//! Methods of a scope that no client sends.

use toml::Spanned;

use super::LintInput;

/// Those of the IANA HTTP Method Registry, and then some that are in use without being in it.
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

pub(super) fn lint(subject: &LintInput<'_>) {
    for (table, _) in subject.live_periods() {
        for written in table.methods.iter().flat_map(Spanned::get_ref) {
            let upper = written.get_ref().to_ascii_uppercase();
            if !METHODS.contains(&upper.as_str()) {
                let message = || format!("no client is known to send `{upper}`: this covers nothing");
                subject.warn_with(written.span(), || (message(), help(&upper)));
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
