//! Waits for the complete head of a request before handing the connection to hyper.

use std::pin::Pin;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::HEAD_TIMEOUT;
use super::stream::Stream;
use crate::clock;
use crate::upstream::Peer;

/// The connection preface of HTTP/2 (RFC 9113, section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A longer head is not waited for: hyper refuses it with 431. In bytes.
const MAX_LENGTH: usize = 8192 + 4096 * 100;
/// The same for a head with more fields.
const MAX_FIELDS: usize = 100;
/// How long to read and discard what a refused client still sends. Closing a connection with unread bytes resets it, and
/// the response may be lost.
const LINGER: std::time::Duration = std::time::Duration::from_secs(2);

/// Reads until the head that begins with `begun` is whole or malformed, and returns all bytes that were read. Returns `None`
/// if the connection is over: it broke off, or the whole head had not arrived [`HEAD_TIMEOUT`] after `since`, and the client
/// has been told so. The end of the stream and a server that stops end the wait too.
pub(super) async fn complete(
    stream: &mut Stream,
    begun: &[u8],
    since: Instant,
    peer: &Peer,
    mut stopped: Pin<&mut impl Future>,
) -> Option<Bytes> {
    let mut head = BytesMut::from(begun);
    let mut deadline = std::pin::pin!(sleep_until(since + HEAD_TIMEOUT));
    let mut is_new_line = true;
    while head.len() < MAX_LENGTH && (!is_new_line || is_partial(&mut head)) {
        head.reserve(4096);
        let before = head.len();
        let read = tokio::select! {
            biased;
            read = stream.read_buf(&mut head) => read.ok()?,
            _ = &mut stopped => break,
            () = &mut deadline => {
                refuse(stream, peer).await;
                return None;
            }
        };
        if read == 0 {
            break;
        }
        // Parsing all of it for each byte would take quadratic time.
        is_new_line = head.get(before..).is_some_and(|new| new.contains(&b'\n'));
    }
    Some(head.freeze())
}

/// Returns true if more bytes must come before it is known what they are. Removes empty lines in front of a request, of
/// which there may be any number (RFC 9112, section 2.2).
fn is_partial(head: &mut BytesMut) -> bool {
    loop {
        match **head {
            [b'\r', b'\n', ..] => head.advance(2),
            [b'\n', ..] => head.advance(1),
            _ => break,
        }
    }
    if head.len() < PREFACE.len() && PREFACE.starts_with(head) {
        return true;
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    matches!(httparse::Request::new(&mut fields).parse(head), Ok(httparse::Status::Partial))
}

/// Sends 408 to a client that was too slow with a head (RFC 9110, section 15.5.9), and closes its connection.
pub(super) async fn refuse(stream: &mut Stream, peer: &Peer) {
    debug!(
        "closing the connection of {peer}: no complete request head within {}",
        humantime::format_duration(HEAD_TIMEOUT)
    );
    let body = "the head of the request took longer than 30 seconds\n";
    let response = format!(
        "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {}\r\ncache-control: no-store\r\ndate: {}\r\n\r\n{body}",
        body.len(),
        clock::http_date(clock::now()),
    );
    let send = async {
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await?;
        let mut discarded = [0; 1024];
        while stream.read(&mut discarded).await? > 0 {}
        std::io::Result::Ok(())
    };
    // If this fails, the client has left.
    let _ = timeout(LINGER, send).await;
}
