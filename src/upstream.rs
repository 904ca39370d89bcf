//! Forwards requests to an upstream over HTTP/1.1, and the responses back.
//!
//! Each thread has its own connections, and bodies stay hyper's own [`Incoming`], so that a request needs no lock, no box
//! and no copy of its body. Plain requests, which most are, are forwarded as bytes by [`relay`].
//!
//! hyper does not forward 1xx responses other than 101 (its server sends a 100 itself when the upstream asks for the
//! body), nor trailers unless a Trailer field announces them and the client accepts them (`TE: trailers`).

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
    /// Trusts the system's root certificates, which are read when they are first needed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts these root certificates only.
    pub fn with_roots(roots: RootCertStore) -> Result<Self, rustls::Error> {
        Ok(Self { roots: Roots::given(roots)?, ..Self::default() })
    }

    /// Forwards a request, and returns the upstream's response when its head has been received.
    ///
    /// Dropping the future or the response's body cancels the request at the upstream. The response is 501 to CONNECT (RFC
    /// 9110, section 9.3.6) and to a transfer coding other than chunked (RFC 9112, section 6.1), and 400 to a target
    /// without a path.
    ///
    /// # Errors
    /// There is no response, because of the upstream or of the client ([`UpstreamError::client_fault`]).
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
        let upgrade = Upgrade::from_request(&mut request);
        headers::strip_request(request.headers_mut(), route.trusted);
        forwarded::set(request.headers_mut(), route);
        headers::set_version(&mut request);
        if let Some(upgrade) = &upgrade {
            headers::insert_upgrade(request.headers_mut(), upgrade.protocols());
        }
        let idle = self.pool.idle(route.upstream);
        let (response, connection) = self.send(request, route, &idle).await?;
        finish(response, connection, idle, upgrade)
    }

    /// Sends the request over an idle connection, or over a new one.
    ///
    /// An idle connection may be dead. If nothing of the request was sent, it is sent over the next one. If it may be
    /// repeated (RFC 9110, section 9.2.2) and no byte was received, it is repeated once, over a new one.
    async fn send(
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
                    Some(spare) if !connection.has_received() => {
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

    /// An idle connection of this pool; if there is none, one of the relays.
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

const UNREQUESTED_PROTOCOL: &str = "it switched to a protocol that was not requested";
const INVALID_LENGTH: &str = "its Content-Length is invalid";
const UNREQUESTED_CODING: &str = "it has a transfer coding that was not requested";

/// Makes the upstream's response the one that the client gets.
fn finish(
    mut response: Response<Incoming>,
    mut connection: Connection,
    idle: Rc<Idle<Connection>>,
    upgrade: Option<Upgrade>,
) -> Result<Response<UpstreamBody>, UpstreamError> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return switch(response, connection, upgrade);
    }
    if !headers::is_plainly_coded(response.headers()) {
        return Err(UpstreamError::Invalid(UNREQUESTED_CODING));
    }
    // hyper sends no body of unknown length to an HTTP/1.0 server.
    if headers::drop_overridden_length(response.headers_mut()) || response.version() < Version::HTTP_11 {
        connection.retire();
    }
    if !headers::unify_length(response.headers_mut()) {
        return Err(UpstreamError::Invalid(INVALID_LENGTH));
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
    const UNREQUESTED: UpstreamError = UpstreamError::Invalid(UNREQUESTED_PROTOCOL);
    let upgrade = upgrade.ok_or(UNREQUESTED)?;
    let granted = upgrade.granted(response.headers()).ok_or(UNREQUESTED)?;
    headers::strip_response(response.headers_mut());
    headers::insert_upgrade(response.headers_mut(), granted);
    upgrade.tunnel(hyper::upgrade::on(&mut response), connection);
    Ok(response.map(|_| UpstreamBody::empty()))
}

/// Marks a response that was made without asking the upstream.
#[derive(Clone, Copy, Debug)]
pub struct NotForwarded;

fn refusal(status: StatusCode) -> Response<UpstreamBody> {
    let mut response = Response::new(UpstreamBody::empty());
    *response.status_mut() = status;
    response.extensions_mut().insert(NotForwarded);
    response
}
