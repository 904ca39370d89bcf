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
use tracing::{debug, warn};

use super::frames::FrameKind;
use super::guarded::GuardedStream;
use super::log_interval::LogInterval;
use super::open_connections::Idleness;
use super::{HEAD_TIMEOUT, Service, translated};
use crate::http1::head::MAX_HEAD;
use crate::net::client::ClientConnection;
use crate::net::peer::Peer;
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
                match (stream.flood(), ended) {
                    (Some(kind), _) => warn_of_flood(kind, &peer),
                    (None, Err(error)) => debug!("connection of {peer} ended: {error}"),
                    (None, Ok(())) => {}
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

fn warn_of_flood(kind: FrameKind, peer: &Peer) {
    static WARNED: [LogInterval; FrameKind::COUNT] = [const { LogInterval::new() }; FrameKind::COUNT];
    if WARNED.get(kind.index()).is_some_and(LogInterval::is_due) {
        warn!(
            "a client of HTTP/2 was disconnected: {peer} sent too many {kind} frames; more of them are not logged for a \
             minute"
        );
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
