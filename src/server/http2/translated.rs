//! Requests of HTTP/2 as HTTP/1.1, so that they are handled by the same rules.
//!
//! Each request goes through a pipe in memory: its head and body are written to one end, as a client would, and the service
//! responds at the other end. A prepared response does not go through it.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::{Buf as _, BytesMut};
use http::header::{COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::streams::OpenStream;
use super::translated_body::{ResponseContent, TranslatedBody};
use crate::http1::fields::write_field;
use crate::http1::framing::Framing;
use crate::http1::refusal::Refusal;
use crate::http1::request::RequestHead;
use crate::http1::response::ResponseHead;
use crate::net::client::{ClientConnection, WholeResponse};
use crate::net::encoded_response::http2_head;
use crate::net::memory_pipe::{PipeReader, PipeWriter, memory_pipe};
use crate::net::peer::Peer;
use crate::net::pipe::{AbortOnDrop, BodyFraming, send_body};
use crate::net::pipe_body::PipeBody;
use crate::net::request_body::{DISCARD_TIME, MAX_DISCARDED};
use crate::net::stream::Stream;
use crate::server::Service;
use crate::server::refusal::refuse;

const DIFFERENT_HOSTS: Refusal = Refusal::bad_request("the Host field differs from :authority");

/// Responds to a request. Dropping the future or the response's body cancels the request.
///
/// # Errors
/// The service sent no complete head of a response.
pub(super) async fn respond<S: Service>(
    request: Request<Incoming>,
    peer: Rc<Peer>,
    service: S,
    stream: OpenStream,
) -> io::Result<Response<TranslatedBody>> {
    let to_head = request.method() == Method::HEAD;
    let (ours, theirs) = memory_pipe();
    let whole = WholeResponse::default();
    let client = ClientConnection::for_http2(Stream::Pipe(theirs), peer, Rc::clone(&whole));
    let (from, to) = ours.into_split();
    // A task moves its future several times, and that of a service is large.
    let mut handling = Box::pin(handle(request, to, client, service));
    // Most responses are prepared, and need no task.
    let first = poll_fn(|cx| Poll::Ready(handling.as_mut().poll(cx))).await;
    let task = first.is_pending().then(|| AbortOnDrop::new(spawn_local(handling).abort_handle()));
    let response = read_response(from, &whole, to_head).await?;
    Ok(response.map(|content| TranslatedBody::new(content, stream, task)))
}

/// Handles a request while its body is written to the pipe. If the client breaks off the body, the request ends too. What the
/// service did not want of the body is discarded.
async fn handle<S: Service>(
    request: Request<Incoming>,
    mut to: PipeWriter,
    client: ClientConnection,
    service: S,
) {
    let (parts, mut body) = request.into_parts();
    let framing = BodyFraming::new(body.is_end_stream(), &parts.headers);
    let head = encode_head(&parts, framing);
    {
        let mut respond = pin!(respond_http1(head, client, &service));
        let sent = tokio::select! {
            biased;
            () = &mut respond => None,
            sent = send_body(&mut body, &mut to, framing) => Some(sent),
        };
        match sent {
            None => {}
            Some(Ok(())) => return respond.await,
            Some(Err(_)) => return,
        }
    }
    discard(body).await;
}

/// Reads and discards the rest of a body, within limits. Where they end, or without this, the client is asked to stop by
/// `RST_STREAM` with `NO_ERROR` behind the response (RFC 9113, section 8.1); curl before 8.0 takes that for a failure.
async fn discard(mut body: Incoming) {
    let read = async {
        let mut discarded = 0;
        while discarded <= MAX_DISCARDED
            && let Some(Ok(frame)) = body.frame().await
        {
            discarded += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
    };
    // Either way, the body is dropped.
    let _ = timeout(DISCARD_TIME, read).await;
}

async fn respond_http1<S: Service>(
    head: Result<Vec<u8>, Refusal>,
    mut client: ClientConnection,
    service: &S,
) {
    match head.as_deref().map_err(|refusal| *refusal).and_then(RequestHead::parse) {
        Ok(head) => {
            client.begin(&head);
            // Either way, the end of the pipe shows if the response is complete.
            let _ = service.respond(&head, &mut client).await;
        }
        Err(refusal) => {
            service.count_refused(refusal.status);
            refuse(client, refusal).await;
        }
    }
}

/// Writes the head of a request as HTTP/1.1 (RFC 9113, section 8.3.1). It is checked when it is parsed again.
fn encode_head(parts: &Parts, framing: BodyFraming) -> Result<Vec<u8>, Refusal> {
    let mut head = Vec::with_capacity(1024);
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let target = authority.filter(|_| parts.method == Method::CONNECT).unwrap_or(path);
    for part in [parts.method.as_str(), " ", target, " HTTP/1.1\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    let mut hosts = parts.headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    match authority.map(str::as_bytes) {
        Some(host) if hosts.all(|other| other.eq_ignore_ascii_case(host)) => {
            write_field(&mut head, "host", &[host]);
        }
        Some(_) => return Err(DIFFERENT_HOSTS),
        None => hosts.for_each(|host| write_field(&mut head, "host", &[host])),
    }
    let passes = |name: &HeaderName| *name != HOST && *name != COOKIE && framing.passes(name);
    for (name, value) in parts.headers.iter().filter(|(name, _)| passes(name)) {
        write_field(&mut head, name.as_str(), &[value.as_bytes()]);
    }
    write_cookies(&mut head, &parts.headers);
    if framing == BodyFraming::Chunked {
        write_field(&mut head, "transfer-encoding", &[b"chunked"]);
    }
    head.extend_from_slice(b"\r\n");
    Ok(head)
}

/// Joins Cookie fields, which HTTP/2 may split (RFC 9113, section 8.2.3).
fn write_cookies(head: &mut Vec<u8>, headers: &HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if !crumbs.is_empty() {
        write_field(head, "cookie", &[&crumbs.join(&b"; "[..])]);
    }
}

/// Waits for a whole response, or for the head of one that comes through the pipe.
///
/// # Errors
/// The pipe ends before that.
async fn read_response(
    mut from: PipeReader,
    whole: &WholeResponse,
    to_head: bool,
) -> io::Result<Response<ResponseContent>> {
    let mut received = BytesMut::new();
    loop {
        let taken = poll_fn(|cx| from.poll_take(cx)).await;
        if taken.is_empty() {
            let response = whole.take().ok_or(io::ErrorKind::UnexpectedEof)?;
            return Ok(response.map(ResponseContent::Whole));
        }
        received.unsplit(taken);
        if let Some((head, framing)) = take_head(&mut received, to_head)? {
            return Ok(head.map(|()| ResponseContent::Piped(PipeBody::new(from, received, framing))));
        }
    }
}

/// Takes the head of the response from what was received, and returns it with the framing of its content.
fn take_head(received: &mut BytesMut, to_head: bool) -> io::Result<Option<(Response<()>, Framing)>> {
    let parsed = ResponseHead::parse_own(received, to_head);
    let Some((length, head)) = parsed.map_err(|invalid| io::Error::other(invalid.0))? else {
        return Ok(None);
    };
    let taken = (http2_head(&head), head.framing);
    received.advance(length);
    Ok(Some(taken))
}
