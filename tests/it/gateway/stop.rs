//! SIGTERM and SIGINT: what happens to requests and connections, and how long a stop takes.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::support::until;
use crate::upstreams::ScriptedUpstream;

/// Starts a gateway in front of an upstream, with these keys of `[server]`.
fn in_front_of(script: &ScriptedUpstream, keys: &str) -> GatewayProcess {
    GatewayProcess::start(&format!("[server]\n{keys}\n[site]\nupstream = \"{}\"\n", script.url()))
}

/// Begins a request, and leaves it to the test to respond.
fn begin_request(gateway: &GatewayProcess, script: &ScriptedUpstream) -> (Client, Client) {
    let mut client = gateway.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = script.accept();
    upstream.head().expect("a request");
    (client, upstream)
}

#[test]
fn sigterm_finishes_requests_in_flight_and_closes_idle_connections() {
    for signal in [Signal::TERM, Signal::INT] {
        let script = ScriptedUpstream::bind();
        let gateway = GatewayProcess::start(&format!("[site]\nupstream = \"{}\"\n", script.url()));
        let mut idle = gateway.connect();
        let mut busy = gateway.connect();
        busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut upstream = script.accept();
        upstream.head().expect("a request");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
        busy.head().expect("a response");
        gateway.process.signal(signal);
        gateway.log().wait_for("stopping");
        assert!(idle.is_closed());
        upstream.send(" last");
        assert_eq!(busy.take(10).expect("the body"), b"first last");
        assert!(busy.is_closed());
        assert_eq!(gateway.process.end().0, Some(0));
    }
}

#[test]
fn a_second_signal_ends_the_gateway_at_once() {
    for keys in ["stop_timeout = \"1h\"", "stop_delay = \"1h\""] {
        let script = ScriptedUpstream::bind();
        let gateway =
            in_front_of(&script, &format!("listen = [\"127.0.0.1:0\", \"unix:gateway.sock\"]\n{keys}"));
        let (_stuck, _upstream) = begin_request(&gateway, &script);
        gateway.process.signal(Signal::TERM);
        gateway.log().wait_for("stopping: ");
        gateway.process.signal(Signal::INT);
        let GatewayProcess { process, directory, .. } = gateway;
        let (code, output) = process.end();
        assert_eq!(code, Some(0), "{output}");
        assert!(output.contains("a second signal"), "{output}");
        assert!(!directory.join("gateway.sock").exists(), "{keys}");
    }
}

#[test]
fn requests_are_served_as_usual_while_stop_delay_lasts_and_probes_get_503() {
    let gateway = GatewayProcess::start(
        "[server]\nprobe_paths = [\"/up\"]\nstop_delay = \"1h\"\n[management]\nlisten = \"unix:management.sock\"\n",
    );
    let mut kept = gateway.connect();
    assert_eq!(kept.request("GET", "/up", &[]).status, 200);
    gateway.process.signal(Signal::TERM);
    gateway.log().wait_for("stopping: not ready, and taking requests for another 1h");
    let mut operator = Client::connect_unix(&gateway.directory.join("management.sock"));
    for (path, status) in [("/ready", 503), ("/health", 200)] {
        assert_eq!(operator.request("GET", path, &["Host: localhost"]).status, status, "{path}");
    }
    for client in [&mut kept, &mut gateway.connect()] {
        let probe = client.request("GET", "/up", &[]);
        assert_eq!((probe.status, probe.text()), (503, "the gateway is stopping\n"));
        let page = client.request("GET", "/", &[]);
        assert_eq!((page.status, page.field("connection")), (200, None));
    }
    gateway.process.signal(Signal::TERM);
    assert_eq!(gateway.process.end().0, Some(0));
}

#[test]
fn the_gateway_stops_when_stop_delay_is_over() {
    let gateway = GatewayProcess::start("[server]\nstop_delay = \"1s\"\n");
    let begun = Instant::now();
    gateway.process.signal(Signal::TERM);
    gateway.log().wait_for("taking requests for another 1s");
    assert_eq!(gateway.get("/", &[]).status, 200);
    assert_eq!(gateway.process.end().0, Some(0));
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn a_stuck_client_delays_the_exit_no_longer_than_stop_timeout() {
    for (timeout, least) in [("0s", Duration::ZERO), ("1500ms", Duration::from_millis(1500))] {
        let script = ScriptedUpstream::bind();
        let gateway = in_front_of(&script, "");
        // As the file says when the stop begins.
        let keys = format!("stop_timeout = \"{timeout}\"");
        gateway.apply(&format!("[server]\n{keys}\n[site]\nupstream = \"{}\"\n", script.url()));
        let (_stuck, _upstream) = begin_request(&gateway, &script);
        let begun = Instant::now();
        gateway.process.signal(Signal::TERM);
        let (code, output) = gateway.process.end();
        assert_eq!(code, Some(0), "{output}");
        assert!(output.contains("1 connections were still open"), "{output}");
        assert!(begun.elapsed() >= least && begun.elapsed() < least + Duration::from_secs(5));
    }
}

#[test]
fn new_connections_are_refused_while_the_last_requests_finish() {
    let script = ScriptedUpstream::bind();
    let site = format!("[site]\nupstream = \"{}\"\n", script.url());
    let gateway = GatewayProcess::start(&format!(
        "{site}[server]\nlisten = [\"127.0.0.1:0\", \"unix:gateway.sock\"]\n"
    ));
    let mut busy = gateway.connect();
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = script.accept();
    upstream.head().expect("a request");
    gateway.process.signal(Signal::TERM);
    gateway.log().wait_for("stopping");
    until("a refused connection", || TcpStream::connect(gateway.address).is_err().then_some(()));
    until("the removal of the socket", || (!gateway.directory.join("gateway.sock").exists()).then_some(()));
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
    assert_eq!(busy.response("GET").text(), "last");
    assert_eq!(gateway.process.end().0, Some(0));
}
