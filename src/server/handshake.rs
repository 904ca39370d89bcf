//! The beginning of a connection over TLS.

use std::io;
use std::time::Duration;

use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsStream};

use crate::http1::head::{PROXY_V2, not_tls};
use crate::http1::refusal::Refusal;
use crate::net::stream::Stream;

/// The result of a handshake.
pub(super) enum Handshake {
    /// The connection is encrypted.
    Done(Stream),
    /// The client sends something else, for which it is refused.
    NotTls(Stream, Refusal),
}

/// Performs the handshake with a client over TCP, within a limit that holds whatever the client sends meanwhile.
///
/// # Errors
/// The client has left, took too long, or the two could not agree.
pub(super) async fn handshake(
    stream: Stream,
    acceptor: &TlsAcceptor,
    limit: Duration,
) -> io::Result<Handshake> {
    timeout(limit, accept(stream, acceptor)).await?
}

async fn accept(stream: Stream, acceptor: &TlsAcceptor) -> io::Result<Handshake> {
    let stream = stream.into_tcp()?;
    let mut first = [0; PROXY_V2.len()];
    let seen = stream.peek(&mut first).await?;
    if let Some(refusal) = not_tls(first.get(..seen).unwrap_or_default()) {
        return Ok(Handshake::NotTls(stream.into(), refusal));
    }
    let stream = acceptor.accept(stream).await?;
    Ok(Handshake::Done(TlsStream::Server(stream).into()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::server::ResolvesServerCertUsingSni;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::tls::server_config;

    #[tokio::test(start_paused = true)]
    async fn a_handshake_has_a_time_limit_that_no_trickle_extends() {
        let config = server_config(Arc::new(ResolvesServerCertUsingSni::new())).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for sent in [&b""[..], &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 0, 0, 0, 0, 0]] {
            let mut client = TcpStream::connect(address).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let begun = Instant::now();
            let trickle = async {
                for byte in sent {
                    client.write_all(&[*byte]).await.unwrap();
                    sleep(Duration::from_secs(1)).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                ended = handshake(stream.into(), &acceptor, Duration::from_secs(10)) => assert!(ended.is_err()),
                () = trickle => {}
            }
            assert_eq!(begun.elapsed().as_secs(), 10);
        }
    }
}
