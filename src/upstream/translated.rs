//! A request of HTTP/1.1 to an upstream of HTTP/2, so that it is forwarded by the same rules.
//!
//! The exchange writes to one end of a pipe, as to an upstream. The other end sends that as HTTP/2, and writes the response
//! back. Interim responses do not come through: hyper does not show them.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;

use bytes::BytesMut;
use http::header::{CONTENT_LENGTH, TE, TRAILER};
use http::uri::{PathAndQuery, Scheme as UriScheme};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::{Body as _, Incoming};
use memchr::memmem;
use tokio::io::AsyncWriteExt as _;

use super::shared_connection::RequestPlace;
use crate::http1::content_length::write_length;
use crate::http1::encode::{CONTINUE, write_status_line};
use crate::http1::field_names::is_hop_by_hop;
use crate::http1::fields::write_field;
use crate::http1::refusal::Refusal;
use crate::http1::request::{RequestHead, Version, to_header};
use crate::http1::response::has_no_body;
use crate::http1::scheme::Scheme;
use crate::net::memory_pipe::{PipeEnd, PipeReader, PipeWriter};
use crate::net::pipe::{BodyFraming, send_body};
use crate::net::pipe_body::PipeBody;

const END: &[u8] = b"\r\n\r\n";
const INVALID_TARGET: Refusal =
    Refusal::bad_request("the target of the request has characters that cannot be sent over HTTP/2");
const LONG_TARGET: Refusal = Refusal {
    status: StatusCode::URI_TOO_LONG,
    reason: "the target of the request is longer than 65534 bytes, so it cannot be sent over HTTP/2",
};
/// The longest target of the crate `http`.
const MAX_TARGET: usize = 65_534;

/// Why a request has no response over HTTP/2.
pub(super) enum StreamError {
    /// It cannot be sent over HTTP/2. Nothing of it was.
    Refused(Refusal),
    /// The stream has failed.
    Failed(io::Error),
}

impl From<Refusal> for StreamError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The reason why a request over HTTP/2 failed: the end of the pipe does not tell it.
#[derive(Clone, Default)]
pub(super) struct StreamFailure(Rc<Cell<Option<StreamError>>>);

impl StreamFailure {
    /// Returns the reason, if the request has failed.
    pub(super) fn take(&self) -> Option<StreamError> {
        self.0.take()
    }
}

/// Sends the request that comes through the pipe by `send`, and writes the response to the pipe, for a client of this version.
/// If that fails, records why. Dropping the future cancels the request.
pub(super) async fn run<F>(
    pipe: PipeEnd,
    scheme: Scheme,
    version: Version,
    send: impl FnOnce(Request<PipeBody>) -> F,
    failure: StreamFailure,
) where
    F: Future<Output = io::Result<(Response<Incoming>, RequestPlace)>>,
{
    let (from, mut to) = pipe.into_split();
    if let Err(error) = forward(from, &mut to, scheme, version, send).await {
        failure.0.set(Some(error));
    }
    // The end of the pipe. If the body is not complete, its own end is missing.
    let _ = to.shutdown().await;
}

async fn forward<F>(
    mut from: PipeReader,
    to: &mut PipeWriter,
    scheme: Scheme,
    version: Version,
    send: impl FnOnce(Request<PipeBody>) -> F,
) -> Result<(), StreamError>
where
    F: Future<Output = io::Result<(Response<Incoming>, RequestPlace)>>,
{
    let (bytes, received) = read_head(&mut from).await?;
    let head = RequestHead::parse_own(&bytes)?;
    let request = to_request(&head, scheme)?;
    if head.expects_continue {
        to.write_all(CONTINUE).await?;
    }
    let body = PipeBody::new(from, received, head.framing);
    let (mut response, _place) = send(request.map(|()| body)).await?;
    if !version.has_chunks() {
        // It gets no trailers, and would lose the length to them.
        response.headers_mut().remove(TRAILER);
    }
    write_response(response, head.method == Method::HEAD, to).await?;
    Ok(())
}

/// Reads the head of a request. Returns its bytes, and those after it.
async fn read_head(from: &mut PipeReader) -> io::Result<(BytesMut, BytesMut)> {
    let mut received = BytesMut::new();
    loop {
        let searched = received.len();
        let taken = poll_fn(|cx| from.poll_take(cx)).await;
        if taken.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        received.unsplit(taken);
        // The exchange ends each line with both.
        let from = searched.saturating_sub(END.len() - 1);
        if let Some(end) = memmem::find(received.get(from..).unwrap_or_default(), END) {
            return Ok((received.split_to(from + end + END.len()), received));
        }
    }
}

/// Returns the request as HTTP/2.
///
/// # Errors
/// Its target is too long, or has bytes that the library for HTTP/2 refuses.
fn to_request(head: &RequestHead<'_>, scheme: Scheme) -> Result<Request<()>, Refusal> {
    let mut target = Vec::new();
    head.target.write(&mut target);
    if target.len() > MAX_TARGET {
        return Err(LONG_TARGET);
    }
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(match scheme {
        Scheme::Http => UriScheme::HTTP,
        Scheme::Https => UriScheme::HTTPS,
    });
    parts.authority = Some(head.host.and_then(|host| host.parse().ok()).ok_or(INVALID_TARGET)?);
    parts.path_and_query = Some(PathAndQuery::try_from(target).map_err(|_| INVALID_TARGET)?);
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| INVALID_TARGET)?;
    let is_sent = |name: &str| {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        !is_hop_by_hop(name) && !is("host") && !is("expect")
    };
    let fields = head.fields.iter().filter(|field| is_sent(field.name));
    *request.headers_mut() = fields.filter_map(to_header).collect();
    // The gateway sends no other one (RFC 9113, section 8.2.2).
    if head.values("te").next().is_some() {
        request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    }
    Ok(request)
}

async fn write_response(response: Response<Incoming>, to_head: bool, to: &mut PipeWriter) -> io::Result<()> {
    let (parts, body) = response.into_parts();
    let is_bare = to_head || has_no_body(parts.status);
    let framing = BodyFraming::new(is_bare || body.is_end_stream(), &parts.headers);
    let mut out = Vec::with_capacity(1024);
    write_status_line(&mut out, parts.status, parts.status.canonical_reason().unwrap_or_default());
    let passes = |name: &HeaderName| !is_hop_by_hop(name.as_str()) && framing.passes(name);
    for (name, value) in parts.headers.iter().filter(|(name, _)| passes(name)) {
        write_field(&mut out, name.as_str(), &[value.as_bytes()]);
    }
    if framing == BodyFraming::Chunked {
        write_field(&mut out, "transfer-encoding", &[b"chunked"]);
    } else if framing == BodyFraming::None && !is_bare && !parts.headers.contains_key(CONTENT_LENGTH) {
        write_length(&mut out, 0);
    }
    // The pipe is for one request.
    out.extend_from_slice(b"connection: close\r\n\r\n");
    to.write_all(&out).await?;
    send_body(body, to, framing).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(target: &[u8], host: &str) -> Option<Refusal> {
        let head = [b"GET ", target, b" HTTP/1.1\r\nHost: ", host.as_bytes(), b"\r\n\r\n"].concat();
        to_request(&RequestHead::parse(&head).unwrap(), Scheme::Http).err()
    }

    #[test]
    fn only_a_target_that_the_library_refuses_cannot_be_sent() {
        for target in
            ["/", "/a//b/../c?d", "/?", "/{a}|\\^[]", "/\"", "/b\u{fc}cher", "/?`{}|\\^'\u{fc}", "/%ff"]
        {
            assert_eq!(refusal(target.as_bytes(), "a"), None, "{target}");
        }
        for target in [&b"/<"[..], b"/>", b"/`", b"/\xff", b"/?\"", b"/?<", b"/?>", b"/?\xff"] {
            assert_eq!(refusal(target, "a"), Some(INVALID_TARGET), "{}", target.escape_ascii());
        }
        let target = |length: usize| [b"/", &b"a".repeat(length - 1)[..]].concat();
        assert_eq!(refusal(&target(MAX_TARGET), "a"), None);
        assert_eq!(refusal(&target(MAX_TARGET + 1), "a"), Some(LONG_TARGET));
    }

    #[test]
    fn every_valid_host_can_be_sent() {
        for host in
            ["a", "a.example.", "A-b_c~!$&'()*+,;=:80", "a:", "192.0.2.1", "[2001:db8::1]:443", "[::1]:"]
        {
            assert_eq!(refusal(b"/", host), None, "{host}");
        }
    }
}
