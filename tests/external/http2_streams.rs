//! An upstream in Python, by h2, that allows few requests at a time on each connection of HTTP/2.
//!
//! Without h2 the test is ignored; under CI it fails.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::debian::{PYTHON, with_python_module};
use crate::support::process::GatewayProcess;

const SCRIPT: &str = include_str!("http2_streams.py");
const ALLOWED: usize = 4;
const REQUESTS: usize = 40;

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::ignorable_test(
        "http2_streams::requests_beyond_what_a_connection_takes_get_another_one_and_none_waits",
        || with_python_module(("h2", "python3-h2"), check),
    )]
}

fn check() -> Result<(), Failed> {
    let mut command = Command::new(PYTHON);
    command.args(["-c", SCRIPT, &ALLOWED.to_string(), &REQUESTS.to_string()]);
    let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut output = BufReader::new(server.stdout.take().expect("piped"));
    let mut port = String::new();
    output.read_line(&mut port)?;
    let gateway = GatewayProcess::start(&format!("[site]\nupstream = \"h2c://127.0.0.1:{}\"\n", port.trim()));
    // Each is sent before the first has a response.
    let mut clients: Vec<_> = (0..REQUESTS).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for client in &mut clients {
        assert_eq!(client.response("GET").text(), "the site");
    }
    drop(server.stdin.take());
    let (mut connections, mut errors) = (String::new(), String::new());
    output.read_line(&mut connections)?;
    server.stderr.take().expect("piped").read_to_string(&mut errors)?;
    server.wait()?;
    assert_eq!(errors, "");
    let (connections, workers) =
        (connections.trim().parse::<usize>()?, std::thread::available_parallelism()?);
    let needed = REQUESTS / ALLOWED;
    assert!((needed..needed + workers.get()).contains(&connections), "{connections}");
    Ok(())
}
