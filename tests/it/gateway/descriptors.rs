//! What happens when the gateway may open no more descriptors, or connections.

use std::fs;
use std::io::Write as _;

use http::Request;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::DOWN;
use crate::management::{operator, query, with_management};
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess, Process, downtime_by};
use crate::support::tls::identity;
use crate::support::{DEADLINE, until};
use crate::tls::client::Settings;
use crate::upstreams::{ScriptedUpstream, StubUpstream};

const FULL: &str = " connections are open, the most within ";

/// Starts a gateway by a shell that runs these commands first.
pub(super) fn start_after(commands: &str, config: &str) -> GatewayProcess {
    let directory = ConfigDirectory::with(config);
    let command = downtime_by("sh", &["-c", &format!("{commands} && exec \"$0\"")], &directory);
    GatewayProcess::run(directory, command)
}

#[test]
fn the_limit_is_raised_to_the_hard_limit_at_start() {
    let gateway = start_after("ulimit -Sn 64", "");
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.process.child.id())).expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    let values: Vec<_> = line.split_whitespace().skip(3).take(2).collect();
    assert!(values[0] == values[1] && values[0] != "64", "{line}");
}

#[test]
fn too_few_descriptors_for_a_start_are_an_error_with_the_fix() {
    // The standard streams, the address and the epoll instances of the threads: the number of cores decides.
    for limit in 6.. {
        let directory = ConfigDirectory::with("");
        let arguments = ["-c", &format!("ulimit -n {limit} && exec \"$0\"")];
        let mut process = Process::spawn(downtime_by("sh", &arguments, &directory));
        let has_started = || process.log.text().contains("to take the site down").then_some(true);
        let (has_started, _) = until("start or end", || {
            process.child.try_wait().expect("a state").map(|_| false).or_else(has_started)
        });
        if has_started {
            assert!(limit > 16, "{limit}");
            return;
        }
        let (code, output) = process.end();
        assert_eq!(code, Some(1), "{limit}: {output}");
        assert!(
            output.contains("Too many open files") && output.contains("LimitNOFILE="),
            "{limit}: {output}"
        );
        assert!(!output.contains("panicked") && !output.contains("listening"), "{limit}: {output}");
    }
}

#[test]
fn idle_connections_make_room_for_new_clients_when_descriptors_run_out() {
    let gateway = start_after("ulimit -n 64", DOWN);
    let mut clients = Vec::new();
    for number in 0..200 {
        let mut client = gateway.connect();
        // Every third client only connects.
        if number % 3 > 0 {
            assert_eq!(client.request("GET", "/", &[]).status, 503, "{number}");
        }
        clients.push(client);
    }
    let line = gateway.log().wait_for(FULL);
    assert!(line.contains("`[limits] connections`") && line.contains("LimitNOFILE="), "{line}");
    // Those that were idle longest were closed.
    assert!(clients[1].is_closed());
    let last = clients.last_mut().expect("a client");
    assert_eq!(last.request("GET", "/", &[]).status, 503);
    assert_eq!(gateway.log().count(FULL), 1, "{}", gateway.log().text());
    drop(clients);
    let kept: Vec<_> = (0..20).map(|_| gateway.connect()).collect();
    for mut client in kept {
        assert_eq!(client.request("GET", "/", &[]).status, 503);
        assert_eq!(client.request("GET", "/", &[]).status, 503);
    }
}

#[test]
fn the_warning_of_too_many_operators_names_no_limit_of_clients() {
    let gateway = start_after("ulimit -n 64", &with_management(DOWN));
    let _operators: Vec<_> = (0..10).map(|_| operator(&gateway)).collect();
    let line = gateway.log().wait_for(FULL);
    assert!(line.contains("LimitNOFILE=") && !line.contains("[limits]"), "{line}");
}

#[test]
fn requests_in_progress_are_not_closed_when_descriptors_run_out() {
    let script = ScriptedUpstream::bind();
    let gateway = start_after("ulimit -n 64", &format!("[site]\nupstream = \"{}\"\n", script.url()));
    let mut busy = gateway.connect();
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = script.accept();
    upstream.head().expect("a request");
    let idle: Vec<Client> = (0..100).map(|_| gateway.connect()).collect();
    gateway.log().wait_for(FULL);
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(busy.response("GET").text(), "ok");
    drop(idle);
}

#[test]
fn more_requests_than_there_are_descriptors_for_all_reach_the_upstream() {
    let upstream = StubUpstream::start();
    let gateway = start_after("ulimit -n 100", &format!("[site]\nupstream = \"{}\"\n", upstream.url()));
    let mut clients: Vec<_> = (0..80).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for mut client in clients {
        let response = client.response("GET");
        assert_eq!(response.status, 200);
    }
    let log = gateway.log().text();
    assert!(log.contains(FULL) && !log.contains("is unreachable"), "{log}");
}

#[test]
fn a_limit_that_there_are_too_few_descriptors_for_is_a_warning_at_each_start_and_reload_and_in_the_status() {
    let upstream = StubUpstream::start();
    let config = |connections: u32, upstream_connections: u32| {
        with_management(&format!(
            "[site]\nupstream = \"{}\"\n[limits]\nconnections = {connections}\nupstream_connections = {upstream_connections}\n",
            upstream.url()
        ))
    };
    let gateway = start_after("ulimit -n 128", &config(2000, 3));
    let line = gateway.log().wait_for("`[limits] connections` is 2000, but there can only be ");
    assert!(line.contains(" WARN ") && line.contains("the limit of 128 open files"), "{line}");
    assert!(line.contains("`LimitNOFILE=`") && line.contains("`ulimit -n`"), "{line}");
    gateway.apply(&config(4, 3000));
    gateway.log().wait_for("`[limits] upstream_connections` is 3000, but there can only be ");
    let lines = query(&gateway, "/status").json()["lines"].to_string();
    assert!(lines.contains("`[limits] upstream_connections` is 3000, but there can only be "), "{lines}");
    gateway.apply(&config(4, 3));
    let lines = query(&gateway, "/status").json()["lines"].to_string();
    assert!(!lines.contains("open files"), "{lines}");
    assert_eq!(gateway.log().count("but there can only be"), 2, "{}", gateway.log().text());
}

#[test]
fn operators_get_in_and_leave_descriptors_for_visitors_however_many_connections_they_have() {
    let gateway = start_after("ulimit -n 128", &with_management(DOWN));
    let idle: Vec<_> = (0..200).map(|_| operator(&gateway)).collect();
    let mut visitors: Vec<_> = (0..20).map(|_| gateway.connect()).collect();
    for visitor in &mut visitors {
        assert_eq!(visitor.request("GET", "/", &[]).status, 503);
    }
    assert_eq!(query(&gateway, "/ready").status, 200);
    assert_eq!(gateway.log().count("cannot accept"), 0, "{}", gateway.log().text());
    drop(idle);
}

#[test]
fn an_edit_that_could_not_be_read_for_lack_of_descriptors_is_read_soon() {
    let gateway = start_after("ulimit -n 64", "");
    let set_limit = |current| {
        let limit = Rlimit { current: Some(current), maximum: Some(64) };
        prlimit(Some(Pid::from_child(&gateway.process.child)), Resource::Nofile, limit).expect("set");
    };
    set_limit(0);
    gateway.edit(DOWN);
    let line = gateway.log().wait_for("cannot be read: Too many open files");
    assert!(line.contains("LimitNOFILE="), "{line}");
    set_limit(64);
    gateway.log().wait_for(" applied ");
    assert_eq!(gateway.get("/", &[]).status, 503);
}

#[test]
fn idle_connections_of_http_2_make_room_too() {
    let gateway = start_after("ulimit -n 64", DOWN);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let connecting = async {
        let mut kept = Vec::new();
        for _ in 0..100 {
            let stream = tokio::net::TcpStream::connect(gateway.address).await.expect("the gateway");
            let (mut sender, connection) =
                handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
            tokio::spawn(connection);
            let request = Request::get("http://a/").body(http_body_util::Empty::<bytes::Bytes>::new());
            let response = sender.send_request(request.expect("a request")).await.expect("a response");
            assert_eq!(response.status(), 503);
            kept.push(sender);
        }
        assert!(kept[0].is_closed() && !kept[99].is_closed());
    };
    runtime.block_on(async { tokio::time::timeout(DEADLINE, connecting).await.expect("in time") });
}

const TLS: &str = "listen = [\"https://127.0.0.1:0\"]\ntls = [{ cert = \"cert.pem\", key = \"key.pem\" }]\n";
const PLAIN: &str = "listen = [\"127.0.0.1:0\"]\n";
const PROXY: &str = "listen = [\"127.0.0.1:0\"]\nproxy_protocol = [\"127.0.0.1\"]\n";

/// Starts a gateway after these commands, with these limits. A number of clients begin in each way without ever sending a whole request.
/// Then another one gets its response.
fn assert_room_after(commands: &str, limits: &str, clients: usize) {
    let (cert, key) = identity(&["site.example"]);
    let times = "head_timeout = \"1h\"\nhandshake_timeout = \"1h\"\n";
    for (server, begin) in [
        (TLS, &b""[..]),
        (TLS, b"\x16\x03\x01\x02\x00\x01"),
        (PROXY, b""),
        (PROXY, b"PROXY TCP4 192.0.2.1"),
        (PLAIN, b"GET / HTTP/1.1\r\nHost: a\r\n"),
        (PLAIN, b"PRI * HTTP/2.0\r\n\r\n"),
        (PLAIN, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (PLAIN, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x09\x01\x04\0\0\0\x01"),
    ] {
        let directory =
            ConfigDirectory::with(&format!("{DOWN}\n[server]\n{server}\n[limits]\n{times}{limits}\n"));
        directory.write("cert.pem", &cert);
        directory.write("key.pem", &key);
        let command = downtime_by("sh", &["-c", &format!("{commands} && exec \"$0\"")], &directory);
        let gateway = GatewayProcess::run(directory, command);
        let begun = (0..clients).map(|_| {
            let mut client = gateway.connect();
            // It may have been closed already.
            let _ = client.stream.write_all(begin);
            client
        });
        let begun: Vec<_> = begun.collect();
        let status = if server == TLS {
            Settings::default().connect(gateway.address).request("GET", "/", &[]).status
        } else {
            let mut client = gateway.connect();
            client.send(if server == PROXY { "PROXY UNKNOWN\r\n" } else { "" });
            client.request("GET", "/", &[]).status
        };
        assert_eq!(status, 503, "{server} {}", begin.escape_ascii());
        drop(begun);
    }
}

#[test]
fn clients_without_a_whole_request_make_room_when_descriptors_run_out() {
    assert_room_after("ulimit -n 64", "", 100);
}

#[test]
fn clients_without_a_whole_request_make_room_within_the_limit_for_connections() {
    assert_room_after("true", "connections = 3", 3);
}
