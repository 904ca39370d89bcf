//! Connections as byte streams, of clients and of upstreams alike.

pub mod buffer;
pub mod client;
pub mod deadline;
mod half_closed;
pub mod linger;
pub mod memory_pipe;
pub mod peer;
pub mod pipe;
pub mod pipe_body;
pub mod prepared;
pub mod proxy_header;
pub mod request_body;
mod send;
pub mod stream;
pub mod traffic;
