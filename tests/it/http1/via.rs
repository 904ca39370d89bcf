//! The Via field, and loops of gateways that it ends (RFC 9110, section 7.6.3).

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::messages::RecordingUpstream;
use super::{DOWN, FORMS, SERVERS, response, site};
use crate::support::process::GatewayProcess;

/// Returns the pseudonym at the end of a list of Via entries, which must be this gateway's.
fn pseudonym(via: &str, case: &str) -> String {
    let entry = via.rsplit(", ").next().unwrap_or(via);
    let (protocol, name) = entry.split_once(' ').unwrap_or_else(|| panic!("{case}: {via:?}"));
    assert!(matches!(protocol, "1.0" | "1.1"), "{case}: {via:?}");
    let digits = name.strip_prefix("downtime-").unwrap_or_else(|| panic!("{case}: {via:?}"));
    let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    assert!(digits.len() == 8 && is_hex, "{case}: {via:?}");
    name.to_owned()
}

const VIA: &str = "HTTP/1.1 200 OK\r\nVia: 1.0 inner\r\nVia: 1.1 outer (a, b)\r\nContent-Length: 0\r\n\r\n";

#[test]
fn via_is_added_to_requests_and_responses_after_the_received_entries() {
    let upstream = RecordingUpstream::start(&[VIA]);
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        let mut names = Vec::new();
        for form in FORMS {
            for (target, fields, before, answer) in [
                ("/", "", "", ""),
                ("/", "Via: 1.0 fred, 1.1 p.example\r\n", "1.0 fred, 1.1 p.example, ", ""),
                (
                    "/0",
                    "Via: 1.0 fred\r\nX: y\r\nvia: 1.1 p\r\n",
                    "1.0 fred, 1.1 p, ",
                    "1.0 inner, 1.1 outer (a, b), ",
                ),
                // A connection option must not hide a loop.
                ("/", "Connection: via\r\nVia: 1.0 fred\r\n", "1.0 fred, ", ""),
            ] {
                let case = format!("{form:?} {target} {fields:?}");
                let mut client = gateway.connect();
                client.send(form.with_fields(target, fields));
                let found = response(&mut client, form.method, &case);
                let via = found.fields.iter().filter(|(name, _)| name == "via");
                let response_via = via.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ");
                let request_via = upstream.request(&case).values("via").join(", ");
                for (via, before) in [(request_via, before), (response_via, answer)] {
                    assert!(via.starts_with(before), "{case}: {via}");
                    assert!(!via[before.len()..].contains(','), "{case}: {via}");
                    names.push(pseudonym(&via, &case));
                }
            }
        }
        names.dedup();
        assert_eq!(names.len(), 1, "{names:?}");
    }
}

#[test]
fn each_process_has_a_pseudonym_of_its_own() {
    let upstream = RecordingUpstream::start(&[]);
    let names = [(); 2].map(|()| {
        let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
        pseudonym(gateway.get("/", &[]).field("via").expect("Via"), "a process")
    });
    assert_ne!(names[0], names[1]);
}

#[test]
fn a_response_of_the_gateway_itself_has_no_via() {
    let gateway = GatewayProcess::start(DOWN);
    for target in ["/", "/.downtime/status"] {
        assert_eq!(gateway.get(target, &[]).field("via"), None, "{target}");
    }
}

fn assert_loop(gateway: &GatewayProcess, fields: &str, case: &str) {
    for form in FORMS {
        let case = format!("{case}, {form:?}");
        let mut client = gateway.connect();
        client.send(form.with_fields("/", fields));
        let found = response(&mut client, form.method, &case);
        assert_eq!((found.status, found.text().trim().is_empty()), (508, false), "{case}");
    }
}

#[test]
fn a_request_that_has_passed_through_this_process_gets_508() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let name = pseudonym(gateway.get("/", &[]).field("via").expect("Via"), "a response");
    upstream.request("the first one");
    for fields in [
        format!("Via: 1.1 {name}\r\n"),
        format!("Via: 1.0 {name}\r\n"),
        format!("Via: 2.0 {name}\r\n"),
        format!("Via: HTTP/1.1 {name}\r\n"),
        format!("Via: 1.1 {name} (a comment)\r\n"),
        format!("Via: 1.0 fred, 1.1 {name}, 1.1 p.example\r\n"),
        format!("Via: 1.0 fred\r\nX: y\r\nvia: 1.1 p,1.1   {name}\r\n"),
        format!("Via: 1.1 {name}\r\nConnection: via\r\n"),
    ] {
        assert_loop(&gateway, &fields, &fields);
    }
    upstream.assert_no_request("a loop");
    for fields in ["Via: 1.1 downtime\r\n", "Via: 1.1 downtime-00000000\r\n", "Via:\r\n", "Via: ,\r\n"] {
        let fields = fields.replace("00000000", if name.ends_with('0') { "11111111" } else { "00000000" });
        let mut client = gateway.connect();
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(response(&mut client, "GET", &fields).status, 200, "{fields:?}");
    }
}

/// Forwards connections to an address, and counts them.
struct CountingRelay {
    address: SocketAddr,
    count: Arc<AtomicUsize>,
}

impl CountingRelay {
    fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Beyond this, it is a storm.
                if counter.fetch_add(1, Ordering::SeqCst) < 100 {
                    let upstream = TcpStream::connect(to).expect("the gateway");
                    pipe(stream.try_clone().expect("a clone"), upstream.try_clone().expect("a clone"));
                    pipe(upstream, stream);
                }
            }
        });
        Self { address, count }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn connections(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

fn pipe(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        // The other direction may have ended already.
        let _ = to.shutdown(Shutdown::Write);
    });
}

#[test]
fn a_gateway_that_is_its_own_upstream_gives_508() {
    for policy in ["", "when_unreachable = \"error\""] {
        let gateway = GatewayProcess::start("");
        gateway.apply(&site(&format!("http://{}", gateway.address), policy));
        assert_loop(&gateway, "", "its own upstream");
    }
}

#[test]
fn a_loop_needs_few_connections() {
    let gateway = GatewayProcess::start("");
    let address = gateway.address;
    let relay = CountingRelay::start(address);
    gateway.apply(&site(&relay.url(), ""));
    let found = gateway.get("/", &[]);
    assert_eq!((found.status, found.text().trim().is_empty()), (508, false));
    assert_eq!(relay.connections(), 1);
    assert_loop(&gateway, "", "through a relay");
    assert!(relay.connections() <= 1 + FORMS.len(), "{} connections", relay.connections());
}

#[test]
fn a_ring_of_gateways_gives_508_after_one_round() {
    let gateways = [GatewayProcess::start(""), GatewayProcess::start("")];
    let addresses = [gateways[0].address, gateways[1].address];
    let relays = addresses.map(CountingRelay::start);
    gateways[0].apply(&site(&relays[1].url(), ""));
    gateways[1].apply(&site(&relays[0].url(), ""));
    for (number, gateway) in gateways.iter().enumerate() {
        let found = gateway.get("/", &[]);
        assert_eq!((found.status, found.text().trim().is_empty()), (508, false), "gateway {number}");
    }
    let counts = relays.map(|relay| relay.connections());
    assert!(counts.iter().sum::<usize>() <= 4, "{counts:?}");
}
