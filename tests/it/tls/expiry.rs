//! When certificates expire, as operators see it.

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::json;

use super::directory;
use crate::support::http::Client;
use crate::support::process::{GatewayProcess, downtime};
use crate::support::until;

/// An identity that has expired on 2026-05-01.
fn expired() -> super::Identity {
    super::Identity {
        cert: include_str!("../../check/golden/tls/expired.pem").to_owned(),
        key: include_str!("../../check/golden/tls/key.pem").to_owned(),
        der: Vec::new(),
    }
}

/// Returns the address of `[management]`.
fn management(gateway: &GatewayProcess) -> SocketAddr {
    let log = gateway.log().text();
    let address = |line: &str| line.split_once("management on http://")?.1.parse().ok();
    log.lines().find_map(address).expect("an address")
}

#[test]
fn status_and_metrics_tell_of_the_certificate_in_use_if_its_files_cannot_be_used() {
    let gateway = GatewayProcess::on(directory(&[&expired()], "[management]\nlisten = \"127.0.0.1:0\"\n"));
    let address = management(&gateway);
    let get = |path: &str| Client::connect(address).request("GET", path, &["Host: localhost"]);
    let metric = |value: u8| {
        let metrics = get("/metrics");
        assert!(metrics.text().contains(
            "downtime_tls_certificate_expiry_timestamp_seconds{name=\"expired.example\"} 1777593600\n"
        ));
        metrics.text().contains(&format!("\ndowntime_tls_certificates_unusable {value}\n"))
    };
    assert!(metric(0));
    gateway.directory.replace("0.pem", &super::Identity::new(&["new.example"]).cert);
    gateway.log().wait_for("stays in use");
    assert!(metric(1));
    let is_told = || {
        let status = get("/status").json();
        assert_eq!(status["certificates"][0]["names"][0], "expired.example");
        status["diagnostics"].to_string().contains("the key `0.key` does not belong").then_some(())
    };
    until("a warning", is_told);
    let lines = get("/status").json()["lines"].to_string();
    assert!(lines.contains("tls       expired.example, www.expired.example: expired "), "{lines}");
    let why = "; the files of 1 certificate cannot be used: the key `0.key` does not belong";
    assert!(lines.contains(why) && lines.contains("read before stays in use"), "{lines}");
    gateway.directory.replace("0.pem", &expired().cert);
    until("the files", || metric(0).then_some(()));
}

#[test]
fn the_status_of_a_file_tells_of_certificates_only_if_something_is_wrong() {
    let good = super::Identity::new(&["good.example"]);
    let directory = directory(&[&good, &good], "");
    let status = || {
        let output = downtime(&directory).arg("status").stdout(Stdio::piped()).output().expect("the binary");
        String::from_utf8(output.stdout).expect("text")
    };
    let text = status();
    assert!(text.contains("state     up") && !text.contains("tls"), "{text}");
    directory.write("0.key", &expired().key);
    directory.write("1.pem", "");
    let text = status();
    assert!(text.contains("tls       the files of 2 certificates cannot be used"), "{text}");
}

#[test]
fn status_and_metrics_tell_when_a_certificate_expires() {
    let other = super::Identity::new(&["other.example"]);
    let gateway = GatewayProcess::on(directory(
        &[&expired(), &other, &expired()],
        "[management]\nlisten = \"127.0.0.1:0\"\n",
    ));
    let address = management(&gateway);
    let get = |path: &str| Client::connect(address).request("GET", path, &["Host: localhost"]);
    let status = get("/status").json();
    assert_eq!(
        status["certificates"][0],
        json!({
            "names": ["expired.example", "www.expired.example"],
            "valid_from": "2026-01-01T00:00:00Z",
            "expires_at": "2026-05-01T00:00:00Z",
        })
    );
    assert_eq!(status["certificates"].as_array().expect("a list").len(), 3);
    let warning = status["diagnostics"][0]["message"].as_str().expect("a warning").to_owned();
    assert!(warning.contains("the certificate for expired.example has expired"), "{warning}");
    let metrics = get("/metrics");
    let name = "downtime_tls_certificate_expiry_timestamp_seconds";
    let lines: Vec<_> = metrics.text().lines().filter(|line| line.starts_with(name)).collect();
    assert_eq!(lines.len(), 2, "one for each name: {lines:?}");
    assert_eq!(lines[0], format!("{name}{{name=\"expired.example\"}} 1777593600"));
    assert!(lines[1].starts_with(&format!("{name}{{name=\"other.example\"}} ")));
    assert!(metrics.text().contains(&format!("# TYPE {name} gauge\n")));
}
