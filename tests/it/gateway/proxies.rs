//! Which address counts as the client's, and which forwarding fields the upstream gets.

use super::DOWN;
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

const TRUSTED: &str = "[server]\ntrusted_proxies = [\"127.0.0.1/32\", \"10.0.0.0/8\"]\n";

fn exempting(networks: &str) -> String {
    format!("[exempt]\nnetworks = [{networks}]\n{DOWN}")
}

#[test]
fn the_forwarding_fields_of_an_untrusted_peer_are_ignored() {
    let gateway = GatewayProcess::start(&exempting("\"192.0.2.0/24\""));
    for field in [
        "X-Forwarded-For: 192.0.2.1",
        "X-Forwarded-For: 127.0.0.1, 192.0.2.1",
        "Forwarded: for=192.0.2.1",
        "X-Real-IP: 192.0.2.1",
        "X_Forwarded_For: 192.0.2.1",
    ] {
        assert_eq!(gateway.get("/", &[field]).status, 503, "{field}");
    }
    gateway.apply(&exempting("\"127.0.0.0/8\""));
    assert_eq!(gateway.get("/", &["X-Forwarded-For: 192.0.2.1"]).status, 200);
}

#[test]
fn the_client_of_a_trusted_peer_is_the_rightmost_untrusted_address() {
    let gateway =
        GatewayProcess::start(&format!("{TRUSTED}{}", exempting("\"192.0.2.0/24\", \"2001:db8::/32\"")));
    for (fields, status) in [
        (&["X-Forwarded-For: 192.0.2.1"][..], 200),
        (&["X-Forwarded-For: ::ffff:192.0.2.1"], 200),
        (&["X-Forwarded-For: [2001:db8::1]:443"], 200),
        (&["X-Forwarded-For: 192.0.2.1, 10.0.0.7"], 200),
        (&["X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 192.0.2.1"], 200),
        (&["X-Forwarded-For: 192.0.2.1, 198.51.100.1"], 503),
        (&["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 198.51.100.1"], 503),
        (&["X-Forwarded-For: 192.0.2.1, unknown"], 503),
        (&["X-Forwarded-For: 192.0.2.1.5"], 503),
        (&["Forwarded: for=192.0.2.1"], 503),
        (&[], 503),
    ] {
        assert_eq!(gateway.get("/", fields).status, status, "{fields:?}");
    }
}

#[test]
fn a_peer_on_a_unix_socket_is_believed_only_if_unix_peers_are_trusted() {
    let config = |trusted: &str| {
        let server = format!("[server]\nlisten = [\"127.0.0.1:0\", \"unix:gateway.sock\"]\n{trusted}\n");
        format!("{server}{}", exempting("\"192.0.2.0/24\""))
    };
    let gateway = GatewayProcess::start(&config("trusted_proxies = [\"unix:\"]"));
    let status = |field: &str| {
        Client::connect_unix(&gateway.directory.join("gateway.sock")).request("GET", "/", &[field]).status
    };
    assert_eq!(status("X-Forwarded-For: 192.0.2.1"), 200);
    assert_eq!(status("X-Forwarded-For: 198.51.100.1"), 503);
    assert_eq!(gateway.get("/", &["X-Forwarded-For: 192.0.2.1"]).status, 503);
    gateway.apply(&config(""));
    assert_eq!(status("X-Forwarded-For: 192.0.2.1"), 503);
}

#[test]
fn a_peer_without_an_address_matches_no_network() {
    let server =
        "[server]\nlisten = [\"127.0.0.1:0\", \"unix:gateway.sock\"]\ntrusted_proxies = [\"unix:\"]\n";
    let gateway = GatewayProcess::start(&format!("{server}{}", exempting("\"0.0.0.0/0\", \"::/0\"")));
    let mut client = Client::connect_unix(&gateway.directory.join("gateway.sock"));
    assert_eq!(client.request("GET", "/", &[]).status, 503);
    assert_eq!(client.request("GET", "/", &["X-Forwarded-For: nobody"]).status, 503);
    assert_eq!(client.request("GET", "/", &["X-Forwarded-For: 192.0.2.1"]).status, 200);
    assert_eq!(gateway.get("/", &[]).status, 200);
}

#[test]
fn the_upstream_gets_the_claims_of_trusted_peers_only() {
    const CLAIMS: &[&str] = &[
        "X-Forwarded-For: 192.0.2.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: public.example",
        "Connection: X-Forwarded-For",
    ];
    let origin = StubUpstream::start();
    let site = format!("[site]\nupstream = \"{}\"\n", origin.url());
    let gateway = GatewayProcess::start(&site);
    for (server, expected) in [
        (TRUSTED, ["192.0.2.1, 127.0.0.1", "https", "public.example"]),
        ("", ["127.0.0.1", "http", "site.example"]),
    ] {
        gateway.apply(&format!("{server}{site}# {server:?}"));
        assert_eq!(gateway.get("/", &CLAIMS[..3]).status, 200);
        let head = origin.head().to_lowercase();
        let forwarded = ["for", "proto", "host"].map(|name| {
            let name = format!("x-forwarded-{name}: ");
            let values: Vec<&str> =
                head.lines().filter_map(|line| line.strip_prefix(name.as_str())).collect();
            values.join(" and ")
        });
        assert_eq!(forwarded, expected, "{server}");
        assert!(head.contains("host: site.example\r\n"), "{head}");
    }
    assert_eq!(gateway.get("/", CLAIMS).status, 200);
    assert!(origin.head().to_lowercase().contains("x-forwarded-for: 127.0.0.1\r\n"));
}
