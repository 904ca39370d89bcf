//! Matching of requests by rules and scopes: paths, globs, hosts, methods, networks, the client's address, and secrets.
//!
//! Everything here is pure: it compares values, and uses no clock, file or socket.

pub mod bypass;
pub mod client_address;
pub mod cross_origin;
pub mod exempt;
pub mod glob;
pub mod network;
pub mod own_host;
pub mod path;
pub mod probe_paths;
pub mod request;
pub mod scope;
