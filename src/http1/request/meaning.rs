//! What the fields of a request say about the message and the connection.

use http::StatusCode;

use super::Version;
use crate::http1::content_length::ContentLength;
use crate::http1::fields::{ConnectionOptions, FieldLine};
use crate::http1::framing::Framing;
use crate::http1::host::parse_host;
use crate::http1::refusal::Refusal;

pub(super) const INVALID_HOST: Refusal = Refusal::bad_request("the host of the request is invalid");
pub(super) const REPEATED_HOST: Refusal = Refusal::bad_request("the request has more than one Host field");
pub(super) const INVALID_LENGTH: Refusal =
    Refusal::bad_request("the Content-Length of the request is invalid");
pub(super) const CONTRADICTORY: Refusal =
    Refusal::bad_request("the request has both Content-Length and Transfer-Encoding");
pub(super) const CODING_BEFORE_1_1: Refusal =
    Refusal::bad_request("the request has a Transfer-Encoding, which HTTP/1.0 does not define");
pub(super) const REPEATED_CODING: Refusal =
    Refusal::bad_request("the request has more than one Transfer-Encoding");
pub(super) const CHUNKED_NOT_LAST: Refusal =
    Refusal::bad_request("the request has `chunked` before its last transfer coding");
pub(super) const MALFORMED_CODING: Refusal =
    Refusal::bad_request("the Transfer-Encoding of the request is malformed");
pub(super) const UNKNOWN_CODING: Refusal =
    Refusal::not_implemented("the only supported transfer coding is `chunked`");
pub(super) const TOO_MANY_OPTIONS: Refusal = Refusal {
    status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    reason: "the request has more than 64 connection options that name fields",
};

/// What the fields say about the message and the connection.
#[derive(Default)]
pub(super) struct RequestMeaning<'b> {
    pub(super) host: Option<&'b str>,
    pub(super) options: ConnectionOptions,
    coding: Option<&'b [u8]>,
    length: ContentLength,
    pub(super) expects_continue: bool,
}

impl<'b> RequestMeaning<'b> {
    pub(super) fn add(&mut self, field: &FieldLine<'b>) -> Result<(), Refusal> {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        match field.name.len() {
            4 if is("host") => {
                let host = parse_host(field.value).ok_or(INVALID_HOST)?;
                if self.host.replace(host).is_some() {
                    return Err(REPEATED_HOST);
                }
            }
            6 if is("expect") => self.expects_continue |= field.value.eq_ignore_ascii_case(b"100-continue"),
            10 if is("connection") => return self.options.add(field.value).map_err(|_| TOO_MANY_OPTIONS),
            14 if is("content-length") => self.length.add(field.value),
            17 if is("transfer-encoding") => {
                let other = self.coding.replace(field.value);
                return other.map_or(Ok(()), |_| Err(REPEATED_CODING));
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn framing(&self, version: Version) -> Result<Framing, Refusal> {
        match (self.coding, self.length) {
            (None, ContentLength::Absent) => Ok(Framing::EMPTY),
            (None, ContentLength::Length(length)) => Ok(Framing::Length(length)),
            (None, ContentLength::Invalid) => Err(INVALID_LENGTH),
            (Some(_), _) if version == Version::Http10 => Err(CODING_BEFORE_1_1),
            (Some(coding), ContentLength::Absent) if coding.eq_ignore_ascii_case(b"chunked") => {
                Ok(Framing::chunked())
            }
            (Some(coding), ContentLength::Absent) => Err(refusal_of_coding(coding)),
            (Some(_), _) => Err(CONTRADICTORY),
        }
    }
}

/// Returns the refusal of a Transfer-Encoding other than `chunked` (RFC 9112, sections 6.1 and 6.3).
fn refusal_of_coding(coding: &[u8]) -> Refusal {
    let mut codings = coding.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).rev();
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    if codings.clone().any(<[u8]>::is_empty) {
        return MALFORMED_CODING;
    }
    codings.next();
    if codings.any(is_chunked) { CHUNKED_NOT_LAST } else { UNKNOWN_CODING }
}
