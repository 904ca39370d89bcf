//! The whole gateway, on the thread of the test.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use downtime::config::duration;
use downtime::filters::Routes;
use downtime::gateway::Gateway;
use downtime::logging::AccessLines;
use downtime::server::{Readiness, Service, serve};
use downtime::snapshot::Snapshots;
use downtime::tls::{Certificate, CertificateChain, CertificateFiles, PrivateKey, server_config};
use downtime::upstream::{Proxy, SharedUpstreams};
use rustls::sign::SingleCertAndKey;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio_rustls::{TlsAcceptor, TlsStream};
use tracing::subscriber::DefaultGuard;

use super::peer::{RawPeer, narrow_listener};
use crate::support::tls;

/// What differs from test to test.
pub(crate) struct Options {
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) trusted: bool,
    /// Clients speak TLS themselves.
    pub(crate) is_tls: bool,
    /// How many share the connections of clients, as the threads of the binary do.
    pub(crate) workers: usize,
    /// More lines of `[limits]`.
    pub(crate) limits: &'static str,
    /// More lines of `[site]`.
    pub(crate) site: String,
}

impl Default for Options {
    fn default() -> Self {
        let timeout = Duration::from_mins(1);
        Self {
            connect_timeout: timeout,
            response_timeout: timeout,
            body_timeout: timeout,
            trusted: false,
            is_tls: false,
            workers: 1,
            limits: "",
            site: String::new(),
        }
    }
}

impl Options {
    /// Returns a config file with these options.
    fn config(self, upstream: &str) -> String {
        let [connect, response, body] =
            [self.connect_timeout, self.response_timeout, self.body_timeout].map(duration::format);
        let trusted = if self.trusted { "127.0.0.1" } else { "192.0.2.0" };
        format!(
            "[limits]
body_timeout = \"{body}\"
{}
[server]
trusted_proxies = [\"{trusted}\"]
[site]
upstream = \"{upstream}\"
\
             when_unreachable = \"error\"
connect_timeout = \"{connect}\"
response_timeout = \"{response}\"
{}
",
            self.limits, self.site
        )
    }
}

/// A gateway that forwards every request.
pub(crate) struct InProcessGateway {
    pub(crate) address: SocketAddr,
    /// Why requests failed, in their order.
    failures: Failures,
    _log: DefaultGuard,
    stop: watch::Sender<bool>,
}

impl InProcessGateway {
    pub(crate) fn to(upstream: &str) -> Self {
        Self::with(upstream, Options::default())
    }

    pub(crate) fn with(upstream: &str, options: Options) -> Self {
        let (stop, stopped) = watch::channel(false);
        let listener = narrow_listener();
        let mut address = listener.local_addr().expect("an address");
        let acceptor = (tls::is_on() || options.is_tls).then(acceptor);
        if tls::is_on() && !options.is_tls {
            let plain = narrow_listener();
            let gateway = std::mem::replace(&mut address, plain.local_addr().expect("an address"));
            spawn_local(tls::tunnel(plain, gateway));
        }
        let failures = Failures::default();
        let log = failures.of_the_log();
        let (workers, config) = (options.workers, options.config(upstream));
        let upstreams = SharedUpstreams::default();
        let workers = (0..workers).map(|_| gateway(&config, Proxy::sharing(&upstreams))).collect();
        spawn_local(accept(listener, acceptor, workers, stopped));
        Self { address, failures, _log: log, stop }
    }

    pub(crate) async fn connect(&self) -> RawPeer {
        RawPeer::connect(self.address).await
    }

    /// Tells its connections to end with the current request.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Returns the failures so far, one per line.
    pub(crate) fn failure(&self) -> String {
        self.failures.0.lock().expect("a log").join("\n")
    }
}

fn gateway(config: &str, proxy: Proxy) -> Gateway<impl Routes> {
    let read = downtime::config::load::preview(Path::new("downtime.toml"), config);
    let snapshots = Snapshots::new(read.config.expect("valid"), String::new(), downtime::clock::now());
    Gateway::new(
        &Arc::new(snapshots),
        warp::service(downtime::filters::routes()),
        proxy,
        Readiness::default(),
        Arc::default(),
        AccessLines::default(),
    )
}

/// Serves each connection as the binary does. The workers take turns.
async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    workers: Vec<impl Service>,
    stopped: watch::Receiver<bool>,
) {
    for service in workers.iter().cycle() {
        let (stream, peer) = listener.accept().await.expect("a connection");
        let (acceptor, service, stopped) = (acceptor.clone(), service.clone(), stopped.clone());
        spawn_local(async move {
            let stream = match acceptor {
                None => stream.into(),
                Some(acceptor) => {
                    TlsStream::Server(acceptor.accept(stream).await.expect("a handshake")).into()
                }
            };
            serve(stream, Some(peer.ip()), service, stopped).await;
        });
    }
}

fn acceptor() -> TlsAcceptor {
    let (cert, key) = tls::identity(&["site.example"]);
    let chain = CertificateChain::from_pem(cert.as_bytes()).expect("a certificate");
    let key = PrivateKey::from_pem(key.as_bytes()).expect("a key");
    let certificate = Certificate::new(chain, key, CertificateFiles::default()).expect("a pair");
    let resolver = SingleCertAndKey::from(Arc::clone(certificate.certified_key()));
    Arc::new(server_config(Arc::new(resolver)).expect("random numbers")).into()
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
            // The fields follow the message.
            let message = failure.trim_end().split(" upstream=").next().unwrap_or_default();
            self.note(message.to_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
