//! Which certificate a client gets, and renewals.

use std::fs::OpenOptions;
use std::sync::mpsc::channel;

use notify::event::AccessKind;
use notify::{EventKind, RecursiveMode, Watcher as _};
use rustix::process::Signal;

use super::client::Settings;
use super::{Identity, any_gateway, connect, gateway};
use crate::support::process::{GatewayProcess, downtime};
use crate::support::{DEADLINE, until};

const ALL: &[&rustls::SupportedProtocolVersion] = rustls::ALL_VERSIONS;

#[test]
fn a_client_gets_the_certificate_for_the_name_that_it_asks_for() {
    let identities =
        [&["first.example"][..], &["*.wild.example"], &["b.example", "a.example"]].map(Identity::new);
    let gateway = gateway(&identities.each_ref(), "");
    for (name, expected) in [
        ("first.example", 0),
        ("a.example", 2),
        ("b.example", 2),
        ("any.wild.example", 1),
        ("unknown.example", 0),
        // Names in handshakes are host names, so none is sent for an address.
        ("127.0.0.1", 0),
    ] {
        let client = Settings::new(name, ALL, &[]).connect(gateway.address);
        assert!(client.certificate() == identities[expected].der, "{name}");
    }
}

/// Replaces a file of the gateway as certbot does.
fn replace(gateway: &GatewayProcess, name: &str, text: &str) {
    gateway.directory.replace(name, text);
}

/// Waits until new clients get the certificate.
fn until_used(gateway: &GatewayProcess, identity: &Identity) {
    until("the certificate", || (connect(gateway).certificate() == identity.der).then_some(()));
}

#[test]
fn a_renewed_certificate_is_used_for_new_connections_and_keeps_the_open_ones() {
    let [old, new, newer] = [(); 3].map(|()| Identity::new(&["site.example"]));
    let gateway = gateway(&[&old], "");
    let mut open = connect(&gateway);
    assert!(open.certificate() == old.der);
    for identity in [&new, &newer] {
        replace(&gateway, "0.pem", &identity.cert);
        replace(&gateway, "0.key", &identity.key);
        until_used(&gateway, identity);
    }
    assert_eq!(open.request("GET", "/", &[]).status, 200);
}

/// A program that closes a file without having written to it leaves no trace, so only the event tells of it.
#[test]
fn the_files_of_a_certificate_are_read_again_by_events() {
    for name in ["0.pem", "0.key"] {
        let gateway = any_gateway();
        let path = gateway.directory.join(name);
        let writer = OpenOptions::new().append(true).open(&path).expect("a file");
        let (sender, opened) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| matches!(event.kind, EventKind::Access(AccessKind::Open(_)))) {
                // The test may have ended.
                let _ = sender.send(());
            }
        })
        .expect("a watcher");
        watcher.watch(&path, RecursiveMode::NonRecursive).expect("watched");
        drop(writer);
        assert!(opened.recv_timeout(DEADLINE).is_ok(), "{name} is not read");
    }
}

#[test]
fn a_certificate_is_read_again_if_it_is_written_in_place_or_with_the_key_first() {
    let [old, new, newer] = [(); 3].map(|()| Identity::new(&["site.example"]));
    let gateway = gateway(&[&old], "");
    gateway.directory.write("0.key", &new.key);
    gateway.directory.write("0.pem", &new.cert);
    until_used(&gateway, &new);
    replace(&gateway, "0.key", &newer.key);
    replace(&gateway, "0.pem", &newer.cert);
    until_used(&gateway, &newer);
}

#[test]
fn a_key_of_another_certificate_keeps_the_old_one_and_is_logged_once() {
    let [old, new] = [(); 2].map(|()| Identity::new(&["site.example"]));
    let gateway = gateway(&[&old], "");
    replace(&gateway, "0.pem", &new.cert);
    gateway.log().wait_for(
        "the key `0.key` does not belong to the certificate `0.pem`; the certificate that was read before stays in use",
    );
    assert!(connect(&gateway).certificate() == old.der);
    replace(&gateway, "0.key", &new.key);
    gateway.log().wait_for(" applied ");
    assert!(connect(&gateway).certificate() == new.der);
    assert_eq!(gateway.log().count("does not belong to"), 1);
}

#[test]
fn a_certificate_that_cannot_be_used_does_not_delay_other_edits() {
    let [old, new] = [(); 2].map(|()| Identity::new(&["site.example"]));
    let gateway = gateway(&[&old], "");
    replace(&gateway, "0.pem", &new.cert);
    gateway.log().wait_for("stays in use");
    for (period, status) in [("[[period]]\nstart = 2020-01-01T00:00:00Z\n", 503), ("# up", 200)] {
        gateway.apply(&super::config(1, period));
        let mut client = connect(&gateway);
        assert!(client.certificate() == old.der);
        assert_eq!(client.request("GET", "/", &[]).status, status);
    }
}

#[test]
fn a_broken_or_missing_certificate_keeps_the_old_one() {
    let old = Identity::new(&["site.example"]);
    let gateway = gateway(&[&old], "");
    replace(&gateway, "0.pem", "");
    gateway.log().wait_for("0.pem holds no certificate; the certificate that was read before stays in use");
    assert!(connect(&gateway).certificate() == old.der);
    std::fs::remove_file(gateway.directory.join("0.key")).expect("removed");
    gateway.log().wait_for("0.key does not exist; the certificate that was read before stays in use");
    assert!(connect(&gateway).certificate() == old.der);
    let new = Identity::new(&["site.example"]);
    gateway.directory.replace("0.pem", &new.cert);
    gateway.directory.replace("0.key", &new.key);
    until_used(&gateway, &new);
}

#[test]
fn a_certificate_that_was_never_usable_is_left_out_until_it_is() {
    let identities = [&["first.example"][..], &["second.example"]].map(Identity::new);
    let gateway = gateway(&[&identities[0]], "");
    gateway.edit(&super::config(2, ""));
    gateway.log().wait_for("1.pem does not exist; the certificate is left out");
    gateway.log().wait_for("1.key does not exist; the certificate is left out");
    let second = || Settings::new("second.example", ALL, &[]).connect(gateway.address).certificate().to_vec();
    assert!(second() == identities[0].der);
    gateway.directory.replace("1.pem", &identities[1].cert);
    gateway.directory.replace("1.key", &identities[1].key);
    until("the second certificate", || (second() == identities[1].der).then_some(()));
}

#[test]
fn an_edit_that_leaves_no_certificate_is_rejected() {
    let identity = Identity::new(&["site.example"]);
    let gateway = gateway(&[&identity], "");
    gateway.edit(&super::config(1, "").replace("0.pem", "other.pem"));
    let line = gateway.log().wait_for("no certificate can be used");
    assert!(line.contains("the last valid configuration stays in effect"), "{line}");
    assert!(line.contains("other.pem does not exist"), "{line}");
    assert!(connect(&gateway).certificate() == identity.der);
}

#[test]
fn each_reload_by_a_signal_warns_of_a_certificate_that_cannot_be_used() {
    let gateway = gateway(&[&Identity::new(&["site.example"])], "");
    replace(&gateway, "0.pem", &Identity::new(&["site.example"]).cert);
    gateway.log().wait_for("stays in use");
    for count in 2..4 {
        gateway.process.signal(Signal::HUP);
        until("a warning", || (gateway.log().count("stays in use") == count).then_some(()));
    }
}

#[test]
fn an_edit_by_a_command_warns_of_a_certificate_that_cannot_be_used_and_is_written() {
    let [old, new] = [(); 2].map(|()| Identity::new(&["site.example"]));
    let gateway = gateway(&[&old], "");
    replace(&gateway, "0.key", &new.key);
    gateway.log().wait_for("stays in use");
    for (arguments, status) in [(&["start", "--name", "db"][..], 503), (&["end"], 200)] {
        let output = downtime(&gateway.directory).args(arguments).output().expect("the binary");
        let text = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(
            text.contains("warning: the key `0.key` does not belong to the certificate `0.pem`"),
            "{text}"
        );
        let has_status = || (connect(&gateway).request("GET", "/", &[]).status == status).then_some(());
        until("the edit", has_status);
    }
    for command in ["--check", "serve"] {
        let output = downtime(&gateway.directory).arg(command).output().expect("the binary");
        let text = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("error: the key `0.key` does not belong to the certificate `0.pem`"), "{text}");
    }
}

#[test]
fn an_address_with_https_keeps_its_certificates_until_the_next_start() {
    let identity = Identity::new(&["site.example"]);
    let gateway = gateway(&[&identity], "");
    gateway.edit("[server]\nlisten = [\"127.0.0.1:0\"]\n");
    gateway.log().wait_for("listen takes effect at the next start");
    assert!(connect(&gateway).certificate() == identity.der);
}

#[test]
fn a_certificate_that_has_expired_is_used_with_a_warning() {
    let expired = Identity {
        cert: include_str!("../../check/golden/tls/expired.pem").to_owned(),
        key: include_str!("../../check/golden/tls/key.pem").to_owned(),
        der: Vec::new(),
    };
    let gateway = gateway(&[&expired], "");
    assert!(gateway.log().text().contains("the certificate for expired.example has expired"));
    assert_eq!(connect(&gateway).request("GET", "/", &[]).status, 200);
    gateway.apply(&super::config(1, "# again"));
    gateway.log().wait_for("has expired");
}
