//! What visitors learn of a request that an upstream has not processed: it was certainly not saved.

use serde_json::Value;

use super::h2c_failures::{accept, kept, start};
use super::h2c_retries::goaway;
use super::{GET, RequestForm, response, site};
use crate::gateway::http2::{frame, until};
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const POST: RequestForm =
    RequestForm { fields: "Accept: application/json\r\nContent-Length: 5\r\n", ..super::POST };
const DELETE: RequestForm = RequestForm { method: "DELETE", fields: "Accept: application/json\r\n", ..GET };

/// Returns what the page says about the data of a request.
fn saved(client: &mut Client, form: &RequestForm) -> Value {
    let response = response(client, form.method, "unreachable");
    assert_eq!(response.status, 503, "{form:?}");
    response.json()["saved"].clone()
}

fn send(gateway: &GatewayProcess, form: &RequestForm) -> Client {
    let mut client = gateway.connect();
    client.send(form.request("/"));
    client
}

#[test]
fn a_request_that_was_refused_twice_was_not_saved() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, "");
    for form in [POST, DELETE] {
        let mut client = send(&gateway, &form);
        for _ in 0..2 {
            let mut connection = accept(&upstream);
            connection.send(goaway(0, 0));
            let _ = connection.rest();
        }
        assert_eq!(saved(&mut client, &form), false, "{form:?}: GOAWAY");
    }
    let mut client = send(&gateway, &POST);
    let mut connection = accept(&upstream);
    connection.send(frame(RST_STREAM, 0, 1, &[0, 0, 0, 7]));
    let (stream, _) = until(&mut connection, HEADERS);
    connection.send(frame(RST_STREAM, 0, stream, &[0, 0, 0, 7]));
    assert_eq!(saved(&mut client, &POST), false, "REFUSED_STREAM");
}

#[test]
fn a_request_that_another_connection_may_have_carried_before_may_have_been_saved() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, "");
    let (mut client, mut connection) = kept(&gateway, &upstream);
    client.send(DELETE.request("/"));
    assert_eq!(until(&mut connection, HEADERS).0, 3);
    drop(connection);
    for _ in 0..2 {
        let mut connection = accept(&upstream);
        connection.send(goaway(0, 0));
        let _ = connection.rest();
    }
    assert_eq!(saved(&mut client, &DELETE), Value::Null);
    let mut client = send(&gateway, &POST);
    drop(accept(&upstream));
    assert_eq!(saved(&mut client, &POST), Value::Null);
}

#[test]
fn a_request_that_was_sent_before_the_upstream_became_unreachable_may_have_been_saved() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let mut client = send(&gateway, &GET);
    let mut connection = upstream.accept();
    connection.head().expect("a request");
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(response(&mut client, "GET", "the first").status, 200);
    client.send(DELETE.request("/"));
    connection.head().expect("a request");
    drop((upstream, connection));
    assert_eq!(saved(&mut client, &DELETE), Value::Null);
    let mut client = send(&gateway, &DELETE);
    assert_eq!(saved(&mut client, &DELETE), false, "it was never sent");
}
