//! A gateway around the proxy, and peers that send and read bytes.

use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use downtime::config::upstream_address::UpstreamAddress;
use downtime::snapshot::Snapshots;
use downtime::upstream::{Proxy, Route, Scheme, UpstreamBody};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::spawn_local;
use tracing::subscriber::DefaultGuard;

/// Awaits an event that must happen within 10 s.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let deadline = Duration::from_secs(10);
    tokio::time::timeout(deadline, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come in {deadline:?}"))
}

/// How requests are forwarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// All by [`Proxy::forward`].
    Forward,
    /// As the gateway does.
    InProcessGateway,
}

/// What differs from route to route.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) way: Way,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) trusted: bool,
    pub(crate) proxy: Proxy,
}

impl Options {
    pub(crate) fn new(way: Way) -> Self {
        let timeout = Duration::from_mins(1);
        Self { way, connect_timeout: timeout, response_timeout: timeout, trusted: false, proxy: Proxy::new() }
    }

    /// Returns a config file with these options.
    fn config(&self, upstream: &str) -> String {
        let [connect, response] =
            [self.connect_timeout, self.response_timeout].map(humantime::format_duration);
        let trusted = if self.trusted { "127.0.0.1" } else { "192.0.2.0" };
        format!(
            "[server]\ntrusted_proxies = [\"{trusted}\"]\n[site]\nupstream = \"{upstream}\"\nwhen_unreachable = \"error\"\n\
             connect_timeout = \"{connect}\"\nresponse_timeout = \"{response}\"\n"
        )
    }
}

/// A gateway that forwards every request.
pub(crate) struct InProcessGateway {
    pub(crate) address: SocketAddr,
    /// Why requests failed, in their order.
    failures: Failures,
    _log: Option<DefaultGuard>,
    _stop: watch::Sender<bool>,
}

impl InProcessGateway {
    pub(crate) fn to(way: Way, upstream: &str) -> Self {
        Self::with(upstream, Options::new(way))
    }

    pub(crate) fn with(upstream: &str, options: Options) -> Self {
        let (stop, stopped) = watch::channel(false);
        let listener = narrow_listener();
        let address = listener.local_addr().expect("an address");
        let failures = Failures::default();
        let (serve, log): (Box<dyn Fn(TcpStream)>, _) = match options.way {
            Way::Forward => (forwarding(upstream, options, &failures), None),
            Way::InProcessGateway => (gateway(upstream, options, stopped), Some(failures.of_the_log())),
        };
        spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                serve(stream);
            }
        });
        Self { address, failures, _log: log, _stop: stop }
    }

    pub(crate) async fn connect(&self) -> RawPeer {
        RawPeer::connect(self.address).await
    }

    /// Returns the failures so far, one per line.
    pub(crate) fn failure(&self) -> String {
        self.failures.0.lock().expect("a log").join("\n")
    }
}

/// Listens for connections whose receive buffers the kernel does not enlarge.
fn narrow_listener() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(65_536).expect("a buffer");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    socket.listen(8).expect("a listener")
}

/// The whole gateway, on this thread.
fn gateway(upstream: &str, options: Options, stopped: watch::Receiver<bool>) -> Box<dyn Fn(TcpStream)> {
    let read = downtime::config::load::preview(Path::new("downtime.toml"), &options.config(upstream));
    let snapshots =
        Arc::new(Snapshots::new(read.config.expect("valid"), String::new(), downtime::clock::now()));
    let routes = warp::service(downtime::filters::routes());
    let gateway = downtime::gateway::Gateway::with_proxy(snapshots, routes, options.proxy);
    Box::new(move |stream| {
        let peer = stream.peer_addr().ok().map(|peer| peer.ip());
        spawn_local(downtime::server::serve(stream.into(), peer, gateway.clone(), stopped.clone()));
    })
}

/// Why requests failed.
#[derive(Clone, Default)]
struct Failures(Arc<Mutex<Vec<String>>>);

impl Failures {
    fn note(&self, failure: String) {
        self.0.lock().expect("a log").push(failure);
    }

    /// Records the failures that this thread logs.
    fn of_the_log(&self) -> DefaultGuard {
        let failures = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || failures.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }
}

impl Write for Failures {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let marks = [" is unreachable: ", "downtime::gateway: "];
        let failure = marks.into_iter().find_map(|mark| text.split_once(mark));
        if let Some((_, failure)) = failure {
            self.note(failure.trim_end().to_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn forwarding(upstream: &str, options: Options, failures: &Failures) -> Box<dyn Fn(TcpStream)> {
    let (upstream, failures) =
        (Rc::new(UpstreamAddress::parse(upstream).expect("an upstream")), failures.clone());
    Box::new(move |stream| serve(stream, &upstream, &options, &failures))
}

fn serve(stream: TcpStream, upstream: &Rc<UpstreamAddress>, options: &Options, log: &Failures) {
    let (upstream, options, log) = (Rc::clone(upstream), options.clone(), log.clone());
    let peer = Rc::new(downtime::upstream::Peer::new(stream.peer_addr().ok().map(|peer| peer.ip())));
    let service = service_fn(move |request: Request<Incoming>| {
        let (upstream, options, log) = (Rc::clone(&upstream), options.clone(), log.clone());
        let peer = Rc::clone(&peer);
        async move {
            let route = Route {
                upstream: &upstream,
                connect_timeout: options.connect_timeout,
                response_timeout: options.response_timeout,
                peer: &peer,
                trusted: options.trusted,
                scheme: Scheme::Http,
            };
            Ok::<_, Infallible>(options.proxy.forward(request, &route).await.unwrap_or_else(|unreachable| {
                log.note(unreachable.to_string());
                let mut response = Response::new(UpstreamBody::empty());
                *response.status_mut() = unreachable.status();
                response
            }))
        }
    });
    spawn_local(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades(),
    );
}

/// An upstream that the test controls.
pub(crate) struct Origin {
    listener: TcpListener,
}

impl Origin {
    pub(crate) async fn bind() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a port") }
    }

    /// Listens with small receive buffers.
    pub(crate) fn bind_narrow() -> Self {
        Self { listener: narrow_listener() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("an address"))
    }

    pub(crate) async fn accept(&self) -> RawPeer {
        let (stream, _) =
            soon("a connection to the upstream", self.listener.accept()).await.expect("a connection");
        RawPeer { stream, unread: Vec::new() }
    }

    /// Returns true if there is no connection that was not accepted yet.
    pub(crate) async fn is_left_alone(&self) -> bool {
        tokio::select! {
            biased;
            _ = self.listener.accept() => false,
            () = settled() => true,
        }
    }
}

/// Waits until all tasks that need no further input have made progress.
pub(crate) async fn settled() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// One end of a connection.
pub(crate) struct RawPeer {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

impl RawPeer {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("the gateway"), unread: Vec::new() }
    }

    /// Connects with a small receive buffer.
    pub(crate) async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(65_536).expect("a buffer");
        Self { stream: socket.connect(address).await.expect("the gateway"), unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("sent");
    }

    /// Reads through the next `end`, inclusive, and keeps the rest for later.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            let found =
                (end.len()..=self.unread.len()).find(|at| self.unread[..*at].ends_with(end.as_bytes()));
            if let Some(at) = found {
                let rest = self.unread.split_off(at);
                return text(std::mem::replace(&mut self.unread, rest));
            }
            let read = soon(end, self.stream.read_buf(&mut self.unread)).await.expect("more to read");
            assert_ne!(read, 0, "closed before {end:?}: {:?}", text(self.unread.clone()));
        }
    }

    /// Reads the head of a message, and sorts its fields.
    pub(crate) async fn head(&mut self) -> Head {
        let text = self.until("\r\n\r\n").await;
        let mut lines = text.trim_end().split("\r\n").map(ToOwned::to_owned);
        let first = lines.next().unwrap_or_default();
        let mut fields: Vec<String> = lines.filter(|line| !line.starts_with("date: ")).collect();
        fields.sort();
        Head { first, fields }
    }

    /// Reads to the end. Returns false if the connection ended with an error.
    pub(crate) async fn rest(&mut self) -> (String, bool) {
        let read = soon("the end", self.stream.read_to_end(&mut self.unread)).await;
        (text(std::mem::take(&mut self.unread)), read.is_ok())
    }

    /// Returns true if nothing was received.
    pub(crate) async fn is_silent(&mut self) -> bool {
        settled().await;
        match self.stream.try_read_buf(&mut self.unread) {
            Ok(read) => read == 0 && self.unread.is_empty(),
            Err(_) => self.unread.is_empty(),
        }
    }

    /// Waits until the other end has closed the connection, cleanly or not.
    pub(crate) async fn closed(&mut self) {
        let mut rest = Vec::new();
        let _ = soon("the close", self.stream.read_to_end(&mut rest)).await;
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("linger");
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

/// The head of a message.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) fields: Vec<String>,
}

impl Head {
    pub(crate) fn get(&self, name: &str) -> Vec<&str> {
        let values = self.fields.iter().filter_map(|line| line.split_once(": "));
        values.filter(|(other, _)| *other == name).map(|(_, value)| value).collect()
    }
}
