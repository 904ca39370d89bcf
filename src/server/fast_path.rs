//! The start of a connection, while every request can be handled from its head alone.

use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::{Poll, Waker};

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::head::{complete, refuse};
use super::read_buffer::{MAX_UNREAD, ReadBuffer};
use super::stream::Stream;
use super::{ClientConnection, FastPath, HEAD_TIMEOUT, Service};
use crate::upstream::Peer;

/// Responds while the fast path can. Then returns the connection with the bytes that were read and not handled, which begin
/// with a whole head unless the server stops or the client has left. Returns `None` if the connection has ended, or the
/// client was too slow with a head or a response.
pub(super) async fn serve<S: Service>(
    mut stream: Stream,
    service: &S,
    peer: &Peer,
    stopped: &mut watch::Receiver<bool>,
) -> Option<Stream> {
    let stop = stopped.clone();
    let mut stopped = pin!(stopped.wait_for(|stopped| *stopped));
    let mut unread = ReadBuffer::new();
    // When the first byte of the incomplete head was received; if there is none, when the last response was sent.
    let mut since = Instant::now();
    let mut expiry = pin!(sleep(HEAD_TIMEOUT));
    // The waker that is registered for stop and expiry.
    let mut registered: Option<Waker> = None;
    loop {
        let is_first = unread.bytes().is_empty();
        let event = poll_fn(|cx| {
            if let Poll::Ready(read) = stream.poll_read_into(cx, unread.free()) {
                return Poll::Ready(ClientEvent::Read(read));
            }
            // Registering for each request would be most of the cost of waiting.
            let is_registered = registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
            if is_registered && !is_stopping(&stop) && !expiry.is_elapsed() {
                return Poll::Pending;
            }
            if stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(ClientEvent::Stop);
            }
            if expiry.as_mut().poll(cx).is_ready() {
                return Poll::Ready(ClientEvent::Expiry);
            }
            registered = Some(cx.waker().clone());
            Poll::Pending
        });
        match event.await {
            ClientEvent::Read(Ok(length @ 1..)) => unread.filled(length),
            // The client may have closed within a head.
            ClientEvent::Read(Ok(0)) if !unread.bytes().is_empty() => break,
            ClientEvent::Read(Ok(_) | Err(_)) => return None,
            ClientEvent::Stop => break,
            ClientEvent::Expiry => {
                if since.elapsed() >= HEAD_TIMEOUT {
                    if !is_first {
                        refuse(&mut stream, peer).await;
                    }
                    return None;
                }
                expiry.as_mut().reset(since + HEAD_TIMEOUT);
                registered = None;
                continue;
            }
        }
        // A client that never pauses must notice the stop too.
        if is_stopping(&stop) {
            break;
        }
        let FastPathOutcome { any, next } =
            respond(&mut stream, &mut unread, service, peer, &stop).await.ok()?;
        if any || is_first {
            since = Instant::now();
        }
        if next.is_break() {
            let head = complete(&mut stream, unread.bytes(), since, peer, stopped).await?;
            stream.read_first(head);
            return Some(stream);
        }
    }
    stream.read_first(Bytes::copy_from_slice(unread.bytes()));
    Some(stream)
}

/// The event that ends a wait for the client.
enum ClientEvent {
    Read(io::Result<usize>),
    Stop,
    Expiry,
}

/// Returns true if the server was told to stop.
fn is_stopping(stop: &watch::Receiver<bool>) -> bool {
    stop.has_changed().unwrap_or(true)
}

/// The progress made with a client's bytes.
struct FastPathOutcome {
    /// True if at least one request got its response.
    any: bool,
    /// Breaks at a request that the fast path cannot handle.
    next: ControlFlow<()>,
}

/// Responds to all complete requests that the fast path can handle.
async fn respond<S: Service>(
    stream: &mut Stream,
    unread: &mut ReadBuffer,
    service: &S,
    peer: &Peer,
    stop: &watch::Receiver<bool>,
) -> io::Result<FastPathOutcome> {
    let mut any = false;
    while !unread.bytes().is_empty() {
        match service.fast_path(unread.bytes(), peer) {
            FastPath::Respond { head, response } => {
                unread.consume(head);
                write(stream, &response).await?;
            }
            FastPath::Forward { head, request } => {
                let mut client = ClientConnection::new(stream, unread, stop);
                match service.forward(request, peer, &mut client).await {
                    ControlFlow::Continue(()) => unread.consume(head),
                    ControlFlow::Break(()) => return Err(io::ErrorKind::ConnectionAborted.into()),
                }
            }
            FastPath::Incomplete if unread.bytes().len() < MAX_UNREAD => break,
            FastPath::Incomplete | FastPath::Fallback => {
                return Ok(FastPathOutcome { any, next: ControlFlow::Break(()) });
            }
        }
        any = true;
    }
    Ok(FastPathOutcome { any, next: ControlFlow::Continue(()) })
}

/// Writes a response, usually in one call.
async fn write(stream: &mut Stream, response: &[u8]) -> io::Result<()> {
    let taken = match stream.try_write(response) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        taken => taken?,
    };
    match response.get(taken..) {
        None | Some([]) => Ok(()),
        Some(rest) => timeout(HEAD_TIMEOUT, stream.write_all(rest)).await?,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::rc::Rc;
    use std::time::Duration;

    use http::{Request, Response};
    use http_body_util::Empty;
    use hyper::body::Incoming;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::UnixStream;

    use super::*;

    /// Responds to each line. One that begins with `?` is a fallback, and one with `~` is forwarded, which takes [`A_WHILE`].
    #[derive(Clone)]
    struct Lines(Bytes);

    impl Service for Lines {
        type Body = Empty<Bytes>;
        type Forwarded = ();

        async fn respond(
            self,
            _: Request<Incoming>,
            _: Rc<Peer>,
        ) -> Result<Response<Empty<Bytes>>, Infallible> {
            Ok(Response::default())
        }

        async fn forward(&self, (): (), _: &Peer, client: &mut ClientConnection<'_>) -> ControlFlow<()> {
            sleep(A_WHILE).await;
            client.write(&self.0).await.unwrap();
            ControlFlow::Continue(())
        }

        fn fast_path(&self, unread: &[u8], _: &Peer) -> FastPath<()> {
            match unread.iter().position(|&byte| byte == b'\n') {
                _ if unread.starts_with(b"?") => FastPath::Fallback,
                Some(end) if unread.starts_with(b"~") => FastPath::Forward { head: end + 1, request: () },
                Some(end) => FastPath::Respond { head: end + 1, response: self.0.clone() },
                None => FastPath::Incomplete,
            }
        }
    }

    const A_WHILE: Duration = Duration::from_secs(HEAD_TIMEOUT.as_secs() * 2 / 3);

    /// Returns a client, and the future that serves its connection. A test that depends on what wakes that future must run
    /// it in a task of its own, because a client in the same task wakes both.
    fn connection(
        response: &'static [u8],
    ) -> (UnixStream, impl Future<Output = Option<Stream>> + 'static, watch::Sender<bool>) {
        let (client, stream) = UnixStream::pair().unwrap();
        let (stop, mut stopped) = watch::channel(false);
        let served = async move {
            let service = Lines(Bytes::from_static(response));
            serve(stream.into(), &service, &Peer::new(None), &mut stopped).await
        };
        (client, served, stop)
    }

    async fn read(stream: &mut Stream) -> Vec<u8> {
        let mut bytes = vec![0; 3 * MAX_UNREAD];
        let length = stream.read(&mut bytes).await.unwrap();
        bytes.truncate(length);
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_disconnected() {
        let (mut client, served, _stop) = connection(b"answer");
        let started = Instant::now();
        assert!(served.await.is_none());
        assert_eq!(started.elapsed().as_secs(), HEAD_TIMEOUT.as_secs());
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_each_request_in_time_is_served() {
        let (mut client, served, _stop) = connection(b"answer");
        let requests = async {
            for _ in 0..10 {
                client.write_all(b"line\n").await.unwrap();
                client.read_exact(&mut [0; 6]).await.unwrap();
                sleep(HEAD_TIMEOUT * 9 / 10).await;
            }
            client.write_all(b"?").await.unwrap();
        };
        let (stream, ()) = tokio::join!(served, requests);
        assert_eq!(read(&mut stream.unwrap()).await, b"?");
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_is_silent_after_a_response_is_disconnected() {
        for sent in [b"line\n", b"~ask\n"] {
            let (mut client, served, _stop) = connection(b"answer");
            let served = tokio::task::spawn_local(served);
            let requests = async {
                let mut responded = Instant::now();
                for line in [b"line\n", sent, b"line\n", sent] {
                    client.write_all(line).await.unwrap();
                    client.read_exact(&mut [0; 6]).await.unwrap();
                    responded = Instant::now();
                    sleep(HEAD_TIMEOUT * 2 / 3).await;
                }
                assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
                responded.elapsed()
            };
            let (stream, silent) = tokio::join!(served, requests);
            assert!(stream.unwrap().is_none());
            assert_eq!(silent.as_secs(), HEAD_TIMEOUT.as_secs());
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_stop_ends_the_wait_after_a_response() {
        let (mut client, served, stop) = connection(b"answer");
        let served = tokio::task::spawn_local(served);
        let requests = async {
            for _ in 0..3 {
                client.write_all(b"line\n").await.unwrap();
                client.read_exact(&mut [0; 6]).await.unwrap();
            }
            stop.send_replace(true);
            Instant::now()
        };
        let (stream, stopped) = tokio::join!(served, requests);
        assert!(stream.unwrap().is_some());
        assert_eq!(stopped.elapsed().as_secs(), 0);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_stop_during_a_request_takes_effect_after_the_response() {
        let (mut client, served, stop) = connection(b"answer");
        let served = tokio::task::spawn_local(served);
        let requests = async {
            client.write_all(b"line\n~ask\n").await.unwrap();
            client.read_exact(&mut [0; 6]).await.unwrap();
            sleep(A_WHILE / 2).await;
            stop.send_replace(true);
            client.read_exact(&mut [0; 6]).await.unwrap();
            Instant::now()
        };
        let (stream, responded) = tokio::join!(served, requests);
        assert!(stream.unwrap().is_some());
        assert_eq!(responded.elapsed().as_secs(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_no_response_is_disconnected() {
        static LONG: [u8; 4 << 20] = [b'x'; 4 << 20];
        let (mut client, served, _stop) = connection(&LONG);
        client.write_all(b"line\n").await.unwrap();
        let started = Instant::now();
        assert!(served.await.is_none());
        assert_eq!(started.elapsed().as_secs(), HEAD_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_gets_the_whole_response() {
        static LONG: [u8; 4 << 20] = [b'x'; 4 << 20];
        let (mut client, served, _stop) = connection(&LONG);
        let reading = async {
            client.write_all(b"line\n?").await.unwrap();
            let mut bytes = vec![0; LONG.len()];
            client.read_exact(&mut bytes).await.unwrap();
            bytes
        };
        let (stream, bytes) = tokio::join!(served, reading);
        assert!(stream.is_some() && bytes == LONG);
    }

    #[tokio::test(start_paused = true)]
    async fn the_fallback_reads_unhandled_bytes_first() {
        let long = [&[b'x'; MAX_UNREAD][..], b"\n"].concat();
        for (sent, responses, left) in
            [(&b"one\ntwo\n?three"[..], 2, &b"?three"[..]), (b"?", 0, b"?"), (&long, 0, &long)]
        {
            let (mut client, served, _stop) = connection(b"answer");
            client.write_all(sent).await.unwrap();
            let mut stream = served.await.unwrap();
            client.write_all(b" more").await.unwrap();
            let mut found = read(&mut stream).await;
            while found.len() < left.len() + 5 {
                found.extend(read(&mut stream).await);
            }
            assert_eq!(found, [left, b" more"].concat());
            client.read_exact(&mut vec![0; 6 * responses]).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_of_input_within_a_head_is_left_to_the_fallback() {
        for (sent, is_fallback) in [(&b""[..], false), (b"line\n", false), (b"incomplete", true)] {
            let (mut client, served, _stop) = connection(b"answer");
            client.write_all(sent).await.unwrap();
            client.shutdown().await.unwrap();
            assert_eq!(served.await.is_some(), is_fallback, "{sent:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_takes_effect_before_the_next_response() {
        for sent in [&b""[..], b"line\n"] {
            let (mut client, served, stop) = connection(b"answer");
            client.write_all(sent).await.unwrap();
            stop.send_replace(true);
            let stream = served.await;
            assert!(stream.is_some(), "{sent:?}");
            drop(stream);
            // With unread bytes, the end of a Unix socket is an error.
            assert!(matches!(client.read(&mut [0]).await, Ok(0) | Err(_)), "there was a response");
        }
    }
}
