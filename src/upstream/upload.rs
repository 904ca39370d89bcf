//! The body of a request, on its way to the upstream.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{EXPECT, TRANSFER_ENCODING};
use http::{HeaderValue, Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

/// How long a client that sent `Expect: 100-continue` waits for a silent upstream, which may not know the field and wait
/// for the body (RFC 9110, section 10.1.1). curl and Go wait as long.
const PATIENCE: Duration = Duration::from_secs(1);

/// A client's body, or an empty one.
pub(super) struct Upload {
    body: Option<Incoming>,
    progress: Option<Rc<UploadProgress>>,
    gate: Option<ContinueGate>,
}

/// The progress of an upload.
pub(super) struct UploadProgress {
    last: Cell<Instant>,
    waits_for: Cell<Party>,
    broken: Cell<bool>,
}

/// The side whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Party {
    Client,
    Upstream,
}

/// Delays the body until the upstream has asked for it.
struct ContinueGate {
    asked: oneshot::Receiver<()>,
    patience: Pin<Box<Sleep>>,
}

impl Upload {
    /// An empty body.
    pub(super) fn none() -> Self {
        Self { body: None, progress: None, gate: None }
    }

    /// Takes over the request's body, and returns its progress if there is a body.
    pub(super) fn from_request(request: Request<Incoming>) -> (Request<Self>, Option<Rc<UploadProgress>>) {
        let (parts, body) = request.into_parts();
        if body.is_end_stream() {
            return (Request::from_parts(parts, Self::none()), None);
        }
        let progress = Rc::new(UploadProgress::new());
        // Without this field hyper drops the body of unknown length of a GET, HEAD or CONNECT.
        let chunked = body.size_hint().exact().is_none();
        let upload = Self { body: Some(body), progress: Some(Rc::clone(&progress)), gate: None };
        let mut request = Request::from_parts(parts, upload);
        if chunked {
            request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        if expects_continue(&request) {
            request.body_mut().gate = Some(ContinueGate::new(&mut request));
        }
        (request, Some(progress))
    }

    /// Returns true if there is no body.
    pub(super) fn is_none(&self) -> bool {
        self.body.is_none()
    }
}

fn expects_continue<B>(request: &Request<B>) -> bool {
    request.headers().get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

impl ContinueGate {
    fn new<B>(request: &mut Request<B>) -> Self {
        let (ask, asked) = oneshot::channel();
        let ask = Mutex::new(Some(ask));
        hyper::ext::on_informational(request, move |response| {
            if response.status() == StatusCode::CONTINUE
                && let Some(ask) = ask.lock().ok().and_then(|mut ask| ask.take())
            {
                // The receiver is gone if the client has left.
                let _ = ask.send(());
            }
        });
        Self { asked, patience: Box::pin(sleep(PATIENCE)) }
    }

    /// Ready when the body may be read. An upstream that has responded without asking does not want it.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.asked.is_terminated()
            && let Poll::Ready(Ok(())) = Pin::new(&mut self.asked).poll(cx)
        {
            return Poll::Ready(());
        }
        self.patience.as_mut().poll(cx)
    }
}

impl UploadProgress {
    fn new() -> Self {
        Self {
            last: Cell::new(Instant::now()),
            waits_for: Cell::new(Party::Upstream),
            broken: Cell::new(false),
        }
    }

    /// When the upload last made progress.
    pub(super) fn last(&self) -> Instant {
        self.last.get()
    }

    /// The side that the upload waits for.
    pub(super) fn waits_for(&self) -> Party {
        self.waits_for.get()
    }

    /// Returns true if the client's body ended in an error.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    fn record<F, E>(&self, frame: &Poll<Option<Result<F, E>>>) {
        match frame {
            Poll::Pending => self.waits_for.set(Party::Client),
            Poll::Ready(frame) => {
                self.broken.set(matches!(frame, Some(Err(_))));
                self.waits_for.set(Party::Upstream);
                self.last.set(Instant::now());
            }
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(gate) = &mut self.gate {
            ready!(gate.poll_open(cx));
            self.gate = None;
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        if let Some(progress) = &self.progress {
            progress.record(&frame);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
