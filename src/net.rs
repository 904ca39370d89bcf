//! Connections as byte streams, of clients and of upstreams alike; the pipes in memory between HTTP/2 and HTTP/1.1; and the
//! addresses of names.

pub mod accepted;
pub mod buffer;
pub mod client;
pub mod deadline;
pub mod encoded_response;
pub mod frame_finder;
mod half_closed;
pub mod happy_eyeballs;
pub mod linger;
pub mod memory_pipe;
pub mod names;
pub mod peer;
pub mod pipe;
pub mod pipe_body;
pub mod progress;
pub mod proxy_header;
pub mod request_body;
mod send;
pub mod stream;
pub mod traffic;
