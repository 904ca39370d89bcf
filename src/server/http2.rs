//! A connection of HTTP/2 (RFC 9113), which hyper serves.

use std::future::poll_fn;
use std::rc::Rc;

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::guarded::GuardedStream;
use super::open_connections::Idleness;
use super::{HEAD_TIMEOUT, Service, translated};
use crate::http1::head::MAX_HEAD;
use crate::net::client::ClientConnection;
use crate::net::pipe::LocalExecutor;

/// Serves a connection whose input begins with the preface, until it ends. After `stopped` it ends with the current
/// requests. It also ends when it must close, while it has no streams.
pub(super) async fn serve<S: Service>(
    client: ClientConnection,
    service: S,
    mut stopped: watch::Receiver<bool>,
    idleness: &Rc<Idleness>,
) {
    idleness.begin(Instant::now());
    let peer = Rc::clone(client.peer());
    let (stream, input) = client.into_parts();
    let stream = GuardedStream::new(stream, Bytes::copy_from_slice(input.bytes()));
    let requests = {
        let (stream, peer, idleness) = (stream.clone(), Rc::clone(&peer), Rc::clone(idleness));
        service_fn(move |request: Request<Incoming>| {
            stream.record_request();
            translated::respond(request, Rc::clone(&peer), service.clone(), idleness.open_stream())
        })
    };
    let mut connection = Box::pin(builder().serve_connection(TokioIo::new(stream.clone()), requests));
    let mut expiry = std::pin::pin!(sleep(HEAD_TIMEOUT));
    let mut is_ending = false;
    loop {
        tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    debug!("connection of {peer} ended: {error}");
                }
                return;
            }
            _ = stopped.wait_for(|stopped| *stopped), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
            // What it has sent last may not have reached the client, so it is not just dropped.
            () = poll_fn(|cx| idleness.poll_must_close(cx)), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut expiry => match stream.expiry() {
                Some(at) => expiry.as_mut().reset(at),
                None => return,
            }
        }
    }
}

fn builder() -> Builder<LocalExecutor> {
    let mut builder = Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIMEOUT)
        .keep_alive_timeout(HEAD_TIMEOUT)
        .max_concurrent_streams(128)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
    builder
}
