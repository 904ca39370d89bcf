//! `X-Request-Id`, which names a request in the logs of the gateway and of the site.

use http::Request;
use http_body_util::{BodyExt as _, Empty};
use tokio::time::timeout;

use super::{DOWN, http2};
use crate::support::DEADLINE;
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

fn in_front_of(upstream: &StubUpstream) -> GatewayProcess {
    let site = format!("[site]\nupstream = \"{}\"\n[log]\naccess = true\n", upstream.url());
    GatewayProcess::start(&site)
}

/// Returns the identifiers that the next request reaches the upstream with.
fn arrived(upstream: &StubUpstream) -> Vec<String> {
    let head = upstream.head();
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let named = lines.filter(|(name, _)| name.eq_ignore_ascii_case("x-request-id"));
    named.map(|(_, value)| value.to_owned()).collect()
}

#[test]
fn an_identifier_that_a_client_sends_is_kept_and_logged() {
    let upstream = StubUpstream::start();
    let gateway = in_front_of(&upstream);
    for fields in
        [&["X-Request-Id: 7b0e3c52-9a1f"][..], &["Connection: X-Request-Id", "x-request-id: 7b0e3c52-9a1f"]]
    {
        let response = gateway.get("/", fields);
        assert_eq!((response.status, response.field("x-request-id")), (200, None));
        assert_eq!(arrived(&upstream), ["7b0e3c52-9a1f"], "{fields:?}");
        let line = gateway.log().wait_for("7b0e3c52-9a1f");
        assert!(line.ends_with(" pass up \"7b0e3c52-9a1f\""), "{line}");
    }
}

#[test]
fn a_request_without_a_sane_identifier_gets_a_new_one() {
    let upstream = StubUpstream::start();
    let gateway = in_front_of(&upstream);
    let long = format!("X-Request-Id: {}", "x".repeat(129));
    let mut seen = Vec::new();
    for fields in [&[][..], &["X-Request-Id: a b"], &[&long], &["X-Request-Id: a", "X-Request-Id: b"]] {
        assert_eq!(gateway.get("/", fields).status, 200);
        let ids = arrived(&upstream);
        assert!(ids.len() == 1 && ids[0].len() == 32, "{fields:?}: {ids:?}");
        gateway.log().wait_for(&format!(" pass up \"{}\"", ids[0]));
        assert!(!seen.contains(&ids), "{ids:?}");
        seen.push(ids);
    }
}

#[tokio::test]
async fn a_request_over_http2_has_an_identifier_too() {
    let upstream = StubUpstream::start();
    let gateway = in_front_of(&upstream);
    let mut sender = http2::connect(&gateway).await;
    for sent in [Some("7b0e3c52-9a1f"), Some("a b"), None] {
        let mut request = Request::get("http://site.example/");
        if let Some(id) = sent {
            request = request.header("x-request-id", id);
        }
        let request = request.body(Empty::new()).expect("a request");
        let response = timeout(DEADLINE, sender.send_request(request)).await.expect("in time");
        let response = response.expect("a response");
        assert_eq!((response.status().as_u16(), response.headers().get("x-request-id")), (200, None));
        response.into_body().collect().await.expect("a body");
        let ids = arrived(&upstream);
        let [id] = &ids[..] else { panic!("{sent:?}: {ids:?}") };
        assert!(
            if sent == Some("7b0e3c52-9a1f") { sent == Some(id) } else { id.len() == 32 },
            "{sent:?}: {id}"
        );
        gateway.log().wait_for(&format!(" pass up \"{id}\""));
    }
}

#[test]
fn a_down_page_has_an_identifier_in_the_log_only() {
    let gateway = GatewayProcess::start(&format!("[log]\naccess = true\n{DOWN}"));
    assert_eq!(gateway.get("/", &["X-Request-Id: abc"]).field("x-request-id"), None);
    gateway.log().wait_for(" unavailable planned \"abc\"");
}
