//! The body of an upstream's response.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use super::pool::Lease;

/// The body of an upstream's response. Dropping it early closes the connection to the upstream.
pub struct UpstreamBody {
    incoming: Option<Incoming>,
    _lease: Option<Lease>,
}

impl UpstreamBody {
    /// A body that is received over the leased connection, or completely received if there is none.
    pub(super) const fn new(incoming: Incoming, lease: Option<Lease>) -> Self {
        Self { incoming: Some(incoming), _lease: lease }
    }

    /// An empty body.
    pub const fn empty() -> Self {
        Self { incoming: None, _lease: None }
    }
}

impl http_body::Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.incoming {
            Some(incoming) => Pin::new(incoming).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Incoming::size_hint)
    }
}
