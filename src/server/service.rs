//! The interface between a server and the code that responds to requests.

use std::convert::Infallible;
use std::error::Error;
use std::ops::ControlFlow;
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};

use super::ClientConnection;
use crate::upstream::Peer;

/// Responds to the requests of one thread's connections.
pub trait Service: Clone + 'static {
    /// The body of a response.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + 'static;

    /// Responds to a request of `peer`.
    fn respond(
        self,
        request: Request<Incoming>,
        peer: Rc<Peer>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Infallible>>;

    /// A request to forward as bytes.
    type Forwarded: 'static;

    /// Decides on the request that the bytes of `peer` begin with, if the fast path can handle it. After that the connection
    /// is ready for the next request.
    fn fast_path(&self, _unread: &[u8], _peer: &Peer) -> FastPath<Self::Forwarded> {
        FastPath::Fallback
    }

    /// Forwards a request of `peer`, and the response. Breaks if the connection must close: the response requires it,
    /// the client has left, or it must not take what it received for a whole response.
    fn forward(
        &self,
        request: Self::Forwarded,
        peer: &Peer,
        client: &mut ClientConnection<'_>,
    ) -> impl Future<Output = ControlFlow<()>>;
}

/// The next step for bytes that a client has sent.
#[derive(Debug)]
pub enum FastPath<R> {
    /// Send a response to the request at their beginning, which has no body.
    Respond {
        /// The length of its head in bytes, including the empty line.
        head: usize,
        /// The whole response.
        response: Bytes,
    },
    /// Call [`Service::forward`] with the request at their beginning, which has no body.
    Forward {
        /// The length of its head in bytes, including the empty line.
        head: usize,
        /// The request.
        request: R,
    },
    /// Read more bytes first.
    Incomplete,
    /// Call [`Service::respond`].
    Fallback,
}
