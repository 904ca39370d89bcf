//! Malformed HTTP/2, as a client in Python sends it, on whose side h2 reads the answers.
//!
//! Without h2 the tests are ignored; under CI they fail.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use libtest_mimic::{Failed, Trial};

use crate::debian::{PYTHON, with_python_module};
use crate::gateways::gateways;
use crate::support::http::Client;

const SCRIPT: &str = include_str!("http2_frames.py");

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::ignorable_test(
        "http2_frames::malformed_http2_ends_its_stream_or_connection_and_reaches_no_upstream",
        || with_python_module(("h2", "python3-h2"), check),
    )]
}

fn check() -> Result<(), Failed> {
    let origin = Origin::start()?;
    for (gateway, url) in gateways(&format!("[site]\nupstream = \"http://{}\"\n", origin.address)) {
        let scheme = if url.starts_with("https:") { "tls" } else { "plain" };
        let address = gateway.address.to_string();
        let mut client = Command::new(PYTHON);
        client.args(["-c", SCRIPT, &address, scheme]).stdin(Stdio::null());
        let output = client.output()?;
        let lines = [output.stdout, output.stderr].concat();
        if !output.status.success() || !lines.is_empty() {
            return Err(format!("{scheme}: {}", String::from_utf8_lossy(&lines)).into());
        }
        let whole = std::mem::take(&mut *origin.whole.lock().expect("a list"));
        assert!(!whole.is_empty() && whole.iter().all(|line| line.contains(" / ")), "{scheme}: {whole:?}");
    }
    Ok(())
}

/// An upstream that responds to each request once it has all of it.
struct Origin {
    address: std::net::SocketAddr,
    /// The request lines of what it received as a whole.
    whole: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    fn start() -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, whole) = (listener.local_addr()?, Arc::<Mutex<Vec<String>>>::default());
        let received = Arc::clone(&whole);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let received = Arc::clone(&received);
                thread::spawn(move || serve(stream, &received));
            }
        });
        Ok(Self { address, whole })
    }
}

/// Serves until the connection ends.
fn serve(stream: TcpStream, whole: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut client = Client::on(stream);
    loop {
        let head = client.head()?;
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        if field("transfer-encoding").is_some() {
            client.chunks()?;
        } else if let Some(length) = field("content-length") {
            client.take(length.parse().expect("a length"))?;
        }
        whole.lock().expect("a list").extend(head.lines().next().map(str::to_owned));
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
}
