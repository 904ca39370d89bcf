//! HTTP/2 with prior knowledge.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::DOWN;
use crate::support::DEADLINE;
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

async fn connect(gateway: &GatewayProcess) -> SendRequest<Empty<Bytes>> {
    let stream = tokio::net::TcpStream::connect(gateway.address).await.expect("the gateway");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

async fn get(sender: &mut SendRequest<Empty<Bytes>>, path: &str) -> (u16, Option<String>, Bytes) {
    let request = Request::get(format!("http://site.example{path}")).body(Empty::new()).expect("a request");
    let response = tokio::time::timeout(DEADLINE, sender.send_request(request)).await;
    let response = response.expect("in time").expect("a response");
    let (head, body) = response.into_parts();
    let downtime = head.headers.get("downtime").and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    (head.status.as_u16(), downtime, body.collect().await.expect("a body").to_bytes())
}

#[tokio::test]
async fn the_page_the_status_and_the_site_are_served_over_http2() {
    let origin = StubUpstream::start();
    let site = format!("[site]\nupstream = \"{}\"\n", origin.url());
    let gateway = GatewayProcess::start(&site);
    let mut sender = connect(&gateway).await;
    assert_eq!(get(&mut sender, "/a//b?c").await, (200, None, Bytes::from("the site")));
    let head = origin.head();
    assert!(head.starts_with("GET /a//b?c HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("host: site.example\r\n"), "{head}");
    gateway.apply(&format!("{site}[exempt]\npaths = [\"/open/**\"]\n{DOWN}message = \"We move.\""));
    let (status, downtime, body) = get(&mut sender, "/").await;
    assert_eq!((status, downtime.as_deref()), (503, Some("planned")));
    assert!(body.windows(8).any(|window| window == b"We move."));
    let (status, _, body) = get(&mut sender, "/.downtime/status").await;
    assert_eq!((status, body.starts_with(b"{\"state\":\"down\"")), (200, true));
    assert_eq!(get(&mut sender, "/open/x").await.2, "the site");
    assert_eq!(get(&mut sender, "/open/../x").await.0, 503);
}
