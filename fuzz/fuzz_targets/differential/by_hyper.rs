//! hyper's parsers, of its server and of its client.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use downtime::http1::fields::MAX_FIELDS;
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use hyper::{client, server};

use crate::message::{
    End, FieldLine, Framing, Kind, Message, RequestTarget, StartLine, Stream, Verdict, comparable,
};

/// Reads a stream with hyper.
pub fn read(stream: &Stream<'_>) -> Verdict {
    let read = Rc::<RefCell<Vec<Message>>>::default();
    let end = match stream.kind {
        Kind::Requests => serve(stream, &read),
        Kind::ResponseToGet => request(stream, "GET", &read),
        Kind::ResponseToHead => request(stream, "HEAD", &read),
    };
    Verdict { messages: read.take(), end, last_offset: 0 }
}

type Messages = Rc<RefCell<Vec<Message>>>;

fn serve(stream: &Stream<'_>, read: &Messages) -> End {
    let service = service_fn(|request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let version = (head.version == Version::HTTP_11).into();
        let target = target(&head.uri);
        let start = StartLine::Request { method: head.method.to_string(), target, version };
        collect(start, &head.headers, body, read).await.map(|()| refusal())
    });
    let mut builder = server::conn::http1::Builder::new();
    builder.max_headers(MAX_FIELDS);
    let connection = builder.serve_connection(Pieces::new(stream, true), service);
    match run(connection) {
        None => End::Waits,
        Some(Ok(())) => End::Closes(None),
        Some(Err(error)) => end(&error),
    }
}

/// The response to each request: one that makes no tunnel of the connection.
fn refusal() -> Response<Empty<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn request(stream: &Stream<'_>, method: &str, read: &Messages) -> End {
    let exchange = async {
        let mut builder = client::conn::http1::Builder::new();
        builder.max_headers(MAX_FIELDS);
        let (mut sender, connection) = builder.handshake(Pieces::new(stream, false)).await?;
        let request =
            Request::builder().method(method).uri("/").header("host", "a").body(Empty::<Bytes>::new());
        let exchange = async {
            let (head, body) = sender.send_request(request.expect("a request")).await?.into_parts();
            let version = (head.version == Version::HTTP_11).into();
            let start = StartLine::Response { status: head.status.as_u16(), version };
            collect(start, &head.headers, body, read).await
        };
        // The connection may end in an error after the response.
        let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
        let mut is_open = true;
        std::future::poll_fn(|cx| {
            if is_open && connection.as_mut().poll(cx).is_ready() {
                is_open = false;
            }
            exchange.as_mut().poll(cx)
        })
        .await
    };
    match run(exchange) {
        None => End::Waits,
        Some(Ok(())) => End::Closes(None),
        Some(Err(error)) => end(&error),
    }
}

/// Reads a message to its end.
async fn collect(
    start: StartLine,
    fields: &HeaderMap,
    mut body: Incoming,
    read: &Messages,
) -> Result<(), hyper::Error> {
    let framing = body.size_hint().exact().map_or(Framing::Unsized, Framing::Length);
    let fields = comparable(owned(fields));
    read.borrow_mut().push(Message { fields, framing, is_whole: false, ..Message::new(start) });
    let with_last = |change: &dyn Fn(&mut Message)| read.borrow_mut().last_mut().into_iter().for_each(change);
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => with_last(&|message| message.body.extend_from_slice(&data)),
            Err(frame) => with_last(&|message| {
                message.trailers = comparable(frame.trailers_ref().map(owned).unwrap_or_default());
            }),
        }
    }
    with_last(&|message| message.is_whole = true);
    Ok(())
}

fn owned(fields: &HeaderMap) -> Vec<FieldLine> {
    fields.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn target(uri: &Uri) -> RequestTarget {
    let rest = uri.path_and_query().map_or("", |rest| rest.as_str());
    RequestTarget { authority: uri.authority().map(ToString::to_string), rest: rest.as_bytes().to_vec() }
}

/// Returns the end that an error means.
fn end(error: &hyper::Error) -> End {
    let mut source = error.source();
    while let Some(error) = source {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
            return End::Broken;
        }
        source = error.source();
    }
    if error.is_incomplete_message() { End::Broken } else { End::Refuses(format!("{error:?}")) }
}

/// Runs a future as far as it comes without more input.
fn run<F: Future>(future: F) -> Option<F::Output> {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    while woken.0.swap(false, Ordering::Relaxed) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
    }
    None
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The connection: gives one piece to each read, and takes what is written.
struct Pieces<'i> {
    pieces: std::vec::IntoIter<&'i [u8]>,
    /// The rest of the current piece.
    rest: &'i [u8],
    ends: bool,
    /// True if the other end may send: a server does when it has got a request.
    may_send: Cell<bool>,
}

impl<'i> Pieces<'i> {
    fn new(stream: &Stream<'i>, may_send: bool) -> Self {
        let pieces = stream.pieces.clone().into_iter();
        Self { pieces, rest: &[], ends: stream.ends, may_send: Cell::new(may_send) }
    }
}

impl Read for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.may_send.get() {
            return Poll::Pending;
        }
        if self.rest.is_empty() {
            match self.pieces.find(|piece| !piece.is_empty()) {
                Some(piece) => self.rest = piece,
                None if self.ends => return Poll::Ready(Ok(())),
                None => return Poll::Pending,
            }
        }
        let (now, later) = self.rest.split_at(self.rest.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.rest = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for Pieces<'_> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.may_send.replace(true) {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
