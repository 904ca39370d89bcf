//! What a rule of the file matches: paths, globs, hosts, methods, networks, and the address of the client.
//!
//! Everything here is pure: it compares values and reads no clock, file or socket.

pub mod client_address;
pub mod exempt;
pub mod glob;
pub mod network;
pub mod path;
pub mod request;
pub mod scope;
