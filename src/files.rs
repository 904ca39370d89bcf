//! The site as a directory of static files: `[site] root`.
//!
//! GET and HEAD of regular files below the root, with validators, preconditions (RFC 9110, section 13) and single ranges
//! (section 14). A request for several ranges, or with a malformed `Range`, gets the whole file, as the RFC allows.
//! Symbolic links are followed if they stay below the root. The URL of a directory serves its `index.html`; there are no
//! listings. Names that start with a dot are not served, except `.well-known` at the start of a path.
//!
//! Files are opened and read on blocking threads; one trip opens a file and reads its first chunk. If a file shrinks or is
//! rewritten in place while it is sent, the connection breaks. A file that is replaced by a rename, as deployments do, is
//! sent to its end.

mod content;
mod entry;
mod etag;
mod precondition;
mod range;
mod refusal;
mod resolve;

use std::ops::Range;
use std::path::{Path, PathBuf};

use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, LAST_MODIFIED, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use tokio::task::spawn_blocking;
use warp::Reply;
use warp::reply::Response;

use self::content::FileContent;
use self::entry::OpenedFile;
use self::precondition::{IfRange, PreconditionResult, Preconditions, Validators};
use self::range::{ByteRange, Selection};
use self::refusal::FileRefusal;
use self::resolve::Target;

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
const NOSNIFF: (HeaderName, HeaderValue) = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
/// Browsers must revalidate each time, so that visitors notice a downtime when it begins.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
/// The number of times that a file is opened if it changes while its first chunk is read.
const MAX_ATTEMPTS: usize = 3;

/// The parts of a request for a file that the response depends on.
#[derive(Clone, Copy, Debug)]
pub struct FileQuery<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path as received.
    pub path: &'a str,
    /// The query without `?`.
    pub query: Option<&'a str>,
    /// The fields.
    pub headers: &'a HeaderMap,
    /// The time at which the request was received.
    pub now: Timestamp,
}

/// A directory that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    path: PathBuf,
}

impl Root {
    /// Serves the directory at `path`. The path is resolved for each request, so it may be a symbolic link that deployments
    /// swap.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Responds to a request for a file: 200, 206, 301 to the URL of a directory, 304, 400, 403, 404, 405, 412, 416, or
    /// 500 and 503, which are logged.
    ///
    /// Needs a tokio runtime, whose blocking threads read the file.
    pub async fn respond(&self, request: &FileQuery<'_>) -> Response {
        let result = match *request.method {
            Method::GET | Method::HEAD => self.find(request).await,
            Method::OPTIONS => return options(),
            _ => Err(FileRefusal::MethodNotAllowed),
        };
        let response = result.unwrap_or_else(FileRefusal::into_response);
        if request.method == Method::HEAD { without_body(response) } else { response }
    }

    async fn find(&self, request: &FileQuery<'_>) -> Result<Response, FileRefusal> {
        let request = FileRequest::parse(request)?;
        let root = self.path.clone();
        spawn_blocking(move || request.respond(&root)).await.unwrap_or_else(|error| {
            tracing::error!(target: "downtime::files", %error, "a thread that reads files has panicked");
            Err(FileRefusal::Internal)
        })
    }
}

/// The parts of a request that the response depends on, owned so that they can move to a blocking thread.
#[derive(Debug)]
struct FileRequest {
    method: Method,
    path: String,
    query: Option<String>,
    target: Target,
    preconditions: Preconditions,
    range: Option<ByteRange>,
    if_range: IfRange,
    now: Timestamp,
}

impl FileRequest {
    fn parse(request: &FileQuery<'_>) -> Result<Self, FileRefusal> {
        let FileQuery { method, path, query, headers, now } = *request;
        Ok(Self {
            method: method.clone(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            target: Target::parse(path)?,
            preconditions: Preconditions::parse(headers),
            // RFC 9110, section 14.2 defines ranges for GET only.
            range: ByteRange::parse(headers).filter(|_| method == Method::GET),
            if_range: IfRange::parse(headers),
            now,
        })
    }

    fn respond(&self, root: &Path) -> Result<Response, FileRefusal> {
        let mut attempts = (0..MAX_ATTEMPTS).map(|_| self.attempt(root));
        attempts.find(|result| !matches!(result, Err(FileRefusal::Changed))).unwrap_or_else(|| {
            let path = self.target.path().display();
            tracing::error!(target: "downtime::files", %path, "a file kept changing while it was read");
            Err(FileRefusal::Changed)
        })
    }

    fn attempt(&self, root: &Path) -> Result<Response, FileRefusal> {
        let (file, metadata) = match OpenedFile::open(root, self.target.path())? {
            OpenedFile::File(file, metadata) => (file, metadata),
            OpenedFile::Directory => return self.redirect(),
        };
        let validators = Validators::new(&metadata, self.now);
        let len = metadata.len();
        let (status, range) = match self.preconditions.evaluate(&validators) {
            PreconditionResult::Failed => return Err(FileRefusal::PreconditionFailed),
            PreconditionResult::NotModified => return not_modified(&validators),
            PreconditionResult::Send => self.select(&validators, len)?,
        };
        let content = FileContent::new(file, &metadata, range.clone());
        let mut response = if self.method == Method::GET { body(content)? } else { Response::default() };
        *response.status_mut() = status;
        insert_metadata(response.headers_mut(), self.target.path(), &validators)?;
        insert_length(response.headers_mut(), status, range, len)?;
        Ok(response)
    }

    /// Redirects to the URL with a slash at its end, where the relative links of a directory's page work.
    fn redirect(&self) -> Result<Response, FileRefusal> {
        if self.target.is_directory() {
            return Err(FileRefusal::NotFound);
        }
        let mut response = refusal::text(StatusCode::MOVED_PERMANENTLY);
        response
            .headers_mut()
            .insert(LOCATION, resolve::with_slash(&self.path, self.query.as_deref()).try_into()?);
        response.headers_mut().insert(CACHE_CONTROL, REVALIDATE);
        Ok(response)
    }

    fn select(&self, current: &Validators, len: u64) -> Result<(StatusCode, Range<u64>), FileRefusal> {
        let range = self.range.filter(|_| self.if_range.holds(current));
        match range.map_or(Selection::Whole, |range| range.select(len)) {
            Selection::Whole => Ok((StatusCode::OK, 0..len)),
            Selection::Part(part) => Ok((StatusCode::PARTIAL_CONTENT, part)),
            Selection::Unsatisfiable => Err(FileRefusal::RangeNotSatisfiable { len }),
        }
    }
}

/// Reads the first chunk. Only a longer file becomes a stream.
fn body(mut content: FileContent) -> Result<Response, FileRefusal> {
    let first = content.read().map_err(|error| {
        if error.kind() == content::CHANGED {
            return FileRefusal::Changed;
        }
        tracing::error!(target: "downtime::files", %error, "cannot read a file");
        FileRefusal::Internal
    })?;
    if content.is_empty() {
        return Ok(Response::new(first.into()));
    }
    Ok(warp::reply::stream(content.stream_after(first)).into_response())
}

fn without_body(response: Response) -> Response {
    Response::from_parts(response.into_parts().0, Response::default().into_body())
}

fn options() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, ALLOWED);
    response
}

fn not_modified(validators: &Validators) -> Result<Response, FileRefusal> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    insert_validators(response.headers_mut(), validators)?;
    Ok(response)
}

/// Inserts the fields that a 304 needs too (RFC 9110, section 15.4.5).
fn insert_validators(headers: &mut HeaderMap, validators: &Validators) -> Result<(), FileRefusal> {
    headers.insert(CACHE_CONTROL, REVALIDATE);
    headers.insert(ETAG, validators.etag.to_string().try_into()?);
    if let Some(modified) = validators.modified {
        headers.insert(LAST_MODIFIED, httpdate::fmt_http_date(modified).try_into()?);
    }
    Ok(())
}

fn insert_metadata(headers: &mut HeaderMap, path: &Path, validators: &Validators) -> Result<(), FileRefusal> {
    insert_validators(headers, validators)?;
    headers.insert(CONTENT_TYPE, content_type(path)?);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.extend([NOSNIFF]);
    Ok(())
}

fn content_type(path: &Path) -> Result<HeaderValue, FileRefusal> {
    let kind = mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream");
    let charset = if kind.starts_with("text/") { "; charset=utf-8" } else { "" };
    Ok(format!("{kind}{charset}").try_into()?)
}

fn insert_length(
    headers: &mut HeaderMap,
    status: StatusCode,
    range: Range<u64>,
    len: u64,
) -> Result<(), FileRefusal> {
    let Range { start, end } = range;
    headers.insert(CONTENT_LENGTH, end.saturating_sub(start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        let last = end.saturating_sub(1);
        headers.insert(CONTENT_RANGE, format!("bytes {start}-{last}/{len}").try_into()?);
    }
    Ok(())
}
