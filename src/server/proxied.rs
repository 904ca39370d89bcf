//! The beginning of a connection from a proxy that speaks the PROXY protocol.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{debug, warn};

use crate::config::duration;
use crate::log_interval::LogInterval;
use crate::net::peer::Peer;
use crate::net::proxy_header::{MAX_PROXY_HEADER, ProxyHeader};
use crate::net::stream::Stream;

/// Reads the header that the proxy at `address` must begin with (`None` for a Unix socket), and nothing after it,
/// within a limit that holds whatever comes meanwhile. Returns the client of the proxy; `None` if the connection must be
/// closed, which is logged.
pub(super) async fn client_of_proxy(
    stream: &mut Stream,
    address: Option<IpAddr>,
    limit: Duration,
) -> Option<Peer> {
    match timeout(limit, read_header(stream)).await {
        Ok(Ok(Some(header))) => Some(Peer::behind_proxy(header.client)),
        Ok(Ok(None)) => {
            debug!("{} has connected without a PROXY header and left", Peer::new(address));
            None
        }
        Ok(Err(error)) => {
            warn_of(address, &error.to_string());
            None
        }
        Err(_) => {
            let limit = duration::format(limit);
            warn_of(address, &format!("it is not complete after `[limits] handshake_timeout`, {limit}"));
            None
        }
    }
}

/// Reads a header; `None` if the connection ends before its first byte, as those of some health checks do.
async fn read_header(stream: &mut Stream) -> io::Result<Option<ProxyHeader>> {
    let mut buffer = vec![0; MAX_PROXY_HEADER];
    let mut taken = 0;
    loop {
        // A header is at most as long as the buffer, so that there is room as long as one is incomplete.
        let seen = stream.peek(buffer.get_mut(taken..).unwrap_or_default()).await?;
        if seen == 0 {
            return if taken == 0 {
                Ok(None)
            } else {
                Err(io::Error::other("the connection has ended within it"))
            };
        }
        let header =
            ProxyHeader::parse(buffer.get(..taken + seen).unwrap_or_default()).map_err(io::Error::other)?;
        let end = header.map_or(taken + seen, |header| header.length);
        stream.take(buffer.get_mut(taken..end).unwrap_or_default()).await?;
        taken = end;
        if header.is_some() {
            return Ok(header);
        }
    }
}

/// Logs why a connection is closed, unless a thread has logged such a line within the last minute.
fn warn_of(address: Option<IpAddr>, why: &str) {
    static WARNED: LogInterval = LogInterval::new();
    if !WARNED.is_due() {
        return;
    }
    let peer = Peer::new(address);
    warn!(
        "closed a connection from {peer}, which is in proxy_protocol: no valid PROXY header: {why}; \
         make it send one, or remove it from proxy_protocol"
    );
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixStream;
    use tokio::time::{Instant, sleep};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_header_has_a_time_limit_that_no_trickle_extends() {
        let line = b"PROXY UNKNOWN of a client that takes its time\r\n";
        for sent in [&b""[..], line] {
            let (mut client, ours) = UnixStream::pair().unwrap();
            let (begun, mut stream) = (Instant::now(), Stream::from(ours));
            let trickle = async {
                for byte in sent {
                    client.write_all(&[*byte]).await.unwrap();
                    sleep(Duration::from_secs(1)).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                client = client_of_proxy(&mut stream, None, LIMIT) => assert!(client.is_none()),
                () = trickle => {}
            }
            assert_eq!(begun.elapsed().as_secs(), 10);
        }
    }

    #[tokio::test]
    async fn nothing_after_the_header_is_taken() {
        let (mut client, ours) = UnixStream::pair().unwrap();
        let mut stream = Stream::from(ours);
        client.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /").await.unwrap();
        let peer = client_of_proxy(&mut stream, None, LIMIT).await.unwrap();
        assert_eq!(peer.address_text(), Some("192.0.2.1"));
        drop(client);
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "GET /");
    }

    #[tokio::test]
    async fn a_connection_that_ends_within_the_header_has_no_client() {
        for sent in [&b""[..], b"PROXY TCP4"] {
            let (mut client, ours) = UnixStream::pair().unwrap();
            client.write_all(sent).await.unwrap();
            drop(client);
            assert!(client_of_proxy(&mut ours.into(), None, LIMIT).await.is_none());
        }
    }
}
