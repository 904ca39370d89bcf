//! WebSocket through the gateway.

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use super::DOWN;
use crate::support::DEADLINE;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::tls::{client_config, identity};

async fn echo(listener: TcpListener) {
    let (stream, _) = listener.accept().await.expect("a connection");
    let mut socket = accept_async(stream).await.expect("a handshake");
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            socket.send(message).await.expect("an echo");
        }
    }
}

async fn connect(gateway: &GatewayProcess) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(gateway.address).await.expect("the gateway");
    client_async("ws://site.example/chat", stream).await.map(|(socket, _)| socket)
}

async fn assert_echo<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, text: &str) {
    socket.send(Message::text(text)).await.expect("sent");
    let echo = tokio::time::timeout(DEADLINE, socket.next()).await.expect("in time");
    assert_eq!(echo.expect("open").expect("a message"), Message::text(text));
}

/// Closes a WebSocket, and waits until its upstream has seen that.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>, upstream: JoinHandle<()>) {
    socket.close(None).await.expect("a close");
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    tokio::time::timeout(DEADLINE, upstream).await.expect("in time").expect("ended");
}

#[tokio::test]
async fn a_websocket_survives_reloads_and_a_downtime() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let site = format!("[site]\nupstream = \"http://{}\"\n", listener.local_addr().expect("an address"));
    let upstream = tokio::spawn(echo(listener));
    let gateway = GatewayProcess::start(&site);
    let mut socket = connect(&gateway).await.expect("a handshake");
    assert_echo(&mut socket, "before").await;
    gateway.apply(&format!("{site}[response]\nmessage = \"any\"\n"));
    assert_echo(&mut socket, "after a reload").await;
    gateway.apply(&format!("{site}{DOWN}"));
    assert_echo(&mut socket, "while down").await;
    let refused = connect(&gateway).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 503));
    close(socket, upstream).await;
}

#[tokio::test]
async fn a_websocket_over_tls_carries_messages_of_any_length_and_survives_a_downtime() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let site = format!("[site]\nupstream = \"http://{}\"\n", listener.local_addr().expect("an address"));
    let upstream = tokio::spawn(echo(listener));
    let site = format!(
        "{site}[server]\nlisten = [\"https://127.0.0.1:0\"]\ntls = [{{ cert = \"0.pem\", key = \"0.key\" }}]\n"
    );
    let directory = ConfigDirectory::with(&site);
    let (cert, key) = identity(&["site.example"]);
    directory.write("0.pem", &cert);
    directory.write("0.key", &key);
    let gateway = GatewayProcess::on(directory);
    // A browser that offers HTTP/2 for pages opens a connection without it for a WebSocket.
    let connector = TlsConnector::from(client_config(rustls::ALL_VERSIONS, &["http/1.1"]));
    let connect = async || {
        let tcp = TcpStream::connect(gateway.address).await.expect("the gateway");
        let name = ServerName::try_from("site.example").expect("a name");
        let stream = connector.connect(name, tcp).await.expect("a TLS handshake");
        client_async("wss://site.example/chat", stream).await.map(|(socket, _)| socket)
    };
    let mut socket = connect().await.expect("a handshake");
    // Within one record of TLS, and in many.
    for length in [0, 1, 16_000, 16_384, 1 << 20] {
        assert_echo(&mut socket, &"x".repeat(length)).await;
    }
    gateway.apply(&format!("{site}{DOWN}"));
    assert_echo(&mut socket, "while down").await;
    let refused = connect().await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 503));
    close(socket, upstream).await;
}
