//! Connections as byte streams, of clients and of upstreams alike.

pub mod buffer;
pub mod client;
pub mod deadline;
mod half_closed;
mod linger;
pub mod peer;
mod request_body;
pub mod stream;
