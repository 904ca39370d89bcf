//! Sends files of the site: `[site] root`.

use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderValue, Response};
use tokio::task::yield_now;

use super::record::RequestRecord;
use super::{Gateway, make_private};
use crate::clock::{self, http_date};
use crate::files::{FileContent, FileRequest, FileResponse, Files, Part, StoredContent};
use crate::filters::Routes;
use crate::filters::context::Decided;
use crate::http1::encode::{Content, LocalHead};
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::server::response::MAX_WITH_HEAD;

/// The bytes that are sent of a file between two looks at it.
const MAX_SENT: u64 = 1 << 20;
/// The bytes that are read at once. A slow reader holds as many; a fast one is served as fast as with more.
const MAX_READ: u64 = 32 << 10;
/// The bytes at the end of a file that are read rather than sent from where the system has them, so that a client never gets the
/// last one if the file was seen to change before.
const LAST_READ: u64 = 16 << 10;

impl<R: Routes> Gateway<R> {
    /// Responds with a file.
    pub(super) async fn send_file(
        &self,
        head: &RequestHead<'_>,
        client: &mut ClientConnection,
        files: &Files,
        decided: &Decided,
        record: &mut RequestRecord<'_>,
    ) -> ControlFlow<()> {
        let read_first = max_with_head(client) as u64;
        let request = FileRequest { head, now: decided.now, tick: clock::tick(), read_first };
        let mut response = files.respond(&request).await;
        if decided.is_bypassed() {
            make_private(Arc::make_mut(&mut response.fields));
        }
        record.respond(response.status);
        if send(head, client, response, &http_date(decided.now)).await.is_ok() {
            return ControlFlow::Continue(());
        }
        client.cut();
        ControlFlow::Break(())
    }
}

async fn send(
    head: &RequestHead<'_>,
    client: &mut ClientConnection,
    response: FileResponse,
    date: &str,
) -> io::Result<()> {
    let FileResponse { status, fields, length, content } = response;
    let mut out = Vec::with_capacity(1024);
    LocalHead {
        status,
        fields: &fields,
        content: length.map_or(Content::Unframed, Content::Length),
        date,
        version: head.version,
        closes: client.decide_close(),
    }
    .write(&mut out);
    match content {
        FileContent::Memory(bytes) => {
            let sent = (out.len() + bytes.len()) as u64;
            if client.send_whole(|| http2_response(status, &fields, length, date, bytes.clone()), sent) {
                return Ok(());
            }
            let with_head = MAX_WITH_HEAD.min(bytes.len());
            out.extend_from_slice(&bytes.slice(..with_head));
            let rest = bytes.slice(with_head..);
            if rest.is_empty() {
                return client.send_last(&out).await;
            }
            client.send(&out).await?;
            client.send_last(&rest).await
        }
        FileContent::Stored(content) => send_parts(client, out, content).await,
    }
}

fn http2_response(
    status: http::StatusCode,
    fields: &HeaderMap,
    length: Option<u64>,
    date: &str,
    content: Bytes,
) -> Response<Bytes> {
    let mut response = Response::new(content);
    *response.status_mut() = status;
    *response.headers_mut() = fields.clone();
    // A date is always valid in a field.
    response.headers_mut().extend(HeaderValue::try_from(date).ok().map(|date| (DATE, date)));
    response.headers_mut().extend(length.map(|length| (CONTENT_LENGTH, length.into())));
    response
}

/// Sends the parts of a file behind `out`, which holds the head.
async fn send_parts(
    client: &mut ClientConnection,
    mut out: Vec<u8>,
    mut content: StoredContent,
) -> io::Result<()> {
    while let Some(part) = content.next_part() {
        match part {
            Part::Bytes(bytes) => out.extend_from_slice(&bytes),
            Part::Range(range) => {
                let with_head = max_with_head(client).saturating_sub(out.len()) as u64;
                let first = range.start..range.end.min(range.start.saturating_add(with_head));
                if !first.is_empty() {
                    out.extend_from_slice(&content.read(first.clone()).await?);
                }
                content.file().set_aside_during(client.send(&out)).await?;
                // A slow reader holds no more than what it has not taken.
                out = Vec::new();
                send_range(client, &content, first.end..range.end).await?;
            }
        }
    }
    drop(content);
    client.send_last(&out).await
}

/// The bytes that are sent together with a head. Over HTTP/2, no more is read than is wanted: a client may open many streams of
/// which it takes nothing.
fn max_with_head(client: &ClientConnection) -> usize {
    if client.is_http2() { 0 } else { MAX_WITH_HEAD }
}

async fn send_range(
    client: &mut ClientConnection,
    content: &StoredContent,
    mut rest: Range<u64>,
) -> io::Result<()> {
    while !rest.is_empty() {
        let without_last = rest.end.saturating_sub(LAST_READ);
        rest.start += if client.takes_files() && rest.start < without_last {
            let part = rest.start..without_last.min(rest.start.saturating_add(MAX_SENT));
            content.load(part.clone()).await?;
            client.send_file(content.file(), part).await?
        } else {
            let wanted = content.file().set_aside_during(client.await_demand()).await?;
            let length = wanted.map_or(MAX_READ, |wanted| wanted as u64);
            let part = rest.start..rest.end.min(rest.start.saturating_add(length));
            let bytes = content.read(part).await?;
            content.file().set_aside_during(client.send(&bytes)).await?;
            bytes.len() as u64
        };
        // A fast client never makes the thread wait. Let its other connections run.
        yield_now().await;
    }
    Ok(())
}
