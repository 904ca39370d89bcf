use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio_tungstenite::tungstenite::{Message, protocol::Role};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use super::gateway::InProcessGateway;
use super::peer::{Origin, RawPeer, soon};

const UPGRADE: &str =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo, h2c\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

async fn echo(origin: Origin) {
    let stream = origin.accept().await.stream;
    let mut socket = accept_async(stream).await.expect("a handshake");
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            socket.send(message).await.expect("an echo");
        }
    }
}

async fn echoes(socket: &mut WebSocketStream<TcpStream>, message: Message) {
    socket.send(message.clone()).await.expect("sent");
    assert_eq!(soon("the echo", socket.next()).await.expect("open").expect("a message"), message);
}

#[tokio::test(flavor = "local")]
async fn a_websocket_survives_a_long_idle_time() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let upstream = spawn_local(echo(origin));
    let client = gateway.connect().await;
    let (mut socket, response) =
        soon("the handshake", client_async("ws://a/chat", client.stream)).await.expect("a handshake");
    assert_eq!(response.status(), 101);
    echoes(&mut socket, Message::text("hello")).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_hours(24)).await;
    tokio::time::resume();
    echoes(&mut socket, Message::binary(vec![7; 1 << 20])).await;
    socket.close(None).await.expect("a close");
    assert!(matches!(soon("the close", socket.next()).await, Some(Ok(Message::Close(_)))));
    soon("the upstream's end", upstream).await.expect("ended");
}

#[tokio::test(flavor = "local")]
async fn bytes_behind_an_upgrade_wait_for_the_101() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send(&format!("{UPGRADE}early")).await;
    let mut upstream = origin.accept().await;
    let head = upstream.head().await;
    assert_eq!((head.get("connection"), head.get("upgrade")), (vec!["upgrade"], vec!["echo"]));
    assert!(upstream.is_silent().await);
    upstream.send(&format!("{SWITCHED}first")).await;
    let head = client.head().await;
    assert_eq!((head.get("connection"), head.get("upgrade")), (vec!["upgrade"], vec!["echo"]));
    assert_eq!(client.until("first").await, "first");
    assert_eq!(upstream.until("early").await, "early");
}

#[tokio::test(flavor = "local")]
async fn bytes_behind_an_upgrade_that_is_declined_are_the_next_request() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send(&format!("{UPGRADE}GET /next HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 403 Forbidden");
    let head = upstream.head().await;
    assert_eq!(head.first, "GET /next HTTP/1.1");
    assert_eq!(head.get("connection"), [""; 0]);
}

#[tokio::test(flavor = "local")]
async fn a_switch_that_was_not_asked_for_is_a_502() {
    let plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let h2c = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
               HTTP2-Settings: AA\r\n\r\n";
    for (request, switch) in [
        (plain, SWITCHED.to_owned()),
        (h2c, SWITCHED.replace("echo", "h2c")),
        (UPGRADE, SWITCHED.replace("echo", "h2c")),
    ] {
        let origin = Origin::bind().await;
        let gateway = InProcessGateway::to(&origin.url());
        let mut client = gateway.connect().await;
        client.send(request).await;
        let mut upstream = origin.accept().await;
        let head = upstream.head().await;
        assert!(!head.get("upgrade").contains(&"h2c") && head.get("http2-settings").is_empty());
        upstream.send(&switch).await;
        assert_eq!(client.head().await.first, "HTTP/1.1 502 Bad Gateway", "{request}");
        upstream.closed().await;
    }
}

async fn tunnel() -> (RawPeer, RawPeer) {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send(UPGRADE).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send(SWITCHED).await;
    client.head().await;
    (client, upstream)
}

#[tokio::test(flavor = "local")]
async fn a_tunnel_ends_with_either_side() {
    let (client, mut upstream) = tunnel().await;
    drop(client);
    upstream.closed().await;
    let (mut client, upstream) = tunnel().await;
    drop(upstream);
    client.closed().await;
    let (client, mut upstream) = tunnel().await;
    client.reset();
    upstream.closed().await;
}

#[tokio::test(flavor = "local")]
async fn a_message_from_a_frame_split_over_the_101_arrives() {
    let (client, upstream) = tunnel().await;
    let mut client = WebSocketStream::from_raw_socket(client.stream, Role::Client, None).await;
    let mut upstream = WebSocketStream::from_raw_socket(upstream.stream, Role::Server, None).await;
    upstream.send(Message::text("pushed")).await.expect("sent");
    assert_eq!(
        soon("the push", client.next()).await.expect("open").expect("a message"),
        Message::text("pushed")
    );
}

#[tokio::test(flavor = "local")]
async fn a_101_before_the_end_of_the_request_is_a_502() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send(&UPGRADE.replace("\r\n\r\n", "\r\nContent-Length: 10\r\n\r\nhello")).await;
    let mut upstream = origin.accept().await;
    upstream.until("hello").await;
    upstream.send(SWITCHED).await;
    assert_eq!(client.head().await.first, "HTTP/1.1 502 Bad Gateway");
    upstream.closed().await;
}
