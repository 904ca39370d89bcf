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
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use hyper::body::{Body as _, Incoming};
use memchr::memmem;
use tokio::io::AsyncWriteExt as _;

use super::shared_connection::RequestPlace;
use crate::clock::{http_date, now};
use crate::http1::content_length::write_length;
use crate::http1::encode::{CONTINUE, Content, LocalHead, write_status_line};
use crate::http1::field_names::is_hop_by_hop;
use crate::http1::fields::write_field;
use crate::http1::refusal::{Refusal, text_response};
use crate::http1::request::{RequestHead, Version, to_header};
use crate::http1::response::has_no_body;
use crate::http1::scheme::Scheme;
use crate::net::memory_pipe::{PipeEnd, PipeReader, PipeWriter};
use crate::net::pipe::{BodyFraming, send_body};
use crate::net::pipe_body::PipeBody;

const END: &[u8] = b"\r\n\r\n";
const INVALID_TARGET: Refusal = Refusal::bad_request("the target of the request cannot be sent over HTTP/2");

/// The reason why a request over HTTP/2 failed: the end of the pipe does not tell it.
#[derive(Clone, Default)]
pub(super) struct StreamFailure(Rc<Cell<Option<io::Error>>>);

impl StreamFailure {
    /// Returns the reason, if the request has failed.
    pub(super) fn take(&self) -> Option<io::Error> {
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
) -> io::Result<()>
where
    F: Future<Output = io::Result<(Response<Incoming>, RequestPlace)>>,
{
    let (bytes, received) = read_head(&mut from).await?;
    // With the fields of the gateway, there may be too many.
    let head = match RequestHead::parse(&bytes) {
        Ok(head) => head,
        Err(refusal) => return refuse(to, refusal).await,
    };
    let Some(request) = to_request(&head, scheme) else { return refuse(to, INVALID_TARGET).await };
    if head.expects_continue {
        to.write_all(CONTINUE).await?;
    }
    let body = PipeBody::new(from, received, head.framing);
    let (mut response, _place) = send(request.map(|()| body)).await?;
    if !version.has_chunks() {
        // It gets no trailers, and would lose the length to them.
        response.headers_mut().remove(TRAILER);
    }
    write_response(response, head.method == Method::HEAD, to).await
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

/// Returns the request as HTTP/2; `None` if its target has bytes that HTTP/2 libraries refuse.
fn to_request(head: &RequestHead<'_>, scheme: Scheme) -> Option<Request<()>> {
    let mut target = Vec::new();
    head.target.write(&mut target);
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(match scheme {
        Scheme::Http => UriScheme::HTTP,
        Scheme::Https => UriScheme::HTTPS,
    });
    parts.authority = Some(head.host?.parse().ok()?);
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
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
    Some(request)
}

async fn refuse(to: &mut PipeWriter, refusal: Refusal) -> io::Result<()> {
    let response = text_response(refusal.status, refusal.reason);
    let (status, fields, text) = (response.status(), response.headers(), response.body());
    let content = Content::Length(text.len() as u64);
    let date = &http_date(now());
    let mut out = Vec::new();
    LocalHead { status, fields, content, date, version: Version::Http11, closes: true }.write(&mut out);
    out.extend_from_slice(text);
    to.write_all(&out).await
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
