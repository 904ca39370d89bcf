//! Prepared responses of the down page, kept within a second for all requests that get the same one.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::{Method, StatusCode};

use super::decide::negotiation_fields;
use crate::filters::context::Decided;
use crate::http1::request::{RequestHead, Version};
use crate::net::encoded_response::EncodedResponse;
use crate::page;
use crate::snapshot::{CurrentSnapshot, PageKey, Phase};

/// The number of responses kept: one for each page and each way in which browsers ask for it.
const MAX_RESPONSES: usize = 32;
/// A response is not kept if the fields that it depends on have more bytes than this.
const MAX_FIELDS_LENGTH: usize = 1024;

/// The responses of the down page that this thread has recently sent. The filters make them.
#[derive(Debug, Default)]
pub(super) struct ResponseCache(RefCell<Vec<CachedResponse>>);

/// A response, and everything that it depends on.
#[derive(Debug)]
struct CachedResponse {
    phase: Arc<Phase>,
    key: PageKey,
    /// The second of its `Date`.
    second: i64,
    method: Method,
    version: Version,
    closes: bool,
    is_favicon: bool,
    fields: Vec<(&'static str, Box<[u8]>)>,
    response: Rc<PageResponse>,
}

/// The response with a page.
#[derive(Debug)]
pub(super) struct PageResponse {
    pub(super) status: StatusCode,
    pub(super) prepared: EncodedResponse,
}

/// A request for a page.
#[derive(Clone, Copy)]
pub(super) struct PageRequest<'r, 'b> {
    pub(super) head: &'r RequestHead<'b>,
    pub(super) current: &'r CurrentSnapshot,
    pub(super) decided: &'r Decided,
    pub(super) key: PageKey,
    /// True if the connection closes after the response.
    pub(super) closes: bool,
}

impl ResponseCache {
    /// Returns the response to a request.
    pub(super) fn get(&self, request: &PageRequest<'_, '_>) -> Option<Rc<PageResponse>> {
        self.0.borrow().iter().find(|entry| entry.serves(request)).map(|entry| Rc::clone(&entry.response))
    }

    /// Keeps the response to a request, instead of older ones.
    pub(super) fn insert(&self, request: &PageRequest<'_, '_>, response: Rc<PageResponse>) {
        let PageRequest { head, current, decided, key, closes } = *request;
        if negotiation_fields(head).map(|(_, value)| value.len()).sum::<usize>() > MAX_FIELDS_LENGTH {
            return;
        }
        let second = decided.now.as_second();
        let mut entries = self.0.borrow_mut();
        entries.retain(|entry| entry.second == second);
        entries.truncate(MAX_RESPONSES - 1);
        let entry = CachedResponse {
            phase: Arc::clone(&current.phase),
            key,
            second,
            method: head.method.clone(),
            version: head.version,
            closes,
            is_favicon: is_favicon(head),
            fields: negotiation_fields(head).map(|(name, value)| (name, value.into())).collect(),
            response,
        };
        entries.insert(0, entry);
    }
}

impl CachedResponse {
    fn serves(&self, request: &PageRequest<'_, '_>) -> bool {
        let PageRequest { head, current, decided, key, closes } = request;
        self.second == decided.now.as_second()
            && Arc::ptr_eq(&self.phase, &current.phase)
            && self.key == *key
            && self.method == head.method
            && self.version == head.version
            && self.closes == *closes
            && self.is_favicon == is_favicon(head)
            && negotiation_fields(head).eq(self.fields.iter().map(|(name, value)| (*name, &**value)))
    }
}

fn is_favicon(head: &RequestHead<'_>) -> bool {
    page::is_favicon(&head.method, &head.target.path_text())
}
