//! Responses that are not a file.

use std::io;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, InvalidHeaderValue};
use http::{HeaderValue, StatusCode};
use rustix::io::Errno;
use warp::Reply;
use warp::reply::Response;

use super::{ALLOWED, NOSNIFF};

/// The reason why a file is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileRefusal {
    BadRequest,
    Forbidden,
    NotFound,
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
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::RangeNotSatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Changed | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn into_response(self) -> Response {
        let status = self.status();
        let mut response = text(status);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::MethodNotAllowed => drop(headers.insert(ALLOW, ALLOWED)),
            Self::RangeNotSatisfiable { len } => {
                drop(
                    HeaderValue::try_from(format!("bytes */{len}"))
                        .map(|value| headers.insert(CONTENT_RANGE, value)),
                );
            }
            _ => {}
        }
        response
    }
}

/// Converts an error in opening a file.
impl From<io::Error> for FileRefusal {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            // cap-std reports a path that leads out of the root as a permission error of its own.
            None if error.kind() == io::ErrorKind::PermissionDenied => Self::NotFound,
            // NXIO and NODEV: a socket, or a device without a driver. INVAL and ILSEQ: a name that the file system
            // does not allow.
            Some(
                Errno::NOENT
                | Errno::NOTDIR
                | Errno::LOOP
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
pub(super) fn text(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or_default().to_ascii_lowercase();
    let body = format!("{} {reason}\n", status.as_u16());
    let len = body.len();
    let mut response = warp::reply::with_status(body, status).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, len.into());
    let (name, value) = NOSNIFF;
    headers.insert(name, value);
    response
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
