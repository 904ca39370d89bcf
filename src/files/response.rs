//! Responses with a file, or without.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    LOCATION,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::content::{FileContent, Part, StoredContent, StoredFile};
use super::multipart::{Multipart, content_range, slice};
use super::range::Selection;
use super::refusal::{FileRefusal, NO_STORE, text};
use super::resolve::with_slash;
use super::resource::FileVariant;
use super::settings::REVALIDATE;
use crate::http1::request::RequestHead;

/// The methods that a directory of files supports.
pub(super) const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// A response to a request for a file.
#[derive(Debug)]
pub struct FileResponse {
    /// The status.
    pub status: StatusCode,
    /// The fields without Date and Content-Length.
    pub fields: Arc<HeaderMap>,
    /// The length of the content in bytes, as GET gets it; `None` if the status has none.
    pub length: Option<u64>,
    /// The content; empty for HEAD.
    pub content: FileContent,
}

impl FileResponse {
    pub(super) fn without_content(status: StatusCode, fields: HeaderMap) -> Self {
        Self { status, fields: Arc::new(fields), length: None, content: FileContent::Memory(Bytes::new()) }
    }

    fn partial(fields: HeaderMap, length: u64, content: FileContent) -> Self {
        Self { status: StatusCode::PARTIAL_CONTENT, fields: fields.into(), length: Some(length), content }
    }

    /// The response to OPTIONS.
    pub(super) fn options() -> Self {
        Self::without_content(StatusCode::NO_CONTENT, HeaderMap::from_iter([(ALLOW, ALLOWED)]))
    }

    /// 304 (RFC 9110, section 15.4.5), of a file whose response with content has these fields.
    pub(super) fn not_modified(fields: &HeaderMap) -> Self {
        let mut fields = fields.clone();
        for name in [CONTENT_TYPE, CONTENT_ENCODING, ACCEPT_RANGES] {
            fields.remove(name);
        }
        Self::without_content(StatusCode::NOT_MODIFIED, fields)
    }

    /// Reads the first bytes of a file that is not in memory.
    pub(super) async fn read_first(&mut self, length: u64) -> Result<(), FileRefusal> {
        match &mut self.content {
            FileContent::Memory(_) => Ok(()),
            FileContent::Stored(content) => content.read_first(length).await,
        }
    }

    /// The response with the status 404, made of one with the whole file.
    pub(super) fn into_not_found(self) -> Self {
        let mut fields = Arc::unwrap_or_clone(self.fields);
        for name in [ETAG, LAST_MODIFIED, ACCEPT_RANGES] {
            fields.remove(name);
        }
        fields.insert(CACHE_CONTROL, NO_STORE);
        Self { status: StatusCode::NOT_FOUND, fields: fields.into(), ..self }
    }
}

/// A file that was opened for a response.
#[derive(Debug)]
pub(super) enum OpenedContent {
    Memory(Bytes),
    Stored(StoredFile),
}

/// Returns the response with a whole file, or with parts of it.
pub(super) fn with_content(
    variant: &FileVariant,
    opened: OpenedContent,
    selection: &Selection,
) -> Result<FileResponse, FileRefusal> {
    let length = variant.version.length();
    match selection {
        Selection::Whole => {
            let content = opened.range(0..length);
            Ok(FileResponse {
                status: StatusCode::OK,
                fields: Arc::clone(&variant.fields),
                length: Some(length),
                content,
            })
        }
        Selection::One(range) => {
            let mut fields = HeaderMap::clone(&variant.fields);
            fields.insert(CONTENT_RANGE, content_range(range, length).try_into()?);
            let part_length = range.end.saturating_sub(range.start);
            Ok(FileResponse::partial(fields, part_length, opened.range(range.clone())))
        }
        Selection::Several(ranges) => {
            let mut fields = HeaderMap::clone(&variant.fields);
            let content_type = fields.get(CONTENT_TYPE).ok_or(FileRefusal::Internal)?;
            let multipart = Multipart::new(ranges, length, content_type);
            fields.insert(CONTENT_TYPE, multipart.content_type().try_into()?);
            let total = multipart.length();
            Ok(FileResponse::partial(fields, total, opened.parts(multipart)))
        }
        Selection::Unsatisfiable => Err(FileRefusal::RangeNotSatisfiable { len: length }),
    }
}

/// Returns the response to a request for a directory without a slash at its end: a redirect to where the relative links of its
/// page work.
pub(super) fn redirect(head: &RequestHead<'_>) -> Result<FileResponse, FileRefusal> {
    let location = with_slash(&head.target.path_text(), head.target.query_text().as_deref());
    let fields = [(LOCATION, location.try_into()?), (CACHE_CONTROL, REVALIDATE)];
    Ok(text(StatusCode::MOVED_PERMANENTLY, HeaderMap::from_iter(fields)))
}

impl OpenedContent {
    fn range(self, range: Range<u64>) -> FileContent {
        match self {
            Self::Memory(bytes) => FileContent::Memory(slice(&bytes, &range)),
            Self::Stored(file) => FileContent::Stored(StoredContent::new(file, [Part::Range(range)])),
        }
    }

    fn parts(self, multipart: Multipart) -> FileContent {
        match self {
            Self::Memory(bytes) => FileContent::Memory(multipart.of(&bytes)),
            Self::Stored(file) => FileContent::Stored(StoredContent::new(file, multipart.parts)),
        }
    }
}
