//! What a server asks for its answers.

use std::convert::Infallible;
use std::error::Error;
use std::ops::ControlFlow;
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};

use super::ClientConnection;
use crate::upstream::Peer;

/// What answers the requests of one thread's connections.
pub trait Service: Clone + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + 'static;

    /// Answers a request of `peer`.
    fn answer(
        self,
        request: Request<Incoming>,
        peer: Rc<Peer>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Infallible>>;

    /// A request that is to be passed on as bytes.
    type Relay: 'static;

    /// What can be done about the bytes with which `peer` begins, without the machinery of HTTP. Whatever is answered so
    /// leaves the connection as it was, ready for the next request.
    fn at_once(&self, _unread: &[u8], _peer: &Peer) -> FastPath<Self::Relay> {
        FastPath::Other
    }

    /// Passes a request of `peer` on, and the response back. Breaks where the connection is to close: its client was told
    /// so, or has left, or must not take what it has got for a whole response.
    fn relay(
        &self,
        relay: Self::Relay,
        peer: &Peer,
        client: &mut ClientConnection<'_>,
    ) -> impl Future<Output = ControlFlow<()>>;
}

/// What can be done about bytes that a client has sent.
#[derive(Debug)]
pub enum FastPath<R> {
    /// They begin with a request without a body.
    Answer {
        /// The length of its head in bytes, with the empty line.
        head: usize,
        /// The whole response.
        answer: Bytes,
    },
    /// They begin with a request without a body that [`Service::relay`] takes.
    Relay {
        /// The length of its head in bytes, with the empty line.
        head: usize,
        /// The request.
        relay: R,
    },
    /// More of them must come first.
    Incomplete,
    /// Nothing: [`Service::answer`] is asked.
    Other,
}
