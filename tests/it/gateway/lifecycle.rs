//! The process: how it starts, why it refuses to start, and how it stops.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::time::Instant;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use super::DOWN;
use crate::support::http::{Client, uninterrupted};
use crate::support::process::{ConfigDirectory, GatewayProcess, Process, downtime, downtime_by};
use crate::support::until;

/// Asserts that the gateway does not start, and returns its output.
fn failed_start(directory: &ConfigDirectory) -> String {
    let (code, output) = Process::spawn(downtime(directory)).end();
    assert_eq!(code, Some(1), "{output}");
    assert!(!output.contains("panicked") && !output.contains("listening on"), "{output}");
    output
}

#[test]
fn startup_logs_the_address_the_site_the_state_and_how_to_take_it_down() {
    let gateway = GatewayProcess::start("");
    for line in ["listening on http://127.0.0.1:", "site: the welcome page", "state: up", "downtime start"] {
        assert_eq!(gateway.log().count(line), 1, "{line}: {}", gateway.log().text());
    }
}

#[test]
fn an_address_that_is_in_use_is_an_error_with_the_fix() {
    let gateway = GatewayProcess::start("");
    let output =
        failed_start(&ConfigDirectory::with(&format!("[server]\nlisten = [\"{}\"]\n", gateway.address)));
    assert!(output.contains(&format!("cannot listen on {}", gateway.address)), "{output}");
    assert!(output.contains("ss -ltnp") && output.contains("[server] listen"), "{output}");
    assert_eq!(gateway.get("/", &[]).status, 200);
}

#[test]
fn every_address_that_is_in_use_is_named() {
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let addresses = held.map(|listener| (listener.local_addr().expect("an address"), listener));
    let list = addresses.iter().map(|(address, _)| format!("\"{address}\"")).collect::<Vec<_>>().join(", ");
    let output = failed_start(&ConfigDirectory::with(&format!("[server]\nlisten = [{list}]\n")));
    for (address, _) in &addresses {
        assert!(output.contains(&format!("cannot listen on {address}")), "{output}");
    }
}

#[test]
fn an_invalid_file_is_refused_with_the_line_and_column() {
    let output = failed_start(&ConfigDirectory::with("[server]\nlisten = 5\n"));
    assert!(output.contains("downtime.toml:2:10"), "{output}");
    let directory = ConfigDirectory::with("");
    std::fs::remove_file(directory.join("downtime.toml")).expect("removed");
    let mut command = downtime(&directory);
    command.args(["-c", "downtime.toml"]);
    let (code, output) = Process::spawn(command).end();
    assert_eq!((code, output.contains("downtime.toml does not exist")), (Some(1), true), "{output}");
}

fn with_unix_socket() -> ConfigDirectory {
    ConfigDirectory::with("[server]\nlisten = [\"unix:gateway.sock\", \"127.0.0.1:0\"]\n")
}

#[test]
fn unix_sockets_have_the_modes_of_the_file_or_that_of_the_umask() {
    let directory = ConfigDirectory::with(
        "[server]\nlisten = [\"unix:a.sock?mode=0666\", \"unix:b.sock?mode=600\", \"unix:c.sock\", \"127.0.0.1:0\"]\n\
         [management]\nlisten = \"unix:management.sock?mode=0660\"\n",
    );
    let command = downtime_by("sh", &["-c", "umask 027; exec \"$0\""], &directory);
    let gateway = GatewayProcess::run(directory, command);
    for (name, expected) in [("a", 0o666), ("b", 0o600), ("c", 0o750), ("management", 0o660)] {
        let socket = gateway.directory.join(&format!("{name}.sock"));
        let mode = std::fs::metadata(&socket).expect("a socket").permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{name}: {mode:o}");
        assert_eq!(Client::connect_unix(&socket).request("GET", "/health", &["Host: localhost"]).status, 200);
    }
}

#[test]
fn a_stale_unix_socket_is_replaced_and_removed_on_exit() {
    let directory = with_unix_socket();
    let socket = directory.join("gateway.sock");
    drop(UnixListener::bind(&socket).expect("bound"));
    assert!(socket.exists());
    let gateway = GatewayProcess::on(directory);
    assert_eq!(Client::connect_unix(&socket).request("GET", "/", &[]).status, 200);
    gateway.process.signal(Signal::TERM);
    let GatewayProcess { process, directory: _directory, .. } = gateway;
    assert_eq!(process.end().0, Some(0));
    assert!(!socket.exists());
}

#[test]
fn a_path_that_is_in_use_or_not_a_socket_is_refused_and_left_alone() {
    let directory = with_unix_socket();
    let socket = directory.join("gateway.sock");
    let holder = UnixListener::bind(&socket).expect("bound");
    assert!(failed_start(&directory).contains("another process listens on it"));
    assert!(std::os::unix::net::UnixStream::connect(&socket).is_ok());
    drop(holder);
    std::fs::remove_file(&socket).expect("removed");
    std::fs::write(&socket, "precious").expect("written");
    let output = failed_start(&directory);
    assert!(output.contains("gateway.sock: there is a file that is not a socket"), "{output}");
    assert!(output.contains("remove it if nothing needs it"), "{output}");
    assert_eq!(std::fs::read_to_string(&socket).expect("there"), "precious");
}

#[test]
fn a_port_alone_listens_on_all_addresses_of_both_families() {
    let config = "[exempt]\nnetworks = [\"127.0.0.1/32\"]\n[server]\nlisten = [\":0\"]\n[management]\nlisten = \":0\"\n";
    let directory = ConfigDirectory::with(&format!("{config}{DOWN}"));
    let process = Process::spawn(downtime(&directory));
    let port = |prefix: &str| {
        let line = process.log.wait_for(prefix);
        let (_, rest) = line.split_once(prefix).expect("the prefix");
        rest.strip_suffix(" (all addresses)").and_then(|port| port.parse::<u16>().ok()).expect("a port")
    };
    let visitors = port("listening on http://127.0.0.1:");
    let operators = port("management on http://127.0.0.1:");
    // The client of an IPv4 connection has an IPv4 address, on a socket for both families too.
    let status = |address: SocketAddr| Client::connect(address).request("GET", "/", &[]).status;
    assert_eq!(status((Ipv4Addr::LOCALHOST, visitors).into()), 200);
    let health = |address: SocketAddr| {
        let host = format!("Host: {address}");
        Client::connect(address).request("GET", "/health", &[&host]).status
    };
    assert_eq!(health((Ipv4Addr::LOCALHOST, operators).into()), 200);
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        assert_eq!(status((Ipv6Addr::LOCALHOST, visitors).into()), 503);
        assert_eq!(health((Ipv6Addr::LOCALHOST, operators).into()), 200);
    }
    let other = ConfigDirectory::with(&format!("[server]\nlisten = [\":{visitors}\"]\n"));
    let output = failed_start(&other);
    assert!(output.contains(&format!("cannot listen on :{visitors}")), "{output}");
    assert!(output.contains(&format!("`ss -ltnp 'sport = :{visitors}'`")), "{output}");
}

#[test]
fn an_unspecified_address_is_shown_as_one_that_can_be_opened() {
    for (listen, shown) in
        [("0.0.0.0:0", "listening on http://127.0.0.1:"), ("[::]:0", "listening on http://[::1]:")]
    {
        if listen.starts_with('[') && TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
            continue;
        }
        let directory = ConfigDirectory::with(&format!("[server]\nlisten = [\"{listen}\"]\n"));
        let process = Process::spawn(downtime(&directory));
        let line = process.log.wait_for("listening on ");
        let all = if listen.starts_with('[') { " (all IPv6 addresses)" } else { " (all IPv4 addresses)" };
        assert!(line.contains(shown) && line.ends_with(all), "{line}");
        if listen.starts_with('[') {
            let port =
                line.trim_end_matches(all).rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
            let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, port.expect("a port")));
            assert!(refused.is_err(), "it accepts IPv4 connections");
        }
    }
}

/// The gateway logs the path of a file that it cannot open because it has no descriptors left.
#[test]
fn a_path_cannot_forge_a_log_line() {
    let forged = "/x%0A2026-11-25T00:00:00Z%20ERROR%20forged%1B[31m%C2%9B2J%22";
    for (format, written) in [
        ("text", r#"path="x\n2026-11-25T00:00:00Z ERROR forged\u{1b}[31m\u{9b}2J\"""#),
        ("json", r#""path":"x\n2026-11-25T00:00:00Z ERROR forged\u001b[31m\u009b2J\"""#),
    ] {
        let config = format!("[site]\nroot = \"public\"\n[log]\nformat = \"{format}\"\n");
        let directory = ConfigDirectory::with(&config);
        std::fs::create_dir(directory.join("public")).expect("made");
        let gateway = GatewayProcess::on(directory);
        let mut client = gateway.connect();
        assert_eq!(client.request("GET", forged, &[]).status, 404);
        // One descriptor is left, for the root. The watch may be using it, so this is repeated.
        let descriptors = format!("/proc/{}/fd", gateway.process.child.id());
        let free = (0..1000).find(|number| !Path::new(&format!("{descriptors}/{number}")).exists());
        let limit = Rlimit { current: free.map(|free| free + 1), maximum: free.map(|free| free + 1) };
        prlimit(Some(Pid::from_child(&gateway.process.child)), Resource::Nofile, limit).expect("set");
        let (line, _) = until("the path", || {
            client.request("GET", forged, &[]);
            let log = gateway.log().text();
            log.lines().find(|line| line.contains("forged")).map(ToOwned::to_owned)
        });
        assert!(line.contains("WARN") && line.contains(written), "{line}");
        let log = gateway.log().text();
        assert!(
            !log.contains(['\u{1b}', '\u{9b}']) && log.lines().all(|line| !line.starts_with("2026-11-25")),
            "{log}"
        );
    }
}

#[test]
fn sighup_reads_the_file_immediately() {
    let gateway = GatewayProcess::start("");
    gateway.process.signal(Signal::HUP);
    gateway.log().wait_for("received SIGHUP: reading");
    gateway.log().wait_for("unchanged");
    gateway.edit(DOWN);
    gateway.process.signal(Signal::HUP);
    gateway.log().wait_for(" applied ");
    assert_eq!(gateway.get("/", &[]).status, 503);
    gateway.edit("[response]\nstatus = 200\n");
    gateway.log().wait_for("is not applied");
    for _ in 0..2 {
        gateway.process.signal(Signal::HUP);
        gateway.log().wait_for("received SIGHUP: reading");
        let line = gateway.log().wait_for("is unchanged and still invalid");
        assert!(line.contains("downtime.toml:2:10"), "{line}");
    }
    assert_eq!(gateway.get("/", &[]).status, 503);
}

#[test]
fn a_signal_is_handled_as_soon_as_the_gateway_listens() {
    let directory = ConfigDirectory::with("");
    let process = Process::spawn(downtime(&directory));
    process.log.wait_for("listening on");
    process.signal(Signal::TERM);
    assert_eq!(process.end().0, Some(0));
}

#[test]
fn systemd_is_notified_of_readiness_the_state_reloads_and_stopping() {
    let directory = ConfigDirectory::with("");
    let manager = UnixDatagram::bind(directory.join("notify")).expect("bound");
    manager.set_read_timeout(Some(crate::support::DEADLINE)).expect("set");
    // Returns the message with this line. Threads notify independently.
    let wait_for = |expected: &str| {
        let mut others = Vec::new();
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < crate::support::DEADLINE, "{expected}: {others:?}");
            let mut buffer = [0; 512];
            let length = uninterrupted(|| manager.recv(&mut buffer)).expect(expected);
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.lines().any(|line| line == expected) {
                return message;
            }
            others.push(message);
        }
    };
    let mut command = downtime(&directory);
    // One message a second: the socket takes ten that are not read, and then the gateway drops others.
    command.env("NOTIFY_SOCKET", directory.join("notify")).env("WATCHDOG_USEC", "2000000");
    let gateway = GatewayProcess::run(directory, command);
    wait_for("STATUS=up; no downtime is planned");
    assert_eq!(gateway.get("/", &[]).status, 200);
    wait_for("WATCHDOG=1");
    gateway.edit("[[period]]\nstart = 2020-01-01T00:00:00Z\n");
    wait_for("STATUS=down, with no known end: the period at line 1");
    gateway.process.signal(Signal::HUP);
    let reloading = wait_for("RELOADING=1");
    assert!(reloading.lines().any(|line| line.starts_with("MONOTONIC_USEC=")), "{reloading}");
    wait_for("READY=1");
    gateway.process.signal(Signal::TERM);
    wait_for("STOPPING=1");
}

#[test]
fn a_slow_head_gets_408_on_each_listener() {
    const PART: &[u8] = b"GET / HTTP/1.1\r\nHost: si";
    let listeners = "[server]\nlisten = [\"127.0.0.1:0\"]\n[management]\nlisten = \"unix:management.sock\"\n";
    let limits = "[limits]\nhead_timeout = \"200ms\"\n";
    let gateway = GatewayProcess::start(&format!("{listeners}{limits}{DOWN}"));
    // It does not accept them before they have sent something, however long a busy machine takes for that.
    gateway.process.signal(Signal::STOP);
    let mut busy = gateway.connect();
    let mut operator = Client::connect_unix(&gateway.directory.join("management.sock"));
    let mut new = gateway.connect();
    busy.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    new.send(PART);
    operator.send(PART);
    gateway.process.signal(Signal::CONT);
    assert_eq!(busy.response("POST").status, 503);
    busy.send(PART);
    for response in [busy.response("GET"), new.response("GET"), operator.response("GET")] {
        assert_eq!((response.status, response.field("connection")), (408, Some("close")));
    }
    assert!(busy.is_closed() && new.is_closed() && operator.is_closed());
}
