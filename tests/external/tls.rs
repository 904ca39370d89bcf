//! TLS as OpenSSL and curl see it.
//!
//! Without these programs the tests are ignored; under CI they fail.

use std::io::Write as _;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::debian;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::tls::identity;

const CONFIG: &str = "[server]\nlisten = [\"https://127.0.0.1:0\"]\ntls = [\n    \
                      { cert = \"0.pem\", key = \"0.key\" },\n    { cert = \"1.pem\", key = \"1.key\" },\n]\n";
/// The names of the two certificates.
const NAMES: [&str; 2] = ["first.example", "*.second.example"];

pub(crate) fn trials() -> Vec<Trial> {
    let openssl = |name: &str, test: fn(&GatewayProcess) -> Result<(), Failed>| {
        Trial::ignorable_test(format!("tls::{name}"), move || {
            debian::with(&[("openssl", "openssl")], || test(&gateway()))
        })
    };
    let curl = |name: &str, test: fn(&GatewayProcess) -> Result<(), Failed>| {
        Trial::ignorable_test(format!("tls::{name}"), move || {
            debian::with(&[("curl", "curl")], || test(&gateway()))
        })
    };
    vec![
        openssl("openssl_speaks_tls_1_2_and_1_3_and_nothing_older", versions),
        openssl("openssl_gets_the_certificate_for_the_name_that_it_asks_for", names),
        openssl("openssl_resumes_its_session", resumption),
        curl("curl_speaks_http_1_1_and_http_2_and_checks_the_certificate", protocols),
    ]
}

fn gateway() -> GatewayProcess {
    let directory = ConfigDirectory::with(CONFIG);
    for (number, name) in NAMES.into_iter().enumerate() {
        let (cert, key) = identity(&[name]);
        directory.write(&format!("{number}.pem"), &cert);
        directory.write(&format!("{number}.key"), &key);
    }
    GatewayProcess::on(directory)
}

/// Runs `openssl s_client`, which sends a request and waits for the end of the response. Returns all output.
fn s_client(gateway: &GatewayProcess, arguments: &[&str]) -> String {
    let mut client = Command::new("openssl")
        .args(["s_client", "-ign_eof", "-connect", &gateway.address.to_string()])
        .args(arguments)
        .current_dir(gateway.directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl");
    let request = b"GET / HTTP/1.1\r\nHost: first.example\r\nConnection: close\r\n\r\n";
    // It may have failed to connect.
    let _ = client.stdin.take().expect("piped").write_all(request);
    let output = client.wait_with_output().expect("output");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn versions(gateway: &GatewayProcess) -> Result<(), Failed> {
    for (version, expected) in [("-tls1_2", "Protocol  : TLSv1.2"), ("-tls1_3", "New, TLSv1.3")] {
        let output = s_client(gateway, &[version, "-alpn", "http/1.1"]);
        contains(&output, &[expected, "ALPN protocol: http/1.1", "HTTP/1.1 200 OK"])?;
    }
    let output = s_client(gateway, &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    contains(&output, &["Cipher is (NONE)"])
}

fn names(gateway: &GatewayProcess) -> Result<(), Failed> {
    let cases = [
        (
            &["-servername", "first.example", "-CAfile", "0.pem", "-verify_hostname", "first.example"][..],
            "OK",
        ),
        (
            &["-servername", "a.second.example", "-CAfile", "1.pem", "-verify_hostname", "a.second.example"],
            "OK",
        ),
        (&["-servername", "other.example", "-CAfile", "0.pem", "-verify_hostname", "first.example"], "OK"),
        (&["-noservername", "-CAfile", "0.pem", "-verify_hostname", "first.example"], "OK"),
        (
            &["-servername", "a.second.example", "-CAfile", "1.pem", "-verify_hostname", "first.example"],
            "error",
        ),
    ];
    for (arguments, expected) in cases {
        let output = s_client(gateway, arguments);
        let is_verified = output.contains("Verification: OK");
        if is_verified != (expected == "OK") {
            return Err(format!("{arguments:?}: {output}").into());
        }
    }
    Ok(())
}

fn resumption(gateway: &GatewayProcess) -> Result<(), Failed> {
    for version in ["-tls1_2", "-tls1_3"] {
        let first = s_client(gateway, &[version, "-servername", "first.example", "-sess_out", "session"]);
        contains(&first, &["New, TLSv1."])?;
        let second = s_client(gateway, &[version, "-servername", "first.example", "-sess_in", "session"]);
        contains(&second, &["Reused, TLSv1.", "HTTP/1.1 200 OK"])?;
    }
    let first = s_client(gateway, &["-tls1_2", "-no_ticket", "-sess_out", "session"]);
    contains(&first, &["New, TLSv1.2"])?;
    contains(&s_client(gateway, &["-tls1_2", "-no_ticket", "-sess_in", "session"]), &["Reused, TLSv1.2"])
}

fn protocols(gateway: &GatewayProcess) -> Result<(), Failed> {
    let port = gateway.address.port();
    let curl = |arguments: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "*", "--resolve", &format!("first.example:{port}:127.0.0.1")])
            .args(["-o", "body", "-w", "%{http_version} %{response_code}"])
            .args(arguments)
            .arg(format!("https://first.example:{port}/"))
            .current_dir(gateway.directory.path());
        let output = curl.output().expect("curl");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    for (arguments, expected) in [
        (&["--cacert", "0.pem", "--http1.1"][..], "1.1 200"),
        (&["--cacert", "0.pem", "--http2"], "2 200"),
        (&["--cacert", "0.pem", "--http2", "--tls-max", "1.2", "-d", "text"], "2 200"),
        (&["--cacert", "1.pem"], "self-signed certificate"),
    ] {
        contains(&curl(arguments), &[expected])?;
    }
    Ok(())
}

fn contains(output: &str, expected: &[&str]) -> Result<(), Failed> {
    match expected.iter().find(|expected| !output.contains(**expected)) {
        None => Ok(()),
        Some(missing) => Err(format!("expected {missing:?} in:\n{output}").into()),
    }
}
