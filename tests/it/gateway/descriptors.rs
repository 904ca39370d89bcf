//! What happens when the gateway may open no more descriptors.

use std::fs;

use http::Request;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::DOWN;
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess, Process, downtime_by};
use crate::support::{DEADLINE, until};
use crate::upstreams::ScriptedUpstream;

/// Starts a gateway by a shell that runs these commands first.
fn start_after(commands: &str, config: &str) -> GatewayProcess {
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
    let log = gateway.log().text();
    assert_eq!(log.matches("cannot accept more connections").count(), 1, "{log}");
    assert!(log.contains("LimitNOFILE="), "{log}");
    // Those that were idle longest were closed.
    assert!(clients[1].is_closed());
    let last = clients.last_mut().expect("a client");
    assert_eq!(last.request("GET", "/", &[]).status, 503);
    drop(clients);
    let kept: Vec<_> = (0..20).map(|_| gateway.connect()).collect();
    for mut client in kept {
        assert_eq!(client.request("GET", "/", &[]).status, 503);
        assert_eq!(client.request("GET", "/", &[]).status, 503);
    }
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
    gateway.log().wait_for("cannot accept more connections");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(busy.response("GET").text(), "ok");
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
