//! One client's connection, from accept to close.

use std::cell::Cell;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::sync::watch;
use tracing::debug;

use super::stream::Stream;
use super::{Service, at_once};
use crate::filters::proxy::Peer;

/// How long a client may take over the head of a request; an idle connection is closed after as long.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves a connection of `address` (`None`: a Unix socket) until it ends, or until `stopped`, and then until its current
/// request has been answered. It spawns local tasks: use it within a
/// [`LocalRuntime`](tokio::runtime::LocalRuntime).
pub async fn serve<S: Service>(
    stream: Stream,
    address: Option<IpAddr>,
    service: S,
    mut stopped: watch::Receiver<bool>,
) {
    let peer = Rc::new(Peer::new(address));
    let Some(stream) = at_once::serve(stream, &service, &peer, &mut stopped).await else { return };
    let begun = Rc::new(Cell::new(false));
    let requests = service_fn(|request| {
        begun.set(true);
        service.clone().answer(request, Rc::clone(&peer))
    });
    let builder = builder();
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), requests));
    let mut expiry = pin!(tokio::time::sleep(HEAD_TIMEOUT));
    let mut expires = true;
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    debug!("connection of {address:?} ended: {error}");
                }
                return;
            }
            _ = stopped.wait_for(|stopped| *stopped), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            // hyper's own timer starts once the protocol is known, for which it waits without end.
            () = &mut expiry, if expires => {
                if !begun.get() {
                    return;
                }
                expires = false;
            }
        }
    }
}

fn builder() -> Builder<LocalExecutor> {
    let mut builder = Builder::new(LocalExecutor);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIMEOUT)
        .keep_alive_timeout(HEAD_TIMEOUT)
        .max_concurrent_streams(128);
    builder
}

/// Runs the streams of an HTTP/2 connection on its own thread.
#[derive(Clone, Copy, Debug)]
struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
