//! The public status at `status_path`.

use std::io::{ErrorKind, Read as _};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Instant;

use serde_json::json;

use super::{DOWN, assert_counted_down, period};
use crate::support::process::{ConfigDirectory, GatewayProcess, listening};
use crate::support::until;
use crate::upstreams::StubUpstream;

const STATUS: &str = "/.downtime/status";

#[test]
fn the_status_reports_the_state_its_end_and_the_next_downtime() {
    let next = "[[period]]\nname = \"secret\"\nstart = 2999-12-01T22:00:00+01:00\nfor = \"4h\"\n";
    let next_json = json!({"start": "2999-12-01T21:00:00Z", "end": "2999-12-02T01:00:00Z"});
    let gateway = GatewayProcess::start("");
    let up = json!({"state": "up", "until": null, "retry_after": 0, "message": null, "next": null, "reachable": null, "cause": null});
    assert_eq!(gateway.get(STATUS, &[]).json(), up);
    gateway.apply(next);
    let mut planned = up;
    planned["next"].clone_from(&next_json);
    assert_eq!(gateway.get(STATUS, &[]).json(), planned);
    gateway.apply(&format!("{next}{}", period(-60, 3600, "name = \"hidden\"\nmessage = \"We move.\"")));
    let response = gateway.get(STATUS, &[]);
    let status = response.json();
    assert_eq!((&status["state"], &status["cause"]), (&"down".into(), &"planned".into()));
    assert_eq!(response.field("content-language"), Some("en"));
    assert_eq!((&status["message"], &status["next"]), (&"We move.".into(), &next_json));
    assert!(!response.text().contains("secret") && !response.text().contains("hidden"));
}

#[test]
fn the_status_gives_the_end_in_utc_and_counts_down_to_it() {
    let begun = Instant::now();
    let gateway = GatewayProcess::start(&period(-60, 3600, ""));
    let status = gateway.get(STATUS, &[]).json();
    let retry_after = status["retry_after"].as_u64().expect("seconds");
    assert_counted_down(retry_after, 3600, begun, &status.to_string());
    let until: jiff::Timestamp = status["until"].as_str().expect("a time").parse().expect("a time");
    let left = until.duration_since(downtime::clock::now()).as_secs();
    assert_counted_down(left.try_into().expect("to come"), 3600, begun, &status.to_string());
}

#[test]
fn the_status_is_public_never_stored_and_allows_only_get_and_head() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = gateway.connect();
    let get = client.request("GET", STATUS, &["Origin: https://other.example"]);
    let head = client.request("HEAD", STATUS, &[]);
    for (response, length) in [(&get, get.body.len()), (&head, 0)] {
        assert_eq!((response.status, response.body.len()), (200, length));
        assert_eq!(response.field("content-type"), Some("application/json"));
        assert_eq!(response.field("content-length"), Some(get.body.len().to_string().as_str()));
        assert_eq!(response.downtime(), None);
    }
    let post = client.request("POST", STATUS, &["Content-Length: 0"]);
    assert_eq!((post.status, post.field("allow")), (405, Some("GET, HEAD")));
    for response in [get, head, post] {
        assert_eq!(response.field("cache-control"), Some("no-store"));
        assert_eq!(response.field("access-control-allow-origin"), Some("*"));
    }
}

#[test]
fn exemptions_do_not_change_the_status_of_any_path() {
    let config = format!("[exempt]\npaths = [\"/open/**\"]\nnetworks = [\"127.0.0.0/8\"]\n{DOWN}");
    let gateway = GatewayProcess::start(&config);
    for query in ["", "?path=/", "?path=/open/x", "?path=%2Fshop%3Fa", "?path", "?path=//", "?other=1"] {
        assert_eq!(gateway.get(&format!("{STATUS}{query}"), &[]).json()["state"], "down", "{query}");
    }
}

#[test]
fn the_status_path_can_be_moved_and_turned_off() {
    let origin = StubUpstream::start();
    let site = format!("[site]\nupstream = \"{}\"\n", origin.url());
    let gateway = GatewayProcess::start(&site);
    for path in [STATUS, "/.well-known/downtime"] {
        assert_eq!(gateway.get(path, &[]).json()["state"], "up", "{path}");
    }
    gateway.apply(&format!("[server]\nstatus_path = \"/up\"\n{site}"));
    assert_eq!(gateway.get("/.well-known/downtime", &[]).text(), "the site");
    assert_eq!(gateway.get("/up", &[]).json()["state"], "up");
    assert_eq!(gateway.get(STATUS, &[]).text(), "the site");
    gateway.apply(&format!("[server]\nstatus_path = false\n{site}{DOWN}"));
    assert_eq!(gateway.get(STATUS, &[]).downtime(), Some("planned"));
    gateway.apply(&format!("[server]\nstatus_path = false\n{site}"));
    assert_eq!(gateway.get(STATUS, &[]).text(), "the site");
}

#[test]
fn the_status_tells_if_the_upstream_is_reachable_and_finds_out_when_it_is_again() {
    let directory = ConfigDirectory::with("");
    let socket = directory.join("site.sock");
    let site = format!("[site]\nupstream = \"unix:{}\"\n", socket.display());
    directory.write("downtime.toml", &listening(&site));
    let gateway = GatewayProcess::on(directory);
    let reachable = || gateway.get(STATUS, &[]).json()["reachable"].as_bool();
    assert_eq!(reachable(), None);
    assert_eq!(gateway.get("/", &[]).downtime(), Some("unreachable"));
    assert_eq!(reachable(), Some(false));
    let site = UnixListener::bind(&socket).expect("a free path");
    until("reachable", || reachable().filter(|reachable| *reachable));
    let (mut attempt, _) = site.accept().expect("an attempt");
    let mut request = Vec::new();
    attempt.read_to_end(&mut request).expect("the end of the connection");
    assert!(request.is_empty(), "the site must not get a request that no visitor made");
}

#[test]
fn an_upstream_that_accepts_connections_but_does_not_respond_is_not_reachable() {
    let directory = ConfigDirectory::with("");
    let socket = directory.join("site.sock");
    let site = format!("[site]\nupstream = \"unix:{}\"\n", socket.display());
    directory.write("downtime.toml", &listening(&site));
    let site = UnixListener::bind(&socket).expect("a free path");
    let gateway = GatewayProcess::on(directory);
    let status = |query: &str| gateway.get(&format!("{STATUS}{query}"), &[]).json()["reachable"].clone();
    thread::scope(|scope| {
        scope.spawn(|| drop(site.accept().expect("a connection")));
        assert_eq!(gateway.get("/", &[]).downtime(), Some("unreachable"));
    });
    // Of the pages, one may try.
    let answers = ["", "?path=/a", "?path=/a", ""].map(status);
    assert_eq!(answers, [json!(false), json!(null), json!(false), json!(false)]);
    site.set_nonblocking(true).expect("set");
    assert_eq!(site.accept().expect_err("no attempt").kind(), ErrorKind::WouldBlock);
}
