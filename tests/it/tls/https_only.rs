//! `[server] https_only`: the redirect from http to https.

use std::net::SocketAddr;

use super::client::Settings;
use super::{Identity, directory};
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::upstreams::StubUpstream;

const NAME: &str = "site.example";

/// A gateway with an address for http and one for https, and the second address.
fn gateway(more: &str) -> (GatewayProcess, SocketAddr) {
    let directory = directory(&[&Identity::new(&[NAME])], "");
    directory.write("downtime.toml", &config(more));
    start(directory)
}

fn config(more: &str) -> String {
    format!(
        "[server]\nlisten = [\"127.0.0.1:0\", \"https://127.0.0.1:0\"]\nhttps_only = true\n\
         tls = [{{ cert = \"0.pem\", key = \"0.key\" }}]\n{more}"
    )
}

fn start(directory: ConfigDirectory) -> (GatewayProcess, SocketAddr) {
    let gateway = GatewayProcess::on(directory);
    let log = gateway.log().text();
    let address = log.lines().find_map(|line| line.split_once("listening on https://")?.1.parse().ok());
    (gateway, address.expect("an address"))
}

#[test]
fn requests_over_http_are_redirected_and_those_over_https_are_not() {
    let (gateway, https) = gateway("");
    let mut client = gateway.connect();
    for (method, target, fields, location) in [
        ("GET", "/", &[][..], "https://site.example/"),
        ("HEAD", "/a%2Fb/?q=1", &["Host: Other.example:8080"], "https://Other.example/a%2Fb/?q=1"),
        ("POST", "/a", &["Content-Length: 0"], "https://site.example/a"),
        ("GET", "http://target.example:80/x", &[], "https://target.example/x"),
        ("GET", "/", &["X-Forwarded-Proto: https"], "https://site.example/"),
        ("OPTIONS", "*", &[], "https://site.example"),
        ("OPTIONS", "http://target.example", &[], "https://target.example"),
    ] {
        let response = client.request(method, target, fields);
        assert_eq!(response.status, 308, "{method} {target}");
        assert_eq!(response.field("location"), Some(location), "{method} {target}");
        assert_eq!(response.downtime(), None);
    }
    assert_eq!(client.request("GET", "/.downtime/status", &[]).status, 200);
    // The welcome page answers what passes.
    assert_eq!(client.request("GET", "/.well-known/acme-challenge/token", &[]).status, 200);
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.response("GET").status, 400);

    let mut client = Settings::default();
    client.name = NAME;
    let mut client = client.connect(https);
    assert_eq!(client.request("GET", "/", &[]).status, 200);
    gateway.directory.replace("downtime.toml", &config("[[period]]\nstart = 2020-01-01T00:00:00Z\n"));
    gateway.log().wait_for(" applied ");
    assert_eq!(gateway.get("/", &[]).status, 308);
    assert_eq!(client.request("GET", "/", &[]).status, 503);
}

#[test]
fn connect_has_no_url_to_be_redirected_to() {
    let upstream = StubUpstream::start();
    let site = format!("[site]\nupstream = \"{}\"\n", upstream.url());
    let (gateway, _) = gateway(&site);
    let connect = || gateway.connect().request("CONNECT", "site.example:443", &[]);
    let refused = connect();
    assert_eq!((refused.status, refused.field("location")), (501, None));
    gateway
        .directory
        .replace("downtime.toml", &config(&format!("{site}[[period]]\nstart = 2020-01-01T00:00:00Z\n")));
    gateway.log().wait_for(" applied ");
    assert_eq!(connect().status, 503);
    assert!(upstream.heads().is_empty());
}

#[test]
fn a_trusted_proxy_reports_the_scheme_and_the_host() {
    let (gateway, _) = gateway("trusted_proxies = [\"127.0.0.1\"]\n");
    for (fields, location) in [
        (&["X-Forwarded-Proto: https"][..], None),
        (&["X-Forwarded-Proto: http, https"], None),
        (&["X-Forwarded-Proto: http"], Some("https://site.example/a")),
        (&["X-Forwarded-Proto: http", "X-Forwarded-Host: front.example:81"], Some("https://front.example/a")),
        (&["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"], Some("https://site.example/a")),
        (&[], Some("https://site.example/a")),
    ] {
        let response = gateway.get("/a", fields);
        assert_eq!(response.field("location"), location, "{fields:?}");
        assert_eq!(response.status, if location.is_some() { 308 } else { 200 }, "{fields:?}");
    }
}
