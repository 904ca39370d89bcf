//! The access log: `[log] access`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde::Serialize;

use super::request_id::RequestId;
use crate::config::AccessLog;
use crate::counters::Outcome;
use crate::escape::{MAX_ACCESS_TEXT, cut_to, escape_json, escape_with, is_unsafe};
use crate::filters::context::Decided;
use crate::http1::request::{RequestHead, Version};
use crate::logging::AccessLines;
use crate::net::client::ClientConnection;

/// The line of a request that is being handled.
pub(super) struct AccessLine {
    lines: AccessLines,
    form: AccessLog,
    received_at: Timestamp,
    client: Option<IpAddr>,
    method: Method,
    host: String,
    /// Without the query, which may contain private data.
    path: String,
    protocol: &'static str,
    /// Likewise.
    referer: String,
    user_agent: String,
    request_id: String,
}

/// The line as JSON.
#[derive(Serialize)]
struct JsonLine<'l> {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    level: &'static str,
    target: &'static str,
    client: Option<IpAddr>,
    method: Cow<'l, str>,
    host: Option<Cow<'l, str>>,
    path: Cow<'l, str>,
    protocol: &'l str,
    status: u16,
    bytes: u64,
    /// In seconds.
    duration: f64,
    decision: &'static str,
    cause: &'static str,
    referer: Option<Cow<'l, str>>,
    user_agent: Option<Cow<'l, str>>,
    request_id: &'l str,
}

impl AccessLine {
    /// Starts a line, if the access log is on.
    pub(super) fn begin(
        form: AccessLog,
        lines: &AccessLines,
        head: &RequestHead<'_>,
        client: &ClientConnection,
        decided: &Decided,
        request_id: &RequestId<'_>,
    ) -> Self {
        let text = |name| head.values(name).next().map(String::from_utf8_lossy).unwrap_or_default();
        let referer = text("referer");
        Self {
            lines: lines.clone(),
            form,
            received_at: decided.now,
            client: decided.client,
            method: head.method.clone(),
            host: head.host.unwrap_or_default().to_owned(),
            path: head.target.path_text().into_owned(),
            protocol: protocol(head, client),
            referer: referer.split(['?', '#']).next().unwrap_or_default().to_owned(),
            user_agent: text("user-agent").into_owned(),
            request_id: request_id.as_text().into_owned(),
        }
    }

    /// Writes the line of a request that has ended.
    pub(super) fn write(&self, outcome: Outcome, status: u16, bytes: u64, duration: Duration) {
        let line = match self.form {
            AccessLog::Off => return,
            AccessLog::Combined => self.combined(outcome, status, bytes, duration),
            AccessLog::Json => self.json(outcome, status, bytes, duration),
        };
        self.lines.write(&line);
    }

    /// The Combined Log Format, and then host, duration in seconds, decision, cause and identifier.
    fn combined(&self, outcome: Outcome, status: u16, bytes: u64, duration: Duration) -> String {
        let protocol = self.protocol;
        let client = self.client.map_or(Cow::Borrowed("-"), |client| client.to_string().into());
        let time = self.received_at.strftime("%d/%b/%Y:%H:%M:%S +0000");
        let method = quoted(self.method.as_str());
        let (path, host) = (quoted(&self.path), quoted(&self.host));
        let (referer, user_agent) = (quoted(&self.referer), quoted(&self.user_agent));
        let (seconds, id) = (duration.as_secs_f64(), quoted(&self.request_id));
        let (decision, cause) = (outcome.decision().as_str(), outcome.cause());
        format!(
            "{client} - - [{time}] \"{method} {path} {protocol}\" {status} {bytes} \"{referer}\" \"{user_agent}\" \
             \"{host}\" {seconds:.6} {decision} {cause} \"{id}\"\n"
        )
    }

    fn json(&self, outcome: Outcome, status: u16, bytes: u64, duration: Duration) -> String {
        let cut = |text| cut_to(MAX_ACCESS_TEXT, text);
        let given = |text| Some(cut(text)).filter(|text| !text.is_empty());
        let line = JsonLine {
            timestamp: self.lines.are_timed().then_some(self.received_at),
            level: "INFO",
            target: "downtime::access",
            client: self.client,
            method: cut(self.method.as_str()),
            host: given(&self.host),
            path: cut(&self.path),
            protocol: self.protocol,
            status,
            bytes,
            duration: duration.as_secs_f64(),
            decision: outcome.decision().as_str(),
            cause: outcome.cause(),
            referer: given(&self.referer),
            user_agent: given(&self.user_agent),
            request_id: &self.request_id,
        };
        escape_json(&serde_json::to_string(&line).unwrap_or_default()).into_owned() + "\n"
    }
}

fn protocol(head: &RequestHead<'_>, client: &ClientConnection) -> &'static str {
    match head.version {
        _ if client.is_http2() => "HTTP/2.0",
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    }
}

/// Returns a text for a place within quotes: `-` if it is empty. What would end the quotes or the line, or steer a terminal, is
/// escaped byte by byte, as nginx does.
fn quoted(text: &str) -> Cow<'_, str> {
    if text.is_empty() {
        return "-".into();
    }
    let is_escaped = |c: char| is_unsafe(c) || matches!(c, '"' | '\\');
    escape_with(text, MAX_ACCESS_TEXT, is_escaped, |quoted, c| {
        let mut bytes = [0; 4];
        for byte in c.encode_utf8(&mut bytes).bytes() {
            // Writing to a String cannot fail.
            let _ = write!(quoted, "\\x{byte:02X}");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_longer_than_a_line_may_be() {
        let text = "\"".repeat(MAX_ACCESS_TEXT + 1);
        let long = [quoted(&text), cut_to(MAX_ACCESS_TEXT, &text)];
        assert!(long.iter().all(|text| text.ends_with('…') && text.len() < MAX_ACCESS_TEXT + 4));
    }

    #[test]
    fn no_text_ends_its_quotes_or_its_line() {
        for (text, expected) in [
            ("", "-"),
            ("/a b", "/a b"),
            ("é", "é"),
            ("a\"b\\c", "a\\x22b\\x5Cc"),
            ("a\nb\x1b[31m\u{202e}", "a\\x0Ab\\x1B[31m\\xE2\\x80\\xAE"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
