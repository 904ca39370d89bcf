//! HTTP/1.1 as values (RFC 9112): heads, what some fields say, and the framing of bodies. No sockets and no clock.
//!
//! A message that two readers could understand differently is refused, never repaired. There are two exceptions, both in
//! responses: a length beside chunks, of which RFC 9112 says that the chunks count, and fields whose names are not ASCII, which
//! are left out. Heads and chunks are checked and written again, so that the next reader sees only what was understood here.

pub mod chunked;
pub mod content_coding;
pub mod content_length;
pub mod cookie;
pub mod encode;
pub mod field_names;
pub mod fields;
pub mod foreign_fields;
pub mod framing;
pub mod head;
pub mod host;
pub mod refusal;
pub mod request;
pub mod response;
pub mod scheme;
pub mod target;
pub mod token;
pub mod weighted;
