//! The head of a response, as it goes to the client.

use std::time::Duration;

use http::{Method, StatusCode};
use jiff::Timestamp;
use tracing::{debug, warn};

use super::buffers::Buffers;
use super::download::Download;
use super::exchange::Exchange;
use super::{UpstreamError, tunnel, via};
use crate::clock::http_date;
use crate::escape::peer_text;
use crate::http1::content_length::write_length;
use crate::http1::encode::{write_connection, write_status_line};
use crate::http1::field_names::{PRIVATE, controls_cache};
use crate::http1::fields::{
    ConnectionOptions, FieldFilter, FieldLine, Sender, tokens, write_field, write_received,
};
use crate::http1::foreign_fields::ForeignFields;
use crate::http1::framing::{Framing, TransferCoding};
use crate::http1::request::{RequestHead, Version};
use crate::http1::response::{INVALID_NAME, ResponseHead, has_no_body};
use crate::log_interval::LogInterval;

/// How the client gets the response.
#[derive(Clone, Copy, Debug)]
struct ToClient {
    version: Version,
    closes: bool,
    now: Timestamp,
    /// True if the response was translated from HTTP/2.
    over_http2: bool,
    /// True if no cache may keep it.
    is_private: bool,
}

/// Returns the filter for the fields and trailers of a response with these options.
pub(super) fn filter(options: &ConnectionOptions) -> FieldFilter<'_> {
    FieldFilter { sender: Sender::Upstream, options }
}

impl Exchange<'_, '_> {
    /// Takes the head of a response from the upstream, if it is complete. Leaves it, as it goes to the client, in `to_client`.
    pub(super) fn take_head(&mut self) -> Result<Option<Download>, UpstreamError> {
        let Self { head: request, client, buffers, .. } = self;
        let Buffers { from_upstream, to_client, .. } = &mut **buffers;
        let ascii;
        let mut left_out = None;
        let parse = if self.over_http2 { ResponseHead::parse_own } else { ResponseHead::parse };
        let mut parsed = parse(from_upstream.bytes(), request.method == Method::HEAD);
        if parsed.as_ref().err() == Some(&INVALID_NAME) {
            match ForeignFields::find(from_upstream.bytes()) {
                ForeignFields::None => {}
                ForeignFields::Incomplete => return Ok(None),
                ForeignFields::LeftOut(head) => {
                    ascii = head;
                    left_out = Some(peer_text(&ascii.name).into());
                    let rest = ResponseHead::parse(&ascii.bytes, request.method == Method::HEAD);
                    parsed = rest.map(|found| found.map(|(_, head)| (ascii.length, head)));
                }
            }
        }
        let Some((length, head)) = parsed.map_err(|invalid| UpstreamError::Invalid(invalid.0))? else {
            return Ok(None);
        };
        to_client.clear();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            if !tunnel::is_requested(request, &head) {
                return Err(UpstreamError::Invalid("it switched to a protocol that was not requested"));
            }
            if !self.upload.is_whole() {
                return Err(UpstreamError::Invalid("it switched to another protocol within the request"));
            }
        }
        if head.status.is_informational() {
            write_interim(to_client, &head);
        } else {
            if ends_with_connection(&head.framing, client.version()) {
                client.close_after_response();
            }
            let to = ToClient {
                version: client.version(),
                closes: client.decide_close(),
                now: self.now,
                over_http2: self.over_http2,
                is_private: self.route.is_private,
            };
            write(to_client, &head, &request.method, &to);
        }
        let (idle_limit, coding) = (idle_limit(&head), coding(&head.framing, client.version()));
        let may_pause = !matches!(head.framing, Framing::Length(_)) && may_pause(head.values("content-type"));
        let ResponseHead { status, framing, options, .. } = head;
        from_upstream.consume(length);
        // A client of HTTP/2 may take nothing, and have many requests: the buffer grows with what it takes.
        if !client.is_http2() {
            from_upstream.expect(&framing);
        }
        Ok(Some(Download {
            status,
            framing,
            coding,
            options,
            idle_limit,
            may_pause,
            sent: 0,
            taken: 0,
            has_progress: true,
            is_cut: false,
            left_out,
        }))
    }
}

/// Logs that a field of a response that is forwarded was left out, if one was: HTTP/2 could not carry it, and many clients
/// refuse the whole response.
pub(super) fn log_left_out(download: &Download, request: &RequestHead<'_>) {
    static LOGGED: LogInterval = LogInterval::new();
    let Some(name) = download.left_out.as_deref() else { return };
    let path = request.target.path_text();
    let [method, path] = [request.method.as_str(), &*path].map(peer_text);
    let what =
        format!("left the field `{name}` out of the response to {method} {path}: its name is not ASCII");
    if LOGGED.is_due() {
        warn!("{what}; more are not logged for a minute");
    } else {
        debug!("{what}");
    }
}

/// Returns true if the content has one of the types that are silent while nothing happens: events, and messages of gRPC.
pub(super) fn may_pause<'v>(mut content_types: impl Iterator<Item = &'v [u8]>) -> bool {
    const BEGINNINGS: [&[u8]; 2] = [b"text/event-stream", b"application/grpc"];
    content_types.next().is_some_and(|content_type| {
        let begins_with = |beginning: &&[u8]| {
            content_type.get(..beginning.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(beginning))
        };
        BEGINNINGS.iter().any(begins_with)
    })
}

/// Returns how long a connection can be used again; `None` if it cannot.
fn idle_limit(head: &ResponseHead<'_>) -> Option<Duration> {
    // One second less: it may close while a request is on its way.
    let limit = |timeout: u64| Duration::from_secs(timeout.saturating_sub(1));
    head.keeps_alive.then(|| head.idle_timeout.map_or(Duration::MAX, limit))
}

/// Returns the coding of a response's content for a client of this version.
fn coding(framing: &Framing, version: Version) -> TransferCoding {
    match framing {
        Framing::Chunked(_) | Framing::UntilClose if version.has_chunks() => TransferCoding::Chunked,
        Framing::Length(_) | Framing::Chunked(_) | Framing::UntilClose => TransferCoding::Identity,
    }
}

/// Returns true if the client can tell the end of the response only by the end of the connection.
fn ends_with_connection(framing: &Framing, version: Version) -> bool {
    !version.has_chunks() && !matches!(framing, Framing::Length(_))
}

/// Appends the head of a final response.
fn write(out: &mut Vec<u8>, head: &ResponseHead<'_>, method: &Method, to: &ToClient) {
    write_status_line(out, head.status, head.reason);
    let is_bare = *method == Method::HEAD || has_no_body(head.status);
    write_fields(out, head, is_bare || !to.version.has_chunks(), to.is_private);
    if to.is_private {
        write_field(out, "cache-control", &[PRIVATE.as_bytes()]);
    }
    if let Some(length) = head.length.filter(|_| !has_no_body(head.status)) {
        write_length(out, length);
    }
    if coding(&head.framing, to.version) == TransferCoding::Chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if !head.is_dated {
        write_field(out, "date", &[http_date(to.now).as_bytes()]);
    }
    let version = if head.is_http11 { "1.1" } else { "1.0" };
    via::write(out, if to.over_http2 { "2.0" } else { version });
    write_connection(out, to.version, to.closes, &upgrades(head));
    out.extend_from_slice(b"\r\n");
}

/// Appends the head of an interim response (RFC 9110, section 15.2), or of one that switches protocols.
fn write_interim(out: &mut Vec<u8>, head: &ResponseHead<'_>) {
    write_status_line(out, head.status, head.reason);
    write_fields(out, head, true, false);
    write_connection(out, Version::Http11, false, &upgrades(head));
    out.extend_from_slice(b"\r\n");
}

fn write_fields(out: &mut Vec<u8>, head: &ResponseHead<'_>, has_no_trailers: bool, is_private: bool) {
    let filter = filter(&head.options);
    let passes = |field: &&FieldLine<'_>| {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        let is_of_the_content = match field.name.len() {
            7 => has_no_trailers && is("trailer"),
            14 => is("content-length"),
            _ => false,
        };
        let is_replaced = is_private && controls_cache(field.name);
        !is_of_the_content && !is_replaced && filter.passes(field.name)
    };
    write_received(out, head.bytes, head.fields.iter().filter(passes));
}

/// Returns the protocols that the upstream names, where the client needs them (RFC 9110, section 7.8).
fn upgrades<'b>(head: &ResponseHead<'b>) -> Vec<&'b [u8]> {
    match head.status {
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::UPGRADE_REQUIRED => {
            head.values("upgrade").flat_map(tokens).collect()
        }
        _ => Vec::new(),
    }
}
