//! Connects to one of several addresses (RFC 8305).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

/// The time after which the next address is tried too (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first of these addresses that accepts. The next one is tried when an attempt fails, or after
/// `ATTEMPT_DELAY`; attempts that were begun go on meanwhile, as long as `may_open` returns something for each descriptor beyond
/// the first. It is kept until the attempt ends.
///
/// # Errors
/// No address accepts. The error is that of the last attempt.
pub async fn connect<D: Send + 'static>(
    addresses: &[IpAddr],
    port: u16,
    may_open: impl Fn() -> Option<D>,
) -> io::Result<TcpStream> {
    let mut addresses = interleave(addresses).map(|address| SocketAddr::new(address, port)).peekable();
    let mut attempts = JoinSet::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    loop {
        match addresses.next() {
            Some(address) if attempts.is_empty() && addresses.peek().is_none() => {
                return TcpStream::connect(address).await;
            }
            Some(address) => {
                let descriptor = if attempts.is_empty() { None } else { may_open() };
                if descriptor.is_none() {
                    // The descriptor of an attempt that has not answered goes to this one.
                    attempts.shutdown().await;
                }
                attempts.spawn(async move {
                    let _descriptor = descriptor;
                    TcpStream::connect(address).await
                });
            }
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        let ended = attempts.join_next();
        let ended =
            if addresses.peek().is_some() { timeout(ATTEMPT_DELAY, ended).await } else { Ok(ended.await) };
        match ended.map(|attempt| attempt.map(flatten)) {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(error))) => failure = error,
            Ok(None) | Err(_) => {}
        }
    }
}

fn flatten(attempt: Result<io::Result<TcpStream>, JoinError>) -> io::Result<TcpStream> {
    attempt.unwrap_or_else(|error| Err(error.into()))
}

/// Alternates between the two families, in the order of each, beginning with that of the first address (RFC 8305, section 4).
fn interleave(addresses: &[IpAddr]) -> impl Iterator<Item = IpAddr> {
    let is_ipv4 = addresses.first().is_some_and(IpAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.iter().partition(|address| address.is_ipv4() == is_ipv4);
    let rounds = first.len().max(second.len());
    (0..rounds).flat_map(move |round| [first.get(round).copied(), second.get(round).copied()]).flatten()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    const FIRST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    const THIRD: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

    #[test]
    fn the_families_alternate() {
        for (addresses, expected) in [
            ("", ""),
            ("192.0.2.1", "192.0.2.1"),
            ("::1 ::2 192.0.2.1 ::3 192.0.2.2", "::1 192.0.2.1 ::2 192.0.2.2 ::3"),
            ("192.0.2.1 192.0.2.2 192.0.2.3 ::1", "192.0.2.1 ::1 192.0.2.2 192.0.2.3"),
        ] {
            let addresses: Vec<IpAddr> =
                addresses.split_whitespace().map(|text| text.parse().unwrap()).collect();
            let order: Vec<_> = interleave(&addresses).map(|address| address.to_string()).collect();
            assert_eq!(order.join(" "), expected);
        }
    }

    /// A socket that drops connection requests, since its queue is full; and the connection that fills it.
    fn blackhole(address: SocketAddr) -> (Socket, Vec<std::net::TcpStream>) {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.bind(&address.into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let short = Duration::from_millis(50);
        let connect = || std::net::TcpStream::connect_timeout(&address, short).ok();
        let queued = std::iter::from_fn(connect).collect();
        (socket, queued)
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_is_passed_over_after_250_ms() {
        let listener = TcpListener::bind((FIRST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let _dead = blackhole((SECOND, port).into());
        let begun = Instant::now();
        let stream = connect(&[SECOND, FIRST], port, || Some(())).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), FIRST);
        assert!(
            begun.elapsed() >= ATTEMPT_DELAY && begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
    }

    #[tokio::test]
    async fn without_another_descriptor_an_address_that_does_not_answer_is_given_up_for_the_next() {
        let listener = TcpListener::bind((FIRST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let _dead = [blackhole((SECOND, port).into()), blackhole((THIRD, port).into())];
        let asked = std::cell::Cell::new(0);
        let none = || {
            asked.set(asked.get() + 1);
            None::<()>
        };
        let stream = connect(&[SECOND, THIRD, FIRST], port, none).await.unwrap();
        assert_eq!((stream.peer_addr().unwrap().ip(), asked.get()), (FIRST, 2));
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_passed_over_at_once() {
        let listener = TcpListener::bind((FIRST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let refusing = [SECOND, Ipv6Addr::LOCALHOST.into(), THIRD];
        for addresses in [[&refusing[..], &[FIRST]].concat(), [&[FIRST], &refusing[..]].concat()] {
            let stream = connect(&addresses, port, || Some(())).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap().ip(), FIRST);
        }
        let error = connect(&refusing, port, || Some(())).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = connect(&[], port, || Some(())).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn an_address_that_answers_late_still_wins_over_those_that_refuse() {
        let dead = blackhole((FIRST, 0).into());
        let port = dead.0.local_addr().unwrap().as_socket().unwrap().port();
        let (socket, mut queued) = dead;
        let connecting = tokio::spawn(async move { connect(&[FIRST, SECOND], port, || Some(())).await });
        // The kernel repeats the request after a second, and by then there is space in the queue.
        tokio::task::yield_now().await;
        queued.clear();
        while socket.accept().is_err() {}
        assert!(connecting.await.unwrap().is_ok());
    }
}
