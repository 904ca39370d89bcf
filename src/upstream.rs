//! Passes a request on to an upstream over HTTP/1.1, and the answer back.
//!
//! Each thread has its own connections, and bodies go through as hyper's own [`Incoming`], so that a request
//! costs no lock, no box and no copy of its body. Plain requests, which most are, go as bytes: [`relay`].
//!
//! What hyper does not let through: 1xx responses other than 101 (a 100 is sent by hyper's server once the upstream
//! has asked for the body), and trailers that no Trailer field has announced or that the client has not said to take
//! (`TE: trailers`).

mod attempt;
mod body;
mod connect;
mod forwarded;
mod headers;
mod pool;
pub mod relay;
mod route;
mod unreachable;
mod upgrade;
mod upload;

use std::rc::Rc;

use http::header::CONTENT_LENGTH;
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use rustls::RootCertStore;

use self::attempt::{AttemptError, ResponseTimer, repeatable};
pub use self::body::UpstreamBody;
use self::connect::{Io, Roots, connect};
use self::pool::{Connection, Idle, Lease, Pool};
use self::relay::Relays;
pub use self::route::{Peer, Route, Scheme};
pub use self::unreachable::{ClientError, TimedOutStep, UpstreamError};
use self::upgrade::Upgrade;
use self::upload::Upload;
use crate::config::upstream_address::UpstreamAddress;

/// One thread's connections to upstreams.
///
/// It spawns local tasks: use it within a [`LocalSet`](tokio::task::LocalSet) or a
/// [`LocalRuntime`](tokio::runtime::LocalRuntime). Clones share their connections.
#[derive(Clone, Default)]
pub struct Proxy {
    pool: Rc<Pool<Connection>>,
    relays: Rc<Relays>,
    roots: Roots,
}

impl Proxy {
    /// One that checks https upstreams against what the system trusts, read when it is first needed.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that checks https upstreams against these roots alone.
    pub fn with_roots(roots: RootCertStore) -> Result<Self, rustls::Error> {
        Ok(Self { roots: Roots::given(roots)?, ..Self::default() })
    }

    /// Passes a request on, and gives the upstream's response once its head is there.
    ///
    /// Dropping the future or the response's body ends the request at the upstream. An upstream is no
    /// proxy: a CONNECT (RFC 9110 9.3.6) is answered 501 and a target without a path 400. So is, with 501, a
    /// transfer coding other than chunked (RFC 9112 6.1).
    ///
    /// # Errors
    /// There is no response: because of the upstream, or of the client
    /// ([`UpstreamError::client_fault`]).
    pub async fn forward(
        &self,
        mut request: Request<Incoming>,
        route: &Route<'_>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        if request.method() == http::Method::CONNECT {
            return Ok(refusal(StatusCode::NOT_IMPLEMENTED));
        }
        if !headers::set_target(&mut request, || route.upstream.authority()) {
            return Ok(refusal(StatusCode::BAD_REQUEST));
        }
        if !headers::is_plainly_coded(request.headers()) {
            return Ok(refusal(StatusCode::NOT_IMPLEMENTED));
        }
        let upgrade = Upgrade::wanted(&mut request);
        headers::strip_request(request.headers_mut(), route.trusted);
        forwarded::set(request.headers_mut(), route);
        headers::set_version(&mut request);
        if let Some(upgrade) = &upgrade {
            headers::state_upgrade(request.headers_mut(), upgrade.protocols());
        }
        let idle = self.pool.idle(route.upstream);
        let (response, connection) = self.exchange(request, route, &idle).await?;
        answer(response, connection, idle, upgrade)
    }

    /// Sends the request over an idle connection, or a fresh one.
    ///
    /// An idle one may have died unnoticed. A request of which nothing was sent goes over the next, and one that
    /// may be repeated (RFC 9110 9.2.2) and got no byte in answer is repeated over a fresh one, once.
    async fn exchange(
        &self,
        request: Request<Incoming>,
        route: &Route<'_>,
        idle: &Idle<Connection>,
    ) -> Result<(Response<Incoming>, Connection), UpstreamError> {
        let (mut request, progress) = Upload::from_request(request);
        let wait = ResponseTimer { limit: route.response_timeout, progress: progress.as_deref() };
        while let Some(mut connection) = self.idle_connection(route.upstream, idle).await {
            let spare = repeatable(&request);
            match wait.for_response(&mut connection, request).await {
                Ok(response) => return Ok((response, connection)),
                Err(AttemptError::Unsent(unsent, _)) => request = *unsent,
                Err(AttemptError::Failed(UpstreamError::Broken(error))) => match spare {
                    Some(spare) if !connection.has_heard() => {
                        request = spare;
                        break;
                    }
                    _ => return Err(UpstreamError::Broken(error)),
                },
                Err(AttemptError::Failed(unreachable)) => return Err(unreachable),
            }
        }
        let mut connection = self.connect(route).await?;
        match wait.for_response(&mut connection, request).await {
            Ok(response) => Ok((response, connection)),
            Err(AttemptError::Unsent(_, error)) => Err(UpstreamError::Broken(error.into())),
            Err(AttemptError::Failed(unreachable)) => Err(unreachable),
        }
    }

    /// One that carried requests before; where there is none, one that relays have left.
    async fn idle_connection(
        &self,
        upstream: &UpstreamAddress,
        idle: &Idle<Connection>,
    ) -> Option<Connection> {
        match idle.take() {
            Some(connection) => Some(connection),
            None => Connection::begin(self.relays.idle(upstream).take()?).await.ok(),
        }
    }

    async fn connect(&self, route: &Route<'_>) -> Result<Connection, UpstreamError> {
        let io = self.open(route).await?;
        Connection::begin(io).await.map_err(|error| UpstreamError::Broken(error.into()))
    }

    async fn open(&self, route: &Route<'_>) -> Result<Io, UpstreamError> {
        let limit = route.connect_timeout;
        connect(route.upstream, limit, &self.roots).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::TimedOut => {
                UpstreamError::TimedOut { phase: TimedOutStep::Connect, after: limit }
            }
            _ => UpstreamError::Connect(error),
        })
    }
}

const UNASKED_PROTOCOL: &str = "it switched to a protocol that was not asked for";
const NO_LENGTH: &str = "its Content-Length is invalid";
const UNASKED_CODING: &str = "it has a transfer coding that was not asked for";

/// The upstream's response as the client gets it.
fn answer(
    mut response: Response<Incoming>,
    mut connection: Connection,
    idle: Rc<Idle<Connection>>,
    upgrade: Option<Upgrade>,
) -> Result<Response<UpstreamBody>, UpstreamError> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return switch(response, connection, upgrade);
    }
    if !headers::is_plainly_coded(response.headers()) {
        return Err(UpstreamError::Invalid(UNASKED_CODING));
    }
    // To an HTTP/1.0 server hyper would send no body of unknown length.
    if headers::drop_overridden_length(response.headers_mut()) || response.version() < Version::HTTP_11 {
        connection.retire();
    }
    if !headers::unify_length(response.headers_mut()) {
        return Err(UpstreamError::Invalid(NO_LENGTH));
    }
    headers::strip_response(response.headers_mut());
    if headers::has_no_body(response.status()) {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    *response.version_mut() = Version::HTTP_11;
    let lease = Lease::unless_idle(connection, idle);
    Ok(response.map(|incoming| UpstreamBody::new(incoming, lease)))
}

fn switch(
    mut response: Response<Incoming>,
    connection: Connection,
    upgrade: Option<Upgrade>,
) -> Result<Response<UpstreamBody>, UpstreamError> {
    const UNASKED: UpstreamError = UpstreamError::Invalid(UNASKED_PROTOCOL);
    let upgrade = upgrade.ok_or(UNASKED)?;
    let granted = upgrade.granted(response.headers()).ok_or(UNASKED)?;
    headers::strip_response(response.headers_mut());
    headers::state_upgrade(response.headers_mut(), granted);
    upgrade.tunnel(hyper::upgrade::on(&mut response), connection);
    Ok(response.map(|_| UpstreamBody::empty()))
}

/// Marks a response that the upstream was not asked for.
#[derive(Clone, Copy, Debug)]
pub struct NotForwarded;

fn refusal(status: StatusCode) -> Response<UpstreamBody> {
    let mut response = Response::new(UpstreamBody::empty());
    *response.status_mut() = status;
    response.extensions_mut().insert(NotForwarded);
    response
}
