//! The site as a directory of static files: `[site] root`.
//!
//! GET and HEAD of regular files below the root, with validators, preconditions (RFC 9110, section 13) and ranges
//! (section 14). Symbolic links are followed if they stay below the root. The URL of a directory serves its
//! `index.html`; there are no listings. Names that start with a dot are not served, except `.well-known` at the start of a
//! path. A file `a.css.br`, `.zst` or `.gz` beside `a.css` is sent instead of it to clients that accept the coding.
//!
//! Small files are kept in memory, all together within a limit. Each request looks at the files again and compares their
//! versions, unless another one has done so within the same 4 ms. Files that have
//! changed within the last seconds are not kept and have no validators, since a second change might not show. Larger files
//! are sent from where the system has them, without a copy, over connections without TLS.
//!
//! If a program writes to a file while it is sent, the connection breaks as soon as that is noticed, also if the file only
//! grows: it may as well have been rewritten. Any other change of its status (mode, owner, times, name) breaks it too, since the
//! time of modification can be set back after a write. New and removed links do not: a file that is replaced by a rename, as
//! deployments do, is sent to its end.
//!
//! Three kinds of changes can go unnoticed, the first and the last where the system sends without a copy. A file that is truncated
//! at that moment gives NULs before the connection breaks. A program that writes through a mapping of its memory does not
//! always change the version. And what is on its way still is the memory of the file until the client has received it: a
//! program that overwrites it there, without truncating the file first, changes it.
//!
//! The crates for static files (`tower-http`, `hyper-staticfile`, warp's own) open a file for each request on a blocking
//! thread and copy it in chunks, which took five times the processor time of nginx, and none confines symbolic links to the
//! root.

mod content;
mod etag;
mod finder;
mod media_type;
mod multipart;
mod open;
mod precondition;
mod range;
mod reading;
mod refusal;
mod resolve;
mod resource;
mod response;
mod settings;
mod siblings;
mod version;
mod warnings;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderName, HeaderValue, Method};
use jiff::Timestamp;

pub use self::content::{FileContent, Part, StoredContent};
use self::finder::Finder;
use self::precondition::{IfRange, PreconditionResult, Preconditions};
use self::range::{ByteRanges, Selection};
use self::refusal::FileRefusal;
use self::resolve::{INDEX, RequestedFile};
pub use self::response::FileResponse;
use self::response::{OpenedContent, redirect, with_content};
pub use self::settings::{CacheControl, FileSettings};
use self::warnings::CANNOT_READ;
use crate::descriptors::{REQUESTS, RequestDescriptors};
use crate::http1::request::RequestHead;

const NOSNIFF: (HeaderName, HeaderValue) = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
/// The file that is sent with the status 404.
const NOT_FOUND_PAGE: &str = "404.html";
/// The number of times that a file is opened if it changes while it is read.
const MAX_ATTEMPTS: usize = 3;

/// The parts of a request that the response depends on.
#[derive(Clone, Copy, Debug)]
pub struct FileRequest<'r> {
    /// The head.
    pub head: &'r RequestHead<'r>,
    /// The time at which the request was received.
    pub now: Timestamp,
    /// The number of the tick of 4 ms at that time. Files are looked at once in each.
    pub tick: u64,
    /// How many bytes of a file that is not in memory are read before there is a response, in which a file that just changes
    /// is opened again.
    pub read_first: u64,
}

/// A directory that is served, with the small files of it that are in memory.
#[derive(Debug)]
pub struct Files {
    settings: FileSettings,
    finder: Arc<Finder>,
}

impl Files {
    /// Serves a directory, with at most about `memory` bytes of its files in memory.
    pub fn new(settings: FileSettings, memory: usize) -> Self {
        Self::with_descriptors(settings, memory, &REQUESTS)
    }

    /// As [`Files::new`], with these descriptors.
    fn with_descriptors(
        settings: FileSettings,
        memory: usize,
        descriptors: &'static LazyLock<RequestDescriptors>,
    ) -> Self {
        let finder = Finder::new(settings.root.clone(), settings.cache_control.clone(), memory, descriptors);
        Self { settings, finder: Arc::new(finder) }
    }

    /// Returns true if it serves a directory as these settings say.
    pub fn has(&self, settings: &FileSettings, memory: usize) -> bool {
        self.settings == *settings && self.finder.memory() == memory
    }

    /// Responds to a request for a file: 200, 206, 301 to the URL of a directory, 304, 400, 403, 404, 405, 412, 416, or
    /// 500 and 503, which are logged.
    ///
    /// Needs a tokio runtime, whose blocking threads read what the system does not have in memory.
    pub async fn respond(&self, request: &FileRequest<'_>) -> FileResponse {
        let head = request.head;
        let result = match head.method {
            Method::GET | Method::HEAD => self.find(request).await,
            Method::OPTIONS => return FileResponse::options(),
            _ => Err(FileRefusal::MethodNotAllowed),
        };
        let mut response = result.unwrap_or_else(FileRefusal::into_response);
        if head.method == Method::HEAD {
            response.content = FileContent::Memory(Bytes::new());
        }
        response
    }

    async fn find(&self, request: &FileRequest<'_>) -> Result<FileResponse, FileRefusal> {
        let path = request.head.target.path_text();
        let target = RequestedFile::parse(&path);
        let result = match &target {
            Ok(target) => self.serve(target, request).await,
            Err(refusal) => Err(*refusal),
        };
        let Err(FileRefusal::NotFound) = result else { return result };
        if self.settings.is_single_page && target.is_ok_and(|target| target.may_be_page()) {
            let page = Path::new(INDEX);
            return self.retry(page, || self.send(page, request)).await;
        }
        let page = Path::new(NOT_FOUND_PAGE);
        self.retry(page, || self.send_not_found(page, request)).await.map_err(|_| FileRefusal::NotFound)
    }

    async fn serve(
        &self,
        target: &RequestedFile,
        request: &FileRequest<'_>,
    ) -> Result<FileResponse, FileRefusal> {
        let path = target.path();
        match self.retry(path, || self.send(path, request)).await {
            Err(FileRefusal::Directory) if target.is_directory() => Err(FileRefusal::NotFound),
            Err(FileRefusal::Directory) => redirect(request.head),
            result => result,
        }
    }

    /// Tries again while a file changes.
    async fn retry<F>(&self, path: &Path, attempt: impl Fn() -> F) -> Result<FileResponse, FileRefusal>
    where
        F: Future<Output = Result<FileResponse, FileRefusal>>,
    {
        for _ in 0..MAX_ATTEMPTS {
            match attempt().await {
                Err(FileRefusal::Changed) => {}
                result => return result,
            }
        }
        CANNOT_READ.log(path, &"it kept changing");
        Err(FileRefusal::Changed)
    }

    /// Sends a file, or what the preconditions and ranges of the request select.
    async fn send(&self, path: &Path, request: &FileRequest<'_>) -> Result<FileResponse, FileRefusal> {
        let head = request.head;
        let found = self.finder.find(path, request.now, request.tick).await?;
        let index = found.resource.choose(head);
        let resource = Arc::clone(&found.resource);
        let variant = resource.variant(index).ok_or(FileRefusal::Internal)?;
        match Preconditions::parse(head).evaluate(&variant.validators) {
            PreconditionResult::Failed => return Err(FileRefusal::PreconditionFailed),
            PreconditionResult::NotModified => return Ok(FileResponse::not_modified(&variant.fields)),
            PreconditionResult::Send => {}
        }
        let length = variant.version.length();
        // RFC 9110, section 14.2 defines ranges for GET only.
        let ranges = ByteRanges::parse(head).filter(|_| head.method == Method::GET);
        let selected = ranges.filter(|_| IfRange::parse(head).holds(&variant.validators));
        let selection = selected.map_or(Selection::Whole, |ranges| ranges.select(length));
        let opened = match head.method {
            Method::HEAD => OpenedContent::Memory(Bytes::new()),
            _ => self.finder.open(found, path, index).await?,
        };
        let mut response = with_content(variant, opened, &selection)?;
        response.read_first(request.read_first).await?;
        Ok(response)
    }

    /// Sends the page for what was not found.
    async fn send_not_found(
        &self,
        path: &Path,
        request: &FileRequest<'_>,
    ) -> Result<FileResponse, FileRefusal> {
        let found = self.finder.find(path, request.now, request.tick).await?;
        let index = found.resource.choose(request.head);
        let resource = Arc::clone(&found.resource);
        let variant = resource.variant(index).ok_or(FileRefusal::Internal)?;
        let opened = self.finder.open(found, path, index).await?;
        let mut response = with_content(variant, opened, &Selection::Whole)?;
        response.read_first(request.read_first).await?;
        Ok(response.into_not_found())
    }
}

#[cfg(test)]
mod tests;
