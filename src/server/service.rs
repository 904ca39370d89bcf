//! The interface between a server and the code that responds to requests.

use std::net::IpAddr;
use std::ops::ControlFlow;

use http::StatusCode;

use crate::config::Limits;
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;

/// Responds to the requests of one thread's connections.
pub trait Service: Clone + 'static {
    /// True if the limit for the number of connections can be configured.
    const HAS_CONFIGURED_CONNECTIONS: bool = false;

    /// Returns the limits for a new connection.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Responds to a request, whose head was taken from `client`. Breaks if the connection must be dropped: the client has
    /// left, or must not take what it received for a whole response.
    fn respond(
        &self,
        head: &RequestHead<'_>,
        client: &mut ClientConnection,
    ) -> impl Future<Output = ControlFlow<()>>;

    /// Counts a request that is refused with this status before the service gets it.
    fn count_refused(&self, _status: StatusCode) {}

    /// Returns true if a new connection from this address must begin with a header of the PROXY protocol; `None` is a Unix
    /// socket.
    fn expects_proxy_header(&self, _address: Option<IpAddr>) -> bool {
        false
    }
}
