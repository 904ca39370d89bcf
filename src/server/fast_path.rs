//! The beginning of a connection, while each of its requests can be answered as soon as its head is there.

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

/// Answers what can be answered at once. Gives the connection back once something else is to be done with it, with what
/// was read of it and not answered, which begins with a whole head unless the server stops or the client has left; none
/// where it has ended, or the client takes too long over a head or an answer.
pub(super) async fn serve<S: Service>(
    mut stream: Stream,
    service: &S,
    peer: &Peer,
    stopped: &mut watch::Receiver<bool>,
) -> Option<Stream> {
    let told = stopped.clone();
    let mut stopped = pin!(stopped.wait_for(|stopped| *stopped));
    let mut unread = ReadBuffer::new();
    // The first byte of the head that is not whole yet; where there is none, the end of the last answer.
    let mut since = Instant::now();
    let mut expiry = pin!(sleep(HEAD_TIMEOUT));
    // Who is woken when it stops or expires.
    let mut known: Option<Waker> = None;
    loop {
        let is_first = unread.bytes().is_empty();
        let came = poll_fn(|cx| {
            if let Poll::Ready(read) = stream.poll_read_into(cx, unread.room()) {
                return Poll::Ready(ClientEvent::Read(read));
            }
            // To register anew for each request would be most of what waiting costs.
            let is_known = known.as_ref().is_some_and(|known| known.will_wake(cx.waker()));
            if is_known && !is_told(&told) && !expiry.is_elapsed() {
                return Poll::Pending;
            }
            if stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(ClientEvent::Stop);
            }
            if expiry.as_mut().poll(cx).is_ready() {
                return Poll::Ready(ClientEvent::Expiry);
            }
            known = Some(cx.waker().clone());
            Poll::Pending
        });
        match came.await {
            ClientEvent::Read(Ok(length @ 1..)) => unread.filled(length),
            // It may have ended within a head.
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
                known = None;
                continue;
            }
        }
        // Whoever never pauses is to be told that it ends.
        if is_told(&told) {
            break;
        }
        let FastPathOutcome { any, next } =
            answer(&mut stream, &mut unread, service, peer, &told).await.ok()?;
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

/// What ends a wait for the client.
enum ClientEvent {
    Read(io::Result<usize>),
    Stop,
    Expiry,
}

/// Whether the server was told to stop.
fn is_told(told: &watch::Receiver<bool>) -> bool {
    told.has_changed().unwrap_or(true)
}

/// What became of the bytes of a client.
struct FastPathOutcome {
    /// Whether they had a request that was answered.
    any: bool,
    /// Breaks at a request that cannot be answered at once.
    next: ControlFlow<()>,
}

/// Answers all requests whose heads are there and that can be answered at once.
async fn answer<S: Service>(
    stream: &mut Stream,
    unread: &mut ReadBuffer,
    service: &S,
    peer: &Peer,
    told: &watch::Receiver<bool>,
) -> io::Result<FastPathOutcome> {
    let mut any = false;
    while !unread.bytes().is_empty() {
        match service.at_once(unread.bytes(), peer) {
            FastPath::Answer { head, answer } => {
                unread.answered(head);
                write(stream, &answer).await?;
            }
            FastPath::Relay { head, relay } => {
                let mut client = ClientConnection::new(stream, unread, told);
                match service.relay(relay, peer, &mut client).await {
                    ControlFlow::Continue(()) => unread.answered(head),
                    ControlFlow::Break(()) => return Err(io::ErrorKind::ConnectionAborted.into()),
                }
            }
            FastPath::Incomplete if unread.bytes().len() < MAX_UNREAD => break,
            FastPath::Incomplete | FastPath::Other => {
                return Ok(FastPathOutcome { any, next: ControlFlow::Break(()) });
            }
        }
        any = true;
    }
    Ok(FastPathOutcome { any, next: ControlFlow::Continue(()) })
}

/// Writes an answer; mostly the system takes it whole.
async fn write(stream: &mut Stream, answer: &[u8]) -> io::Result<()> {
    let taken = match stream.try_write(answer) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        taken => taken?,
    };
    match answer.get(taken..) {
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

    /// Answers each line; one that begins with `?` it cannot answer at once, and one with `~` is passed on to where the answer
    /// takes [`A_WHILE`].
    #[derive(Clone)]
    struct Lines(Bytes);

    impl Service for Lines {
        type Body = Empty<Bytes>;
        type Relay = ();

        async fn answer(
            self,
            _: Request<Incoming>,
            _: Rc<Peer>,
        ) -> Result<Response<Empty<Bytes>>, Infallible> {
            Ok(Response::default())
        }

        async fn relay(&self, (): (), _: &Peer, client: &mut ClientConnection<'_>) -> ControlFlow<()> {
            sleep(A_WHILE).await;
            client.write(&self.0).await.unwrap();
            ControlFlow::Continue(())
        }

        fn at_once(&self, unread: &[u8], _: &Peer) -> FastPath<()> {
            match unread.iter().position(|&byte| byte == b'\n') {
                _ if unread.starts_with(b"?") => FastPath::Other,
                Some(end) if unread.starts_with(b"~") => FastPath::Relay { head: end + 1, relay: () },
                Some(end) => FastPath::Answer { head: end + 1, answer: self.0.clone() },
                None => FastPath::Incomplete,
            }
        }
    }

    const A_WHILE: Duration = Duration::from_secs(HEAD_TIMEOUT.as_secs() * 2 / 3);

    /// A client, and what comes of its connection. Where it matters what wakes it, that is to be a task of its own: a client
    /// in the same one wakes both.
    fn connection(
        answer: &'static [u8],
    ) -> (UnixStream, impl Future<Output = Option<Stream>> + 'static, watch::Sender<bool>) {
        let (client, ours) = UnixStream::pair().unwrap();
        let (stop, mut stopped) = watch::channel(false);
        let served = async move {
            let service = Lines(Bytes::from_static(answer));
            serve(ours.into(), &service, &Peer::new(None), &mut stopped).await
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
    async fn a_client_that_says_nothing_is_left() {
        let (mut client, served, _stop) = connection(b"answer");
        let begun = Instant::now();
        assert!(served.await.is_none());
        assert_eq!(begun.elapsed().as_secs(), HEAD_TIMEOUT.as_secs());
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_asks_in_time_again_and_again_is_served_for_as_long() {
        let (mut client, served, _stop) = connection(b"answer");
        let asking = async {
            for _ in 0..10 {
                client.write_all(b"line\n").await.unwrap();
                client.read_exact(&mut [0; 6]).await.unwrap();
                sleep(HEAD_TIMEOUT * 9 / 10).await;
            }
            client.write_all(b"?").await.unwrap();
        };
        let (stream, ()) = tokio::join!(served, asking);
        assert_eq!(read(&mut stream.unwrap()).await, b"?");
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_was_answered_and_says_no_more_is_left_as_soon() {
        for sent in [b"line\n", b"~ask\n"] {
            let (mut client, served, _stop) = connection(b"answer");
            let served = tokio::task::spawn_local(served);
            let asking = async {
                let mut answered = Instant::now();
                for line in [b"line\n", sent, b"line\n", sent] {
                    client.write_all(line).await.unwrap();
                    client.read_exact(&mut [0; 6]).await.unwrap();
                    answered = Instant::now();
                    sleep(HEAD_TIMEOUT * 2 / 3).await;
                }
                assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
                answered.elapsed()
            };
            let (stream, silent) = tokio::join!(served, asking);
            assert!(stream.unwrap().is_none());
            assert_eq!(silent.as_secs(), HEAD_TIMEOUT.as_secs());
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_server_that_stops_ends_the_wait_of_a_client_that_was_answered() {
        let (mut client, served, stop) = connection(b"answer");
        let served = tokio::task::spawn_local(served);
        let asking = async {
            for _ in 0..3 {
                client.write_all(b"line\n").await.unwrap();
                client.read_exact(&mut [0; 6]).await.unwrap();
            }
            stop.send_replace(true);
            Instant::now()
        };
        let (stream, stopped) = tokio::join!(served, asking);
        assert!(stream.unwrap().is_some());
        assert_eq!(stopped.elapsed().as_secs(), 0);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_server_that_stops_while_a_request_is_out_hands_its_connection_on_behind_the_answer() {
        let (mut client, served, stop) = connection(b"answer");
        let served = tokio::task::spawn_local(served);
        let asking = async {
            client.write_all(b"line\n~ask\n").await.unwrap();
            client.read_exact(&mut [0; 6]).await.unwrap();
            sleep(A_WHILE / 2).await;
            stop.send_replace(true);
            client.read_exact(&mut [0; 6]).await.unwrap();
            Instant::now()
        };
        let (stream, answered) = tokio::join!(served, asking);
        assert!(stream.unwrap().is_some());
        assert_eq!(answered.elapsed().as_secs(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_no_answer_is_left() {
        static LONG: [u8; 4 << 20] = [b'x'; 4 << 20];
        let (mut client, served, _stop) = connection(&LONG);
        client.write_all(b"line\n").await.unwrap();
        let begun = Instant::now();
        assert!(served.await.is_none());
        assert_eq!(begun.elapsed().as_secs(), HEAD_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_gets_all_of_an_answer() {
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
    async fn what_was_read_and_not_answered_comes_first_for_whoever_goes_on() {
        let long = [&[b'x'; MAX_UNREAD][..], b"\n"].concat();
        for (sent, answers, left) in
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
            client.read_exact(&mut vec![0; 6 * answers]).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_is_an_end_unless_it_is_within_a_head() {
        for (sent, goes_on) in [(&b""[..], false), (b"line\n", false), (b"half", true)] {
            let (mut client, served, _stop) = connection(b"answer");
            client.write_all(sent).await.unwrap();
            client.shutdown().await.unwrap();
            assert_eq!(served.await.is_some(), goes_on, "{sent:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_hands_the_connection_on_before_the_next_answer() {
        for sent in [&b""[..], b"line\n"] {
            let (mut client, served, stop) = connection(b"answer");
            client.write_all(sent).await.unwrap();
            stop.send_replace(true);
            let stream = served.await;
            assert!(stream.is_some(), "{sent:?}");
            drop(stream);
            // What it had not read makes the end of a Unix socket an error.
            assert!(matches!(client.read(&mut [0]).await, Ok(0) | Err(_)), "something was answered");
        }
    }
}
