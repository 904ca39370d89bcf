//! Responses that are made here, as HTTP/1.

use std::io;
use std::ops::ControlFlow;
use std::pin::pin;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Response};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use jiff::Timestamp;

use crate::clock::http_date;
use crate::http1::chunked::{write_chunk, write_last_chunk};
use crate::http1::encode::{Content, LocalHead};
use crate::http1::response::has_no_body;
use crate::net::client::ClientConnection;

/// How much content goes out with the head, in bytes. More is not worth a copy.
pub const MAX_WITH_HEAD: usize = 16 << 10;

/// Sends a response to a request with this method. Breaks if the client has left, or if the content broke off.
pub async fn respond<B>(
    method: &Method,
    client: &mut ClientConnection,
    response: Response<B>,
    now: Timestamp,
) -> ControlFlow<()>
where
    B: Body<Data = Bytes>,
{
    if send(method, client, response, now).await.is_ok() {
        return ControlFlow::Continue(());
    }
    client.cut();
    ControlFlow::Break(())
}

/// Appends the head of a response as it goes to `client`, and returns how its content follows.
pub fn write_head<B: Body>(
    out: &mut Vec<u8>,
    response: &Response<B>,
    method: &Method,
    client: &mut ClientConnection,
    now: Timestamp,
) -> Content {
    let content = content(response, method, client);
    LocalHead {
        status: response.status(),
        fields: response.headers(),
        content,
        date: &http_date(now),
        version: client.version(),
        closes: client.decide_close(),
    }
    .write(out);
    content
}

fn content<B: Body>(response: &Response<B>, method: &Method, client: &mut ClientConnection) -> Content {
    let given = || response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    let length = response.body().size_hint().exact();
    match length.filter(|_| method != Method::HEAD).or_else(given) {
        Some(length) => Content::Length(length),
        None if *method == Method::HEAD || has_no_body(response.status()) => Content::Unframed,
        None if client.version().has_chunks() => Content::Chunked,
        None => {
            client.close_after_response();
            Content::Unframed
        }
    }
}

async fn send<B>(
    method: &Method,
    client: &mut ClientConnection,
    response: Response<B>,
    now: Timestamp,
) -> io::Result<()>
where
    B: Body<Data = Bytes>,
{
    let mut out = Vec::with_capacity(1024);
    let content = write_head(&mut out, &response, method, client, now);
    if method == Method::HEAD || has_no_body(response.status()) {
        return client.send_last(&out).await;
    }
    let mut left = if let Content::Length(length) = content { length } else { u64::MAX };
    let mut body = pin!(response.into_body());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let Ok(mut data) = frame.into_data() else { continue };
        left = left.checked_sub(data.len() as u64).ok_or(io::ErrorKind::InvalidData)?;
        if content == Content::Chunked {
            write_chunk(&data, &mut out);
        } else if !out.is_empty() {
            out.extend_from_slice(&data.split_to(data.len().min(MAX_WITH_HEAD)));
        }
        if data.is_empty() && left == 0 {
            break;
        }
        client.send(&out).await?;
        if content == Content::Chunked {
            out.clear();
            continue;
        }
        // A slow reader holds no more than what it has not taken.
        out = Vec::new();
        client.send(&data).await?;
    }
    match content {
        Content::Chunked => write_last_chunk(b"", &mut out),
        Content::Length(_) if left > 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
        Content::Length(_) | Content::Unframed => {}
    }
    client.send_last(&out).await
}
