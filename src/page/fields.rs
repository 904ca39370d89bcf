//! The fields of responses that the gateway itself sets.

use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderName, LOCATION, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};

/// Marks each down response; its value is the [`Cause`](super::Cause).
pub static DOWNTIME: HeaderName = HeaderName::from_static("downtime");

pub(super) static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(super) static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Returns true if the gateway itself sets a field in some response, so that the configuration cannot.
pub fn is_reserved(name: &HeaderName) -> bool {
    const HOP_BY_HOP: [&str; 7] =
        ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "date"];
    let own = [
        &CACHE_CONTROL,
        &CONTENT_ENCODING,
        &CONTENT_LANGUAGE,
        &CONTENT_LENGTH,
        &CONTENT_SECURITY_POLICY,
        &CONTENT_TYPE,
        &DOWNTIME,
        &GRPC_MESSAGE,
        &GRPC_STATUS,
        &LOCATION,
        &RETRY_AFTER,
        &VARY,
        &X_CONTENT_TYPE_OPTIONS,
    ];
    own.contains(&name)
        || HOP_BY_HOP.contains(&name.as_str())
        || name.as_str().starts_with("access-control-")
        || name.as_str().starts_with("proxy-")
}
