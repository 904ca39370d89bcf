//! Requests of HTTP/2 as HTTP/1.1, so that they are handled by the same rules.
//!
//! Each request goes through a pipe in memory: its head and body are written to one end, as a client would, and the service
//! responds at the other end.

use std::io;
use std::pin::pin;
use std::rc::Rc;

use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::io::{AsyncWriteExt as _, DuplexStream, WriteHalf, duplex, split};
use tokio::task::spawn_local;

use super::Service;
use super::open_connections::OpenStream;
use super::pipe_body::PipeBody;
use super::refusal::refuse;
use crate::http1::chunked::write_chunk;
use crate::http1::fields::write_field;
use crate::http1::refusal::Refusal;
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::net::peer::Peer;
use crate::net::stream::Stream;

/// How much of a body is on its way in each direction, in bytes.
const PIPE_SIZE: usize = 64 << 10;

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
) -> io::Result<Response<PipeBody>> {
    let to_head = request.method() == Method::HEAD;
    let (ours, theirs) = duplex(PIPE_SIZE);
    let client = ClientConnection::for_http2(Stream::Pipe(theirs), peer);
    let (from, to) = split(ours);
    let task = spawn_local(handle(request, to, client, service));
    PipeBody::new(from, task.abort_handle(), stream).into_response(to_head).await
}

/// Handles a request while its body is written to the pipe. If the client breaks off the body, the request ends too.
async fn handle<S: Service>(
    request: Request<Incoming>,
    to: WriteHalf<DuplexStream>,
    client: ClientConnection,
    service: S,
) {
    let (parts, body) = request.into_parts();
    let framing = BodyFraming::new(&parts, &body);
    let head = encode_head(&parts, framing);
    let mut respond = pin!(respond_http1(head, client, &service));
    let sent = tokio::select! {
        biased;
        () = &mut respond => return,
        sent = send_body(body, to, framing) => sent,
    };
    if sent.is_ok() {
        respond.await;
    }
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
        Err(refusal) => refuse(client, refusal).await,
    }
}

/// The framing of a request's body as HTTP/1.1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyFraming {
    None,
    Length,
    Chunked,
}

impl BodyFraming {
    fn new(parts: &Parts, body: &Incoming) -> Self {
        match (body.is_end_stream(), parts.headers.contains_key(CONTENT_LENGTH)) {
            (true, _) => Self::None,
            (false, true) => Self::Length,
            (false, false) => Self::Chunked,
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
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != HOST && *name != COOKIE) {
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

async fn send_body(
    mut body: Incoming,
    mut to: WriteHalf<DuplexStream>,
    framing: BodyFraming,
) -> io::Result<()> {
    if framing == BodyFraming::None {
        return Ok(());
    }
    let (mut bytes, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = body.frame().await {
        match frame.map_err(io::Error::other)?.into_data() {
            Ok(data) if framing == BodyFraming::Length => to.write_all(&data).await?,
            Ok(data) => {
                write_chunk(&data, &mut bytes);
                to.write_all(&bytes).await?;
                bytes.clear();
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    if framing == BodyFraming::Chunked {
        bytes.extend_from_slice(b"0\r\n");
        for (name, value) in &trailers {
            write_field(&mut bytes, name.as_str(), &[value.as_bytes()]);
        }
        bytes.extend_from_slice(b"\r\n");
        to.write_all(&bytes).await?;
    }
    Ok(())
}
