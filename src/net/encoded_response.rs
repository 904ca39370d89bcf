//! A whole response in memory, as clients of HTTP/1 and of HTTP/2 get it.

use std::cell::OnceCell;

use bytes::Bytes;
use http::Response;

use crate::http1::field_names::is_hop_by_hop;
use crate::http1::request::to_header;
use crate::http1::response::ResponseHead;

/// A response that is prepared once and sent any number of times.
#[derive(Debug)]
pub struct EncodedResponse {
    http1: Bytes,
    /// True for the response to HEAD.
    to_head: bool,
    /// The same response, made from those bytes for the first client of HTTP/2.
    http2: OnceCell<Option<Response<Bytes>>>,
}

impl EncodedResponse {
    /// The response whose head and content are these bytes of HTTP/1.1. The content has a length.
    pub fn new(http1: Bytes, to_head: bool) -> Self {
        Self { http1, to_head, http2: OnceCell::new() }
    }

    /// The head and the content as HTTP/1.1.
    pub fn http1(&self) -> &[u8] {
        &self.http1
    }

    /// The response for hyper; `None` if the bytes are not one response. Cloning it copies no value of a field, and not the
    /// content.
    pub fn http2(&self) -> Option<&Response<Bytes>> {
        self.http2.get_or_init(|| to_http2(&self.http1, self.to_head)).as_ref()
    }
}

fn to_http2(http1: &Bytes, to_head: bool) -> Option<Response<Bytes>> {
    let (length, head) = ResponseHead::parse_own(http1, to_head).ok()??;
    Some(http2_head(&head).map(|()| http1.slice(length..)))
}

/// Returns the head of a response as HTTP/2: without the fields that are for a connection of HTTP/1.
pub fn http2_head(head: &ResponseHead<'_>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    let fields = head.fields.iter().filter(|field| !is_hop_by_hop(field.name));
    *response.headers_mut() = fields.filter_map(to_header).collect();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_of_http_2_is_the_one_of_http_1() {
        for (head, content, to_head, expected) in [
            (
                "HTTP/1.1 503 Service Unavailable\r\nA: b\r\na: c\r\nContent-Length: 2\r\n",
                "hi",
                false,
                "503 a=b a=c content-length=2",
            ),
            (
                "HTTP/1.1 503 x\r\ncontent-length: 2\r\nconnection: close\r\nkeep-alive: 5\r\n",
                "hi",
                false,
                "503 content-length=2",
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n", "", true, "200 content-length=7"),
            ("HTTP/1.1 204 No Content\r\n", "", false, "204"),
        ] {
            let prepared = EncodedResponse::new(format!("{head}\r\n{content}").into(), to_head);
            let response = prepared.http2().unwrap();
            let fields =
                response.headers().iter().map(|(name, value)| format!(" {name}={}", value.to_str().unwrap()));
            assert_eq!(response.status().as_str().to_owned() + &fields.collect::<String>(), expected);
            assert_eq!(response.body(), content);
        }
        assert!(EncodedResponse::new("HTTP/1.1 200".into(), false).http2().is_none());
    }
}
