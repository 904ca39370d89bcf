//! A client and a server of gRPC, those of Python, with the gateway between them.
//!
//! Without grpcio the tests are ignored; under CI they fail.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::debian::{PYTHON, RequiredProgram, with_python_module};
use crate::gateways::gateways;
use crate::support::process::GatewayProcess;
use crate::support::tls::Authority;

const GRPCIO: RequiredProgram = ("grpc", "python3-grpcio");
const SCRIPT: &str = include_str!("grpc_echo.py");
const DOWN: &str = "[response]\nmessage = \"Back at 10 %.\"\n[[period]]\nstart = 2020-01-01T00:00:00Z\n";
/// What a client prints that speaks to the server itself.
const CALLS: &str = r"unary: (True, '1', b'\x00\xff')
empty: (True, '1', b'\x00\xff')
large: (True, '1', b'\x00\xff')
fail: NOT_FOUND no ü at 100 %
server stream: 499500
client stream: b'a++b'
both: b'abc'
cancel: (b'first', b'yes')
deadline: ('DEADLINE_EXCEEDED', b'yes')
unknown: UNIMPLEMENTED Method not found!
";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn() -> Result<(), Failed>| {
        Trial::ignorable_test(format!("grpc::{name}"), move || with_python_module(GRPCIO, test))
    };
    vec![
        trial("every_kind_of_call_passes_as_if_the_gateway_were_not_there", pass),
        trial("calls_are_unavailable_while_the_site_is_down_or_unreachable", unavailable),
    ]
}

/// A server of gRPC, killed when it is dropped.
struct Server(Child);

impl Server {
    /// Starts a server, and returns the lines of a site with it as the upstream.
    fn start() -> Result<(Self, String), Failed> {
        let (server, port) = Self::start_with(&[])?;
        Ok((server, format!("[site]\nupstream = \"h2c://127.0.0.1:{port}\"\n")))
    }

    /// As [`Server::start`], over TLS.
    fn start_tls(authority: &Authority) -> Result<(Self, String), Failed> {
        authority.issue("127.0.0.1");
        let (server, port) =
            Self::start_with(&[authority.path("127.0.0.1.pem"), authority.path("127.0.0.1.key")])?;
        let ca = authority.path("ca.pem");
        Ok((server, format!("[site]\nupstream = \"https://127.0.0.1:{port}\"\ntls = {{ ca = '{ca}' }}\n")))
    }

    /// Starts a server with these arguments, and returns its port.
    fn start_with(arguments: &[String]) -> Result<(Self, String), Failed> {
        let mut command = Command::new(PYTHON);
        command.args(["-c", SCRIPT, "server"]).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().expect("piped");
        let server = Self(child);
        let mut port = String::new();
        BufReader::new(output).read_line(&mut port)?;
        Ok((server, port.trim().to_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes one call of each kind, and returns a line for each.
fn call(gateway: &GatewayProcess, url: &str) -> String {
    let mut client = Command::new(PYTHON);
    client.args(["-c", SCRIPT, "client", &gateway.address.to_string()]);
    if url.starts_with("https:") {
        client.arg(gateway.directory.join("cert.pem"));
    }
    let output = client.stdin(Stdio::null()).env("PYTHONUTF8", "1").output().expect("Python");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{url}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn pass() -> Result<(), Failed> {
    let authority = Authority::new();
    let servers = [Server::start()?, Server::start_tls(&authority)?];
    for (_, site) in &servers {
        for (gateway, url) in gateways(site) {
            assert_eq!(call(&gateway, &url), CALLS, "{url} to {site}");
        }
    }
    Ok(())
}

fn unavailable() -> Result<(), Failed> {
    let (server, site) = Server::start()?;
    let [down, unreachable] = [format!("{site}{DOWN}"), site].map(|config| gateways(&config));
    drop(server);
    let cases = [(down, "Back at 10 %."), (unreachable, "")];
    for (gateways, message) in cases {
        for (gateway, url) in gateways {
            let output = call(&gateway, &url);
            let is_unavailable = |line: &str| line.contains(": UNAVAILABLE ") && line.ends_with(message);
            assert!(
                output.lines().all(|line| is_unavailable(line) || line.starts_with("deadline: ")),
                "{url}: {output}"
            );
            assert_eq!(output.lines().count(), CALLS.lines().count(), "{url}: {output}");
        }
    }
    Ok(())
}
