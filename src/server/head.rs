//! The limit on the time that a client may take over the head of a request, before anything knows the request.

use std::pin::Pin;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::HEAD_TIMEOUT;
use super::stream::Stream;
use crate::clock;
use crate::upstream::Peer;

/// What begins a connection of HTTP/2 (RFC 9113 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A head of this many bytes goes on as it is: hyper refuses it with 431.
const MAX_LENGTH: usize = 8192 + 4096 * 100;
/// So does one with more fields.
const MAX_FIELDS: usize = 100;
/// How long a client that was refused may take to read that, while what it still sends is thrown away: to close on
/// unread bytes resets the connection, and the answer may be lost with it.
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
        // To look at all of it for each byte would cost the square of its length.
        is_new_line = head.get(before..).is_some_and(|new| new.contains(&b'\n'));
    }
    Some(head.freeze())
}

/// Returns true if more bytes must come before it is known what they are. Removes empty lines in front of a request, of
/// which there may be any number (RFC 9112 2.2).
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

/// Tells a client that it took too long over a head (RFC 9110 15.5.9), and closes its connection.
pub(super) async fn refuse(stream: &mut Stream, peer: &Peer) {
    debug!(
        "connection of {peer} is closed: no whole head within {}",
        humantime::format_duration(HEAD_TIMEOUT)
    );
    let says = "the head of the request took longer than 30 seconds\n";
    let answer = format!(
        "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {}\r\ncache-control: no-store\r\ndate: {}\r\n\r\n{says}",
        says.len(),
        clock::http_date(clock::now()),
    );
    let told = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut thrown_away = [0; 1024];
        while stream.read(&mut thrown_away).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Where that fails the client has left.
    let _ = timeout(LINGER, told).await;
}
