//! Opens a connection for a request, or a stream on one of HTTP/2.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::connect::{TlsSettings, connect};
use super::connections::{ConnectionGuard, CountedConnection};
use super::http2::{Opened, RequestPlace};
use super::route::Protocol;
use super::translated::StreamFailure;
use super::{ClientError, Proxy, Route, TimedOutStep, UpstreamError, translated};
use crate::config::upstream_address::UpstreamAddress;
use crate::net::client::ClientConnection;
use crate::net::memory_pipe::memory_pipe;
use crate::net::pipe::AbortOnDrop;
use crate::net::pipe_body::PipeBody;
use crate::net::stream::Stream;

/// A connection for a request.
pub(super) struct OpenedConnection {
    pub(super) stream: Stream,
    pub(super) guard: ConnectionGuard,
    /// False if it is a stream of a connection that has carried other requests.
    pub(super) is_new: bool,
}

/// Where a connection leads, and how.
#[derive(Clone)]
struct Target {
    address: UpstreamAddress,
    tls: TlsSettings,
    protocol: Protocol,
    max_connections: usize,
}

impl Target {
    fn new(route: &Route<'_>, protocol: Protocol) -> Self {
        let Route { upstream, tls, max_connections, .. } = *route;
        Self { address: upstream.clone(), tls: tls.clone(), protocol, max_connections }
    }
}

impl Proxy {
    /// Opens a connection, unless the client leaves meanwhile.
    pub(super) async fn connect(
        &self,
        route: &Route<'_>,
        protocol: Protocol,
        client: &mut ClientConnection,
    ) -> Result<OpenedConnection, UpstreamError> {
        tokio::select! {
            biased;
            opened = self.open_in_time(route, protocol) => opened,
            () = poll_fn(|cx| client.poll_gone_before_response(cx)) => Err(ClientError::BrokeOff.into()),
        }
    }

    /// Opens a connection within the limits on their number and on the time.
    async fn open_in_time(
        &self,
        route: &Route<'_>,
        protocol: Protocol,
    ) -> Result<OpenedConnection, UpstreamError> {
        let after = route.connect_timeout;
        let step = Cell::new(TimedOutStep::Connect);
        match timeout(after, self.open(&Target::new(route, protocol), &step)).await {
            Ok(opened) => opened.map_err(UpstreamError::Connect),
            Err(_) => Err(UpstreamError::TimedOut { step: step.get(), after }),
        }
    }

    async fn open(&self, target: &Target, step: &Cell<TimedOutStep>) -> io::Result<OpenedConnection> {
        let opened = if target.protocol == Protocol::Http1 {
            let (stream, counted) = self.open_stream(target, step).await?;
            Opened::Http1(stream, counted)
        } else {
            self.place(target, step).await?
        };
        match opened {
            Opened::Place(place) => Ok(self.open_on(place, target)),
            Opened::Http1(stream, counted) => {
                let guard = ConnectionGuard::Whole { _counted: counted };
                Ok(OpenedConnection { stream, guard, is_new: true })
            }
        }
    }

    /// Opens a stream on a connection of HTTP/2.
    fn open_on(&self, place: RequestPlace, target: &Target) -> OpenedConnection {
        let is_new = place.is_new;
        let (stream, pipe) = memory_pipe();
        let (proxy, target) = (self.clone(), target.clone());
        let scheme = target.address.http_scheme();
        let send = async move |request| proxy.send(request, place, &target).await;
        let failure = StreamFailure::default();
        let task = tokio::task::spawn_local(translated::run(pipe, scheme, send, failure.clone()));
        let guard = ConnectionGuard::Stream { _task: AbortOnDrop::new(task.abort_handle()), failure };
        OpenedConnection { stream: Stream::Pipe(stream), guard, is_new }
    }

    /// Sends a request over HTTP/2. If the upstream has just closed the connection and taken nothing of it, it is sent over
    /// another one.
    async fn send(
        &self,
        request: Request<PipeBody>,
        mut place: RequestPlace,
        target: &Target,
    ) -> io::Result<(Response<Incoming>, RequestPlace)> {
        let mut error = match place.sender.try_send_request(request).await {
            Ok(response) => return Ok((response, place)),
            Err(error) => error,
        };
        let Some(request) = error.take_message() else { return Err(io::Error::other(error.into_error())) };
        place = match self.place(target, &Cell::new(TimedOutStep::Connect)).await? {
            Opened::Place(place) => place,
            Opened::Http1(..) => return Err(io::Error::other("it no longer speaks HTTP/2")),
        };
        let response = place.sender.send_request(request).await.map_err(io::Error::other)?;
        Ok((response, place))
    }

    async fn place(&self, target: &Target, step: &Cell<TimedOutStep>) -> io::Result<Opened> {
        let open = self.open_stream(target, step);
        self.http2.place((&target.address, &target.tls), self.pool.contention(), open).await
    }

    async fn open_stream(
        &self,
        target: &Target,
        step: &Cell<TimedOutStep>,
    ) -> io::Result<(Stream, CountedConnection)> {
        step.set(TimedOutStep::Turn);
        let counted = self.pool.connections().open(target.max_connections, self.pool.contention()).await;
        step.set(TimedOutStep::Connect);
        let offers_http2 = target.protocol == Protocol::Negotiated;
        let stream =
            connect(&target.address, &target.tls, offers_http2, &self.names, &self.connector).await?;
        Ok((stream, counted))
    }
}
