//! WebSocket through the gateway.

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use super::DOWN;
use crate::support::DEADLINE;
use crate::support::process::GatewayProcess;

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

async fn assert_echo(socket: &mut WebSocketStream<TcpStream>, text: &str) {
    socket.send(Message::text(text)).await.expect("sent");
    let echo = tokio::time::timeout(DEADLINE, socket.next()).await.expect("in time");
    assert_eq!(echo.expect("open").expect("a message"), Message::text(text));
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
    socket.close(None).await.expect("a close");
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    tokio::time::timeout(DEADLINE, upstream).await.expect("in time").expect("ended");
}
