//! Encoded responses, made once per second for all requests that get the same one.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::DATE;
use http::{Method, Response};
use jiff::Timestamp;

use super::head::PlainHead;
use crate::clock::http_date;
use crate::snapshot::{PageKey, Phase, Snapshot};

/// The responses kept: one for each page and each way in which browsers ask for it.
const MAX_RESPONSES: usize = 32;

/// The responses that this thread has recently sent.
#[derive(Debug, Default)]
pub(super) struct ResponseCache(RefCell<Vec<CachedResponse>>);

#[derive(Debug)]
struct CachedResponse {
    phase: Arc<Phase>,
    key: PageKey,
    /// The second of its `Date`.
    second: i64,
    is_head: bool,
    accept: Option<Box<[u8]>>,
    destination: Option<Box<[u8]>>,
    bytes: Bytes,
}

impl ResponseCache {
    /// Returns the encoded response of a page to a plain request at `now`. The phase must be one of the snapshot's.
    pub(super) fn get(
        &self,
        snapshot: &Snapshot,
        phase: &Arc<Phase>,
        key: PageKey,
        head: &PlainHead<'_, '_>,
        now: Timestamp,
    ) -> Bytes {
        let second = now.as_second();
        let is_head = head.method == Method::HEAD;
        let serves = |entry: &&CachedResponse| {
            entry.second == second
                && Arc::ptr_eq(&entry.phase, phase)
                && entry.key == key
                && entry.is_head == is_head
                && entry.accept.as_deref() == head.accept
                && entry.destination.as_deref() == head.destination
        };
        if let Some(entry) = self.0.borrow().iter().find(serves) {
            return entry.bytes.clone();
        }
        let page = snapshot.page(phase, key);
        let bytes = encode(page.respond(head.method, &head.page_fields(), key.retry_after), now);
        let entry = CachedResponse {
            phase: Arc::clone(phase),
            key,
            second,
            is_head,
            accept: head.accept.map(Box::from),
            destination: head.destination.map(Box::from),
            bytes: bytes.clone(),
        };
        let mut entries = self.0.borrow_mut();
        entries.retain(|entry| entry.second == second);
        entries.truncate(MAX_RESPONSES - 1);
        entries.insert(0, entry);
        bytes
    }
}

/// Encodes a response as hyper does (RFC 9112, sections 4 and 5).
pub(super) fn encode(response: Response<Bytes>, now: Timestamp) -> Bytes {
    let (head, body) = response.into_parts();
    let date = http_date(now);
    let mut bytes = BytesMut::with_capacity(1024 + body.len());
    for part in
        ["HTTP/1.1 ", head.status.as_str(), " ", head.status.canonical_reason().unwrap_or("<none>"), "\r\n"]
    {
        bytes.put_slice(part.as_bytes());
    }
    let fields = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    for (name, value) in fields.chain([(DATE.as_str(), date.as_bytes())]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            bytes.put_slice(part);
        }
    }
    bytes.put_slice(b"\r\n");
    bytes.put_slice(&body);
    bytes.freeze()
}
