//! SIGTERM and SIGINT: what happens to requests and connections, and how long a stop takes.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;

use super::DOWN;
use crate::proxy::gateway::InProcessGateway;
use crate::proxy::peer::{Origin, settled};
use crate::proxy::stopped_clock::StoppedClock;
use crate::support::awaited::until_changed;
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::tls::identity;
use crate::support::until;
use crate::upstreams::ScriptedUpstream;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

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
        drop(idle);
        upstream.send(" last");
        assert_eq!(busy.take(10).expect("the body"), b"first last");
        assert!(busy.is_closed());
        drop(busy);
        assert_eq!(gateway.process.end().0, Some(0));
    }
}

/// The gateway waits for it for a second. A busy machine may take longer, so the test moves the clock.
#[tokio::test(flavor = "local")]
async fn a_request_on_its_way_to_an_idle_connection_that_a_stop_closes_meets_no_reset() {
    let clock = StoppedClock::stop();
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut idle = gateway.connect().await;
    idle.stream.write_all(REQUEST).await.expect("sent");
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    idle.head().await;
    gateway.stop();
    settled().await;
    clock.advance(Duration::from_millis(1100)).await;
    assert_eq!(idle.rest().await, (String::new(), true));
    idle.stream.write_all(REQUEST).await.expect("sent");
    // The reset would come before the request is sent.
    assert!(idle.stream.take_error().expect("known").is_none(), "reset");
    settled().await;
    assert!(idle.stream.take_error().expect("known").is_none(), "reset");
    assert!(upstream.is_silent().await && origin.is_left_alone().await);
}

#[test]
fn sigterm_under_load_resets_no_connection_and_exits_with_0() {
    const CLIENTS: usize = 16;
    let gateway = GatewayProcess::start(DOWN);
    let (warm, warmed) = channel();
    let (code, output) = std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (client, warm) = (gateway.connect(), warm.clone());
            // Half of them wait for each response. The others send ahead, also after the last response.
            scope.spawn(
                move || if number % 2 == 0 { request_in_turn(client, warm) } else { flood(client, warm) },
            );
        }
        drop(warm);
        // Ends when every client is warm. One that fails drops its sender too, and fails the test at the end.
        warmed.iter().for_each(drop);
        gateway.process.signal(Signal::TERM);
        gateway.process.end()
    });
    assert_eq!(code, Some(0), "{output}");
    assert!(!output.contains("were still open"), "{output}");
}

/// The number of responses that each client gets before the stop. Then it drops its sender.
const WARM: usize = 50;

/// How many requests are sent ahead of their responses, and so behind the last one. The gateway takes them for two seconds, and a client on
/// a busy machine would find the last of thousands of responses later than that.
const AHEAD: usize = 32;

fn request_in_turn(mut client: Client, warm: Sender<()>) {
    let mut warm = Some(warm);
    for served in 0.. {
        if served == WARM {
            warm.take();
        }
        client.stream.write_all(REQUEST).expect("no reset while a request is sent");
        if is_last(&mut client) {
            return;
        }
    }
}

fn flood(mut client: Client, warm: Sender<()>) {
    let mut warm = Some(warm);
    let mut to = client.stream.try_clone().expect("a stream");
    std::thread::scope(|scope| {
        let (ahead, answered) = sync_channel(AHEAD);
        scope.spawn(move || {
            while ahead.send(()).is_ok() {
                to.write_all(REQUEST).expect("no reset while a request is sent");
            }
        });
        for served in 0.. {
            if served == WARM {
                warm.take();
            }
            if is_last(&mut client) {
                return;
            }
            answered.recv().expect("a request");
        }
    });
}

/// Reads a response. Returns true if the connection has ended behind it, or instead of it, and asserts that it was not reset.
fn is_last(client: &mut Client) -> bool {
    match client.try_response("GET") {
        Ok(response) => {
            assert_eq!(response.status, 503);
            let is_last = response.field("connection") == Some("close");
            assert!(!is_last || client.rest().expect("no reset after the last response").is_empty());
            is_last
        }
        Err(error) => {
            assert!(client.has_read_nothing(), "within a response: {error}");
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
            true
        }
    }
}

#[test]
fn a_kept_connection_may_carry_one_more_request_after_sigterm() {
    let script = ScriptedUpstream::bind();
    let gateway = in_front_of(&script, "");
    // Its response has begun before the stop, so it does not say that the connection closes.
    let (mut client, mut upstream) = begin_request(&gateway, &script);
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    let head = client.head().expect("a response");
    assert!(!head.to_lowercase().contains("connection:"), "{head}");
    gateway.process.signal(Signal::TERM);
    // The gateway has told its connections when it refuses new ones.
    until("a refused connection", || TcpStream::connect(gateway.address).is_err().then_some(()));
    // Before the response ends, since a busy machine may take longer than the second for which the gateway waits then.
    client.send(REQUEST);
    upstream.send("k");
    assert_eq!(client.take(2).expect("the body"), b"ok");
    upstream.head().expect("a request");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
    let last = client.response("GET");
    assert_eq!((last.text(), last.field("connection")), ("last", Some("close")));
    assert_eq!(client.rest().expect("no reset"), b"");
    assert_eq!(gateway.process.end().0, Some(0));
}

#[test]
fn connections_that_wait_to_be_accepted_are_served_at_a_stop() {
    for _ in 0..3 {
        let gateway = GatewayProcess::start(DOWN);
        gateway.process.signal(Signal::STOP);
        let clients = (0..64).map(|_| {
            let mut client = gateway.connect();
            client.send(REQUEST);
            client
        });
        let clients: Vec<_> = clients.collect();
        gateway.process.signal(Signal::TERM);
        gateway.process.signal(Signal::CONT);
        for mut client in clients {
            assert_eq!(client.response("GET").status, 503);
        }
        assert_eq!(gateway.process.end().0, Some(0));
    }
}

/// Asserts that the gateway has not waited for `stop_timeout`, which is longer by far than what is described in the name of the test.
fn assert_ends_by_itself(gateway: GatewayProcess, case: &str) {
    let (code, output) = gateway.process.end();
    assert_eq!(code, Some(0), "{case}: {output}");
    assert!(!output.contains("still open when the gateway ended"), "{case}: {output}");
}

#[test]
fn half_a_head_delays_the_exit_by_a_second_and_no_longer() {
    let gateway = GatewayProcess::start(DOWN);
    let mut slow = gateway.connect();
    assert_eq!(slow.request("GET", "/", &[]).status, 503);
    slow.send("GET / HT");
    gateway.process.signal(Signal::TERM);
    assert_eq!(slow.rest().expect("no reset"), b"");
    drop(slow);
    assert_ends_by_itself(gateway, "half a head");
}

#[test]
fn a_connection_that_has_not_begun_delays_the_exit_by_a_second_and_no_longer() {
    const TLS: &str = "listen = [\"https://127.0.0.1:0\"]\ntls = [{ cert = \"0.pem\", key = \"0.key\" }]";
    for (keys, sent) in
        [(TLS, &b""[..]), (TLS, b"\x16\x03\x01"), ("proxy_protocol = [\"127.0.0.1\"]", b"PROXY TCP4 ")]
    {
        let directory = ConfigDirectory::with(&format!("[server]\n{keys}\n"));
        let (cert, key) = identity(&["site.example"]);
        directory.write("0.pem", &cert);
        directory.write("0.key", &key);
        let gateway = GatewayProcess::on(directory);
        let mut slow = gateway.connect();
        slow.send(sent);
        gateway.process.signal(Signal::TERM);
        assert_ends_by_itself(gateway, keys);
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
        assert!(!output.contains("closed 0 connections"), "{output}");
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
    let status = operator.request("GET", "/status", &["Host: localhost"]);
    assert!(status.text().contains("\"gateway   is stopping: "), "{}", status.text());
    assert_eq!(status.json()["stopping"], true);
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
    assert_eq!(gateway.process.end().0, Some(0));
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn a_stuck_client_delays_the_exit_no_longer_than_stop_timeout() {
    for (timeout, shown, least) in
        [("0s", "0s", Duration::ZERO), ("1500ms", "1s 500ms", Duration::from_millis(1500))]
    {
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
        assert!(output.contains("closed 1 connection, still open when the gateway ended"), "{output}");
        assert!(output.contains(&format!("waiting up to {shown} for requests")), "{output}");
        assert!(begun.elapsed() >= least, "{:?}", begun.elapsed());
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
    let socket = gateway.directory.join("gateway.sock");
    until_changed(&socket, || (!socket.exists()).then_some(()));
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
    assert_eq!(busy.response("GET").text(), "last");
    assert_eq!(gateway.process.end().0, Some(0));
}
