use super::gateway::{InProcessGateway, Options};
use super::peer::{Head, Origin};
use crate::client::scheme;

#[tokio::test(flavor = "local")]
async fn hop_by_hop_fields_are_not_forwarded_either_way() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client
        .send(
            "GET /a HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: 5\r\nX-Hop: 1\r\n\
             Proxy-Authorization: a\r\nTE: gzip\r\nUpgrade: websocket\r\nX-End: 2\r\n\r\n",
        )
        .await;
    let mut upstream = origin.accept().await;
    let head = upstream.head().await;
    assert_eq!(head.first, "GET /a HTTP/1.1");
    let told = [
        "x-end: 2",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: shop.example",
        &format!("x-forwarded-proto: {}", scheme()),
    ];
    assert_eq!(head.fields, [&["host: shop.example"][..], &told[..]].concat());
    upstream
        .send(
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n\
             Proxy-Authenticate: a\r\nUpgrade: h2\r\nX-End: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\
             Content-Length: 0\r\n\r\n",
        )
        .await;
    let head = client.head().await;
    assert_eq!(head.first, "HTTP/1.1 200 OK");
    assert_eq!(head.fields, ["content-length: 0", "set-cookie: a", "set-cookie: b", "x-end: 2"]);
}

async fn forwarded(options: Options, sent: &str) -> Head {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::with(&origin.url(), options);
    let mut client = gateway.connect().await;
    client.send(sent).await;
    origin.accept().await.head().await
}

#[tokio::test(flavor = "local")]
async fn a_forged_forwarding_field_does_not_arrive() {
    let sent = "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For, X-Forwarded-Proto\r\n\
                X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-For: 192.0.2.67\r\nX-Forwarded-Host: evil\r\n\
                X_Forwarded_Proto: https\r\nX.Forwarded.For: 192.0.2.66\r\nX~Forwarded~Host: evil\r\n\
                Forwarded: for=192.0.2.66\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n\
                X_Original_URL: /admin\r\n\r\n";
    let head = forwarded(Options::default(), sent).await;
    let proto = format!("x-forwarded-proto: {}", scheme());
    let ours = ["host: a", "x-forwarded-for: 127.0.0.1", "x-forwarded-host: a", &proto];
    assert_eq!(head.fields, ours);
}

#[tokio::test(flavor = "local")]
async fn the_claims_of_a_trusted_peer_are_forwarded_with_its_address() {
    let sent = "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\nX-Forwarded-For: 192.0.2.66\r\n\
                X-Forwarded-For: 192.0.2.67\r\nX-Forwarded-Proto: https\r\nX_Forwarded_Proto: ftp\r\n\r\n";
    let head = forwarded(Options { trusted: true, ..Options::default() }, sent).await;
    assert_eq!(head.get("x-forwarded-for"), ["192.0.2.66, 192.0.2.67, 127.0.0.1"]);
    assert_eq!(head.get("x-forwarded-proto"), ["https"]);
    assert_eq!(head.get("x-forwarded-host"), ["a"]);
    assert_eq!(head.get("x_forwarded_proto"), [""; 0]);
}

#[tokio::test(flavor = "local")]
async fn the_target_is_forwarded_byte_for_byte() {
    for (target, passed, host) in [
        ("/x/../%2e%2e//a;b?c=%zz&&", "/x/../%2e%2e//a;b?c=%zz&&", "a"),
        ("/b\u{fc}cher", "/b\u{fc}cher", "a"),
        ("http://b:81/x?y", "/x?y", "b:81"),
    ] {
        let head = forwarded(Options::default(), &format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(head.first, format!("GET {passed} HTTP/1.1"));
        assert_eq!(head.get("host"), [host], "{target}");
    }
    let head = forwarded(Options::default(), "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(head.first, "OPTIONS * HTTP/1.1");
}

#[tokio::test(flavor = "local")]
async fn connect_and_a_target_without_a_path_are_refused() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 501 Not Implemented");
    let mut client = gateway.connect().await;
    client.send("GET b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 400 Bad Request");
    assert!(origin.is_left_alone().await);
}
