//! Responses that are not a file.

use std::io;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, InvalidHeaderValue};
use http::{HeaderMap, HeaderValue, StatusCode};
use rustix::io::Errno;

use super::NOSNIFF;
use super::content::FileContent;
use super::response::{ALLOWED, FileResponse};

/// For responses that are not a file.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The reason why a file is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileRefusal {
    BadRequest,
    Forbidden,
    NotFound,
    /// It is a directory.
    Directory,
    MethodNotAllowed,
    PreconditionFailed,
    /// The file of `len` bytes has none of the requested bytes.
    RangeNotSatisfiable {
        len: u64,
    },
    /// The file changed while it was read.
    Changed,
    /// Temporary: for example, too many files are open.
    Unavailable,
    Internal,
}

impl FileRefusal {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound | Self::Directory => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::RangeNotSatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Changed | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn into_response(self) -> FileResponse {
        let mut fields = HeaderMap::from_iter([(CACHE_CONTROL, NO_STORE)]);
        match self {
            Self::MethodNotAllowed => drop(fields.insert(ALLOW, ALLOWED)),
            Self::RangeNotSatisfiable { len } => {
                let value = HeaderValue::try_from(format!("bytes */{len}"));
                drop(value.map(|value| fields.insert(CONTENT_RANGE, value)));
            }
            _ => {}
        }
        text(self.status(), fields)
    }
}

/// Converts an error in opening a file.
impl From<io::Error> for FileRefusal {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            // cap-std reports a path that leads out of the root as a permission error of its own.
            None if error.kind() == io::ErrorKind::PermissionDenied => Self::NotFound,
            // XDEV: a path that leads out of the root. NXIO and NODEV: a socket, or a device without a driver. INVAL and ILSEQ: a name that the file system
            // does not allow.
            Some(
                Errno::NOENT
                | Errno::NOTDIR
                | Errno::LOOP
                | Errno::XDEV
                | Errno::NAMETOOLONG
                | Errno::NXIO
                | Errno::NODEV
                | Errno::INVAL
                | Errno::ILSEQ,
            ) => Self::NotFound,
            Some(Errno::ACCESS | Errno::PERM) => Self::Forbidden,
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN | Errno::STALE) => {
                Self::Unavailable
            }
            _ => Self::Internal,
        }
    }
}

impl From<InvalidHeaderValue> for FileRefusal {
    fn from(_: InvalidHeaderValue) -> Self {
        Self::Internal
    }
}

/// Returns a response with the status and its reason as text: `404 not found` and a line feed.
pub(super) fn text(status: StatusCode, mut fields: HeaderMap) -> FileResponse {
    let reason = status.canonical_reason().unwrap_or_default().to_ascii_lowercase();
    let content = Bytes::from(format!("{} {reason}\n", status.as_u16()));
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.extend([NOSNIFF]);
    let length = Some(content.len() as u64);
    FileResponse { status, fields: fields.into(), length, content: FileContent::Memory(content) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_opening_maps_to_a_status() {
        for (errno, refusal) in [
            (Errno::NOENT, FileRefusal::NotFound),
            (Errno::NOTDIR, FileRefusal::NotFound),
            (Errno::LOOP, FileRefusal::NotFound),
            (Errno::XDEV, FileRefusal::NotFound),
            (Errno::NAMETOOLONG, FileRefusal::NotFound),
            (Errno::NXIO, FileRefusal::NotFound),
            (Errno::ACCESS, FileRefusal::Forbidden),
            (Errno::PERM, FileRefusal::Forbidden),
            (Errno::MFILE, FileRefusal::Unavailable),
            (Errno::NFILE, FileRefusal::Unavailable),
            (Errno::IO, FileRefusal::Internal),
        ] {
            assert_eq!(FileRefusal::from(io::Error::from(errno)), refusal, "{errno}");
        }
    }
}
