//! How tunnels and responses in progress end when the site goes down, the gateway stops, or nothing passes.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustix::process::Signal;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use super::DOWN;
use crate::support::http::{Client, read};
use crate::support::process::GatewayProcess;
use crate::support::{DEADLINE, until};
use crate::upstreams::ScriptedUpstream;

const CLOSES: &str = "[response]\nclose_tunnels_after = \"0s\"\n";
const EVENTS: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";

fn site(url: &str) -> String {
    format!("[site]\nupstream = \"{url}\"\n")
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}

/// Sends each message back, and reports the codes of the Close frames that it receives.
async fn echo(listener: TcpListener, closed: Sender<Option<u16>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let closed = closed.clone();
        tokio::spawn(async move {
            let mut socket = accept_async(stream).await.expect("a handshake");
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Close(close) = &message {
                    let code = close.as_ref().map(|close| u16::from(close.code));
                    closed.send(code).await.expect("a test");
                } else {
                    socket.send(message).await.expect("an echo");
                }
            }
        });
    }
}

async fn connect(gateway: &GatewayProcess, path: &str, secret: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(gateway.address).await.expect("the gateway");
    let mut request = format!("ws://site.example{path}").into_client_request().expect("a request");
    request.headers_mut().insert("downtime-bypass", secret.parse().expect("a secret"));
    client_async(request, stream).await.expect("a handshake").0
}

/// A WebSocket through a gateway, and the codes of the Close frames that its upstream receives.
struct Tunnel {
    gateway: GatewayProcess,
    site: String,
    socket: WebSocketStream<TcpStream>,
    closed: Receiver<Option<u16>>,
}

impl Tunnel {
    async fn open(config: &str) -> Self {
        Self::open_with(config, "none").await
    }

    /// Opens a WebSocket with the secret of a bypass, and sends a message through it.
    async fn open_with(config: &str, secret: &str) -> Self {
        let mut tunnel = Self::open_idle(config, secret).await;
        tunnel.assert_echo("first").await;
        tunnel
    }

    async fn open_idle(config: &str, secret: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let site = site(&format!("http://{}", listener.local_addr().expect("an address")));
        let (sender, closed) = channel(16);
        tokio::spawn(echo(listener, sender));
        let gateway = GatewayProcess::start(&format!("{site}{config}"));
        let socket = connect(&gateway, "/chat", secret).await;
        Self { gateway, site, socket, closed }
    }

    async fn connect(&self, path: &str) -> WebSocketStream<TcpStream> {
        connect(&self.gateway, path, "none").await
    }

    async fn assert_echo(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("sent");
        let echo = soon(self.socket.next()).await.expect("open").expect("a message");
        assert_eq!(echo, Message::text(text));
    }

    /// Asserts that both sides get a Close with this code, and that the connection ends.
    async fn assert_closed(&mut self, code: u16) {
        let Some(Ok(Message::Close(Some(close)))) = soon(self.socket.next()).await else {
            panic!("no Close")
        };
        assert_eq!(u16::from(close.code), code);
        assert_eq!(soon(self.closed.recv()).await, Some(Some(code)));
        assert!(soon(self.socket.next()).await.is_none(), "nothing follows the Close");
    }
}

#[tokio::test]
async fn a_period_that_begins_closes_a_websocket_with_1012_if_configured() {
    let mut tunnel = Tunnel::open("").await;
    tunnel.gateway.apply(&format!("{}{CLOSES}{DOWN}", tunnel.site));
    tunnel.assert_closed(1012).await;
}

#[tokio::test]
async fn a_websocket_stays_open_until_its_time_and_if_no_period_covers_it() {
    let mut tunnel = Tunnel::open(CLOSES).await;
    let site = tunnel.site.clone();
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(tunnel.connect("/other").await);
    }
    tunnel.gateway.apply(&format!("{site}{CLOSES}{DOWN}paths = [\"/other\"]\n"));
    for mut other in others {
        assert!(matches!(soon(other.next()).await, Some(Ok(Message::Close(Some(_))))));
    }
    // Each worker has seen the period by now.
    tunnel.assert_echo("while another path is down").await;
    tunnel.gateway.apply(&format!("{site}{}{DOWN}", CLOSES.replace("0s", "1h")));
    tunnel.assert_echo("within the hour").await;
    while tunnel.closed.try_recv().is_ok() {}
    tunnel.gateway.apply(&format!("{site}{CLOSES}{DOWN}"));
    tunnel.assert_closed(1012).await;
}

#[tokio::test]
async fn a_websocket_of_a_tester_is_closed_at_the_end_of_its_bypass() {
    let hash = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let bypass = |seconds| {
        let until = downtime::clock::now() + jiff::SignedDuration::from_secs(seconds);
        format!("{CLOSES}{DOWN}[[bypass]]\nhash = \"{hash}\"\nuntil = {until}\n")
    };
    let mut tunnel = Tunnel::open_with(&bypass(3600), "test").await;
    tunnel.gateway.apply(&format!("{}{}", tunnel.site, bypass(3000)));
    tunnel.assert_echo("while the bypass is valid").await;
    tunnel.gateway.apply(&format!("{}{CLOSES}{DOWN}", tunnel.site));
    tunnel.assert_closed(1012).await;
    let mut tunnel = Tunnel::open_with(&bypass(3600), "test").await;
    tunnel.gateway.apply(&format!("{}{}", tunnel.site, bypass(1)));
    tunnel.assert_closed(1012).await;
}

#[tokio::test]
async fn a_stop_closes_a_websocket_with_1001() {
    let mut tunnel = Tunnel::open("").await;
    tunnel.gateway.process.signal(Signal::TERM);
    tunnel.assert_closed(1001).await;
    let (code, log) = tunnel.gateway.process.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("still open"), "{log}");
}

#[tokio::test]
async fn an_idle_websocket_is_closed_after_tunnel_idle() {
    // A busy machine may take longer than this for a message.
    let mut tunnel = Tunnel::open_idle("[limits]\ntunnel_idle = \"200ms\"\n", "none").await;
    tunnel.assert_closed(1001).await;
}

/// Sends a request whose response is in progress. Returns the client, and the upstream's end.
fn begin(
    gateway: &GatewayProcess,
    upstream: &ScriptedUpstream,
    fields: &str,
    response: &str,
) -> (Client, Client) {
    let mut client = gateway.connect();
    client.send(format!("GET /events HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    let mut connection = upstream.accept();
    connection.head().expect("a request");
    connection.send(response);
    if !response.is_empty() {
        client.head().expect("a head");
    }
    (client, connection)
}

#[test]
fn a_period_that_begins_cuts_other_tunnels_and_responses_in_progress() {
    const UPGRADE: &str = "Connection: upgrade\r\nUpgrade: echo\r\n";
    let switched = format!("HTTP/1.1 101 Switching Protocols\r\n{UPGRADE}\r\n");
    let upstream = ScriptedUpstream::bind();
    for (fields, response, received) in [(UPGRADE, &*switched, ""), ("", EVENTS, "3\r\none\r\n")] {
        for before in ["", CLOSES] {
            let site = site(&upstream.url());
            let gateway = GatewayProcess::start(&format!("{site}{before}"));
            let (mut client, mut connection) = begin(&gateway, &upstream, fields, response);
            gateway.apply(&format!("{site}{CLOSES}{DOWN}"));
            assert_eq!(client.rest().expect("an end"), received.as_bytes());
            assert_eq!(read(&mut connection.stream, &mut [0]).expect("an end"), 0);
        }
    }
}

#[test]
fn without_the_key_a_response_in_progress_outlives_a_period() {
    let upstream = ScriptedUpstream::bind();
    let site = site(&upstream.url());
    let gateway = GatewayProcess::start(&site);
    let (mut client, mut connection) = begin(&gateway, &upstream, "", EVENTS);
    gateway.apply(&format!("{site}{DOWN}"));
    assert_eq!(gateway.get("/", &[]).status, 503);
    connection.send("3\r\ntwo\r\n0\r\n\r\n");
    assert_eq!(client.chunks().expect("all chunks").0, b"onetwo");
}

#[test]
fn a_period_that_begins_gives_the_page_to_a_request_that_waits_for_its_response() {
    let upstream = ScriptedUpstream::bind();
    let site = site(&upstream.url());
    let gateway = GatewayProcess::start(&format!("{site}{CLOSES}"));
    let (mut client, mut connection) = begin(&gateway, &upstream, "", "");
    gateway.apply(&format!("{site}{CLOSES}{DOWN}"));
    let response = client.response("GET");
    assert_eq!((response.status, response.downtime()), (503, Some("planned")));
    assert_eq!(read(&mut connection.stream, &mut [0]).expect("an end"), 0);
}

/// Returns how long after now the system will ask the other end of the gateway's end of this connection if it still lives, as the kernel
/// says (`proc(5)`, `/proc/net/tcp`).
fn keepalive(client: &Client) -> Option<Duration> {
    let port = |address: std::io::Result<SocketAddr>| format!(":{:04X}", address.expect("an address").port());
    let (local, remote) = (port(client.stream.peer_addr()), port(client.stream.local_addr()));
    let table = fs::read_to_string("/proc/net/tcp").expect("a table");
    let mut rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row[1].ends_with(&local) && row[2].ends_with(&remote)).expect("a connection");
    // In hundredths of a second.
    let ticks = row[5].strip_prefix("02:")?;
    Some(Duration::from_millis(10 * u64::from_str_radix(ticks, 16).expect("a time")))
}

#[test]
fn the_system_asks_both_ends_of_a_tunnel_after_a_minute_if_they_still_live() {
    const MINUTE: Duration = Duration::from_secs(60);
    let script = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&script.url()));
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    let mut upstream = script.accept();
    upstream.head().expect("a request");
    for end in [&client, &upstream] {
        assert!(keepalive(end).is_none_or(|time| time > MINUTE));
    }
    upstream.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    client.head().expect("a tunnel");
    for end in [&client, &upstream] {
        until("keepalive", || keepalive(end).filter(|time| *time <= MINUTE));
    }
}
