//! Opens a connection for a request, or a stream on one of HTTP/2.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::connect::connect;
use super::connections::{ConnectionGuard, Turn};
use super::http2::Opened;
use super::route::Protocol;
use super::shared_connection::RequestPlace;
use super::target::Target;
use super::translated::StreamFailure;
use super::{ClientError, ForwardError, Proxy, TimedOutStep, UpstreamError, translated};
use crate::http1::request::Version;
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

impl Proxy {
    /// Opens a connection, unless the client leaves meanwhile.
    pub(super) async fn connect(
        &self,
        target: Target,
        client: &mut ClientConnection,
    ) -> Result<OpenedConnection, ForwardError> {
        tokio::select! {
            biased;
            opened = self.open_in_time(&target, client.version()) => Ok(opened?),
            () = poll_fn(|cx| client.poll_gone_before_response(cx)) => Err(ClientError::BrokeOff.into()),
        }
    }

    /// Opens a connection within the limits on their number and on the time.
    async fn open_in_time(
        &self,
        target: &Target,
        version: Version,
    ) -> Result<OpenedConnection, UpstreamError> {
        let after = target.connect_timeout;
        let own = Cell::default();
        let step = if target.protocol == Protocol::Http1 { &own } else { &self.http2.step };
        match timeout(after, self.open(target, version, step)).await {
            Ok(opened) => opened.map_err(UpstreamError::Connect),
            Err(_) => Err(UpstreamError::TimedOut { step: step.get(), after }),
        }
    }

    async fn open(
        &self,
        target: &Target,
        version: Version,
        step: &Cell<TimedOutStep>,
    ) -> io::Result<OpenedConnection> {
        let opened = if target.protocol == Protocol::Http1 {
            self.open_connection(target, step).await?
        } else {
            self.place(target).await?
        };
        match opened {
            Opened::Place(place) => Ok(self.open_on(place, target, version)),
            Opened::Connection(stream, counted) => {
                let guard = ConnectionGuard::Whole { _counted: counted };
                Ok(OpenedConnection { stream, guard, is_new: true })
            }
        }
    }

    /// Opens a stream on a connection of HTTP/2, for a client of this version.
    fn open_on(&self, place: RequestPlace, target: &Target, version: Version) -> OpenedConnection {
        let is_new = place.is_new;
        let (stream, pipe) = memory_pipe();
        let (proxy, mut target) = (self.clone(), target.clone());
        // The connection has carried other requests, and this one may need another one.
        if target.protocol == Protocol::Http1 {
            target.protocol = Protocol::Negotiated;
        }
        let scheme = target.address.http_scheme();
        let send = async move |request| proxy.send(request, place, &target).await;
        let failure = StreamFailure::default();
        let task = tokio::task::spawn_local(translated::run(pipe, scheme, version, send, failure.clone()));
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
        place = match self.place(target).await? {
            Opened::Place(place) => place,
            Opened::Connection(..) => return Err(io::Error::other("it no longer speaks HTTP/2")),
        };
        let response = place.sender.send_request(request).await.map_err(io::Error::other)?;
        Ok((response, place))
    }

    async fn place(&self, target: &Target) -> io::Result<Opened> {
        let open = self.open_connection(target, &self.http2.step);
        self.http2.place(target, self.pool.connections(), open).await
    }

    /// Opens a connection, unless there are too many and another one of any thread has a place.
    async fn open_connection(&self, target: &Target, step: &Cell<TimedOutStep>) -> io::Result<Opened> {
        step.set(TimedOutStep::Turn);
        let mut counted = match self.pool.connections().turn(target).await {
            Turn::Connection(counted) => counted,
            Turn::Place(place) => return Ok(Opened::Place(place)),
        };
        counted.take_descriptor().await;
        step.set(TimedOutStep::Connect);
        let offers_http2 = target.protocol == Protocol::Negotiated;
        let stream =
            connect(&target.address, &target.tls, offers_http2, &self.names, &self.connector).await?;
        Ok(Opened::Connection(stream, counted))
    }
}
