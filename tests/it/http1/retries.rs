//! A kept connection to the upstream that has died: a GET is repeated once, a POST never.

use super::messages::ReceivedRequest;
use super::{GET, POST, RequestForm, SERVERS, response, site};
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A gateway that keeps idle connections for longer than the two seconds of the default, which a busy machine may take.
fn start(server: &str, script: &ScriptedUpstream) -> GatewayProcess {
    let limits = "[limits]\nupstream_idle = \"1h\"\n";
    let site = site(&script.url(), "when_unreachable = \"error\"");
    GatewayProcess::start(&format!("{server}{site}{limits}"))
}

/// Returns a client, and the idle connection to the upstream that its next request uses.
fn kept(gateway: &GatewayProcess, script: &ScriptedUpstream) -> (Client, Client) {
    let mut client = gateway.connect();
    client.send(GET.request("/first"));
    let mut upstream = script.accept();
    ReceivedRequest::read(&mut upstream).expect("a request");
    upstream.send(OK);
    assert_eq!(client.response("GET").text(), "ok");
    (client, upstream)
}

/// Forms of requests that may be repeated.
const SAFE: [RequestForm; 6] = [
    GET,
    RequestForm { method: "HEAD", ..GET },
    RequestForm { method: "OPTIONS", ..GET },
    RequestForm { fields: "Connection: close\r\n", ..GET },
    RequestForm { version: "HTTP/1.0", ..GET },
    RequestForm { version: "HTTP/1.0", fields: "Connection: keep-alive\r\n", ..GET },
];
/// Forms of requests that may not.
const UNSAFE: [RequestForm; 7] = [
    POST,
    RequestForm { fields: "Content-Length: 0\r\n", body: "", ..POST },
    RequestForm { fields: "", body: "", ..POST },
    RequestForm { fields: "Transfer-Encoding: chunked\r\n", body: "1\r\na\r\n0\r\n\r\n", ..POST },
    RequestForm { version: "HTTP/1.0", ..POST },
    RequestForm { fields: "Connection: close\r\nContent-Length: 5\r\n", ..POST },
    RequestForm { method: "PATCH", ..POST },
];

#[test]
fn a_safe_request_is_repeated_once() {
    let script = ScriptedUpstream::bind();
    for server in SERVERS {
        let gateway = start(server, &script);
        for form in SAFE {
            for succeeds in [true, false] {
                let case = format!("{form:?}, succeeds: {succeeds}");
                let (mut client, mut first) = kept(&gateway, &script);
                client.send(form.request("/again"));
                let before = ReceivedRequest::read(&mut first).expect(&case);
                drop(first);
                let mut second = script.accept();
                let again = ReceivedRequest::read(&mut second).expect(&case);
                assert_eq!(again.head, before.head, "{case}");
                if succeeds {
                    second.send(if form.method == "HEAD" { &OK[..OK.len() - 2] } else { OK });
                } else {
                    drop(second);
                }
                let found = response(&mut client, form.method, &case);
                assert_eq!(found.status, if succeeds { 200 } else { 502 }, "{case}");
                assert!(script.accept_if_connected().is_none(), "{case}: it was sent three times");
            }
        }
    }
}

#[test]
fn an_unsafe_request_is_never_repeated() {
    let script = ScriptedUpstream::bind();
    for server in SERVERS {
        let gateway = start(server, &script);
        for form in UNSAFE {
            let case = format!("{form:?}");
            let (mut client, mut first) = kept(&gateway, &script);
            client.send(form.request("/once"));
            ReceivedRequest::read(&mut first).expect(&case);
            drop(first);
            assert_eq!(response(&mut client, form.method, &case).status, 502, "{case}");
            assert!(script.accept_if_connected().is_none(), "{case}: it was sent twice");
        }
    }
}

#[test]
fn a_request_whose_response_has_begun_is_not_repeated() {
    let script = ScriptedUpstream::bind();
    let gateway = start("", &script);
    for form in SAFE {
        for said in ["H", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 103 Early Hints\r\n\r\n"] {
            let case = format!("{form:?} {said:?}");
            let (mut client, mut first) = kept(&gateway, &script);
            client.send(form.request("/once"));
            ReceivedRequest::read(&mut first).expect(&case);
            first.send(said);
            drop(first);
            assert_eq!(response(&mut client, form.method, &case).status, 502, "{case}");
            assert!(script.accept_if_connected().is_none(), "{case}: it was sent twice");
        }
    }
}

#[test]
fn a_request_of_any_form_uses_a_new_connection_if_the_idle_one_is_closed() {
    let script = ScriptedUpstream::bind();
    let gateway = start("", &script);
    for form in SAFE.iter().chain(&UNSAFE) {
        let case = format!("{form:?}");
        let (mut client, first) = kept(&gateway, &script);
        drop(first);
        client.send(form.request("/next"));
        let mut second = script.accept();
        let request = ReceivedRequest::read(&mut second).expect(&case);
        assert_eq!(request.line(), format!("{} /next HTTP/1.1", form.method).as_bytes(), "{case}");
        second.send(if form.method == "HEAD" { &OK[..OK.len() - 2] } else { OK });
        assert_eq!(response(&mut client, form.method, &case).status, 200, "{case}");
    }
}
