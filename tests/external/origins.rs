//! What scripts of another origin get from a site that is down, in a real browser. They can read the response if the
//! configuration allows it, and are never redirected; a person who visits a page of the site is.
//!
//! Without Chromium the tests are ignored; under CI they fail.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use libtest_mimic::{Failed, Trial};
use percent_encoding::percent_decode_str;
use tempfile::TempDir;

use crate::debian;
use crate::support::DEADLINE;
use crate::support::process::GatewayProcess;

const CHROMIUM: &str = "chromium";
const DOWN: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";
/// What a script reads of the response: status, Retry-After, Downtime, if there is a Date, and Content-Type.
const READABLE: &str = "503 300 planned true application/problem+json";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, cors: fn(&str) -> String, expected: &'static [(&str, &str)]| {
        Trial::ignorable_test(format!("origins::{name}"), move || {
            debian::with(&[(CHROMIUM, "chromium")], || check(cors, expected))
        })
    };
    vec![
        trial(
            "any_origin_can_read_the_response_without_credentials",
            |_| "\"any\"".into(),
            &[
                ("['/a']", READABLE),
                ("['/a', { headers: { Accept: 'application/vnd.api+json' } }]", READABLE),
                ("['/a', { method: 'POST', body: 'text' }]", READABLE),
                ("['/a', { method: 'HEAD' }]", READABLE),
                ("['/a', { credentials: 'include' }]", "error"),
                (JSON, "error"),
            ],
        ),
        trial(
            "a_listed_origin_can_read_the_response_with_credentials_and_after_a_preflight",
            |page| format!("[\"{page}\"]"),
            &[
                ("['/a']", READABLE),
                ("['/a', { credentials: 'include' }]", READABLE),
                (JSON, READABLE),
                (DELETE, READABLE),
            ],
        ),
        trial(
            "an_unlisted_origin_cannot_read_the_response",
            |_| "[\"https://app.example\"]".into(),
            &[("['/a']", "error"), (JSON, "error")],
        ),
        trial(
            "no_origin_can_read_the_response_if_cors_is_off",
            |_| "false".into(),
            &[("['/a']", "error"), (JSON, "error")],
        ),
    ]
}

const JSON: &str = "['/a', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } }]";
const DELETE: &str = "['/a', { method: 'DELETE', credentials: 'include' }]";

/// Fetches from a gateway, then visits it and expects to be redirected to the server of the page.
fn check(cors: fn(&str) -> String, expected: &[(&str, &str)]) -> Result<(), Failed> {
    let page = PageServer::bind();
    let origin = page.origin();
    let response = format!("[response]\ncors = {}\nredirect = \"{origin}/arrived\"\n", cors(&origin));
    let gateway = GatewayProcess::start(&format!("{response}{DOWN}"));
    let attempts: Vec<_> = expected.iter().map(|(attempt, _)| *attempt).collect();
    let targets = page.serve(script(&format!("http://{}", gateway.address), &attempts.join(", ")));
    let directory = tempfile::tempdir()?;
    let _browser = Browser::open(&origin, &directory);
    let results = wait_for(&targets, "/result?")?;
    let results = percent_decode_str(&results).decode_utf8_lossy();
    let expected: Vec<_> = expected.iter().map(|(_, expected)| *expected).collect();
    if results.lines().collect::<Vec<_>>() != expected {
        return Err(format!("expected {expected:?}, found\n{results}").into());
    }
    wait_for(&targets, "/arrived").map(drop)
}

fn script(gateway: &str, attempts: &str) -> String {
    format!(
        "<script>(async () => {{
            const results = [];
            for (const [path, options] of [{attempts}]) {{
                try {{
                    const response = await fetch('{gateway}' + path, options);
                    const [retry, downtime, date, type] =
                        ['Retry-After', 'Downtime', 'Date', 'Content-Type'].map(name => response.headers.get(name));
                    results.push(`${{response.status}} ${{retry}} ${{downtime}} ${{date !== null}} ${{type}}`);
                }} catch {{
                    results.push('error');
                }}
            }}
            await fetch('/result?' + encodeURIComponent(results.join('\\n')));
            location = '{gateway}/page';
        }})()</script>"
    )
}

/// Waits for a request target that begins with `prefix`, and returns the rest of it.
fn wait_for(targets: &Receiver<String>, prefix: &str) -> Result<String, Failed> {
    loop {
        let target = targets
            .recv_timeout(DEADLINE)
            .map_err(|_| format!("the browser sent no request for {prefix}"))?;
        if let Some(rest) = target.strip_prefix(prefix) {
            return Ok(rest.to_owned());
        }
    }
}

/// A server that responds to each request with the same page.
struct PageServer(TcpListener);

impl PageServer {
    fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a port"))
    }

    fn origin(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("an address"))
    }

    /// Serves until the process ends, and sends the target of each request to the receiver.
    fn serve(self, page: String) -> Receiver<String> {
        let (sender, targets) = channel();
        thread::spawn(move || {
            for stream in self.0.incoming().flatten() {
                let (page, sender) = (page.clone(), sender.clone());
                thread::spawn(move || respond(stream, &page, &sender));
            }
        });
        targets
    }
}

/// Responds to one request without a body. A browser may also open a connection and send nothing.
fn respond(mut stream: TcpStream, page: &str, targets: &Sender<String>) -> Option<()> {
    let mut head = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let line = head.next()?;
    head.take_while(|line| !line.is_empty()).for_each(drop);
    let length = page.len();
    let fields = format!("Content-Type: text/html\r\nContent-Length: {length}\r\nConnection: close");
    stream.write_all(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{page}").as_bytes()).ok()?;
    targets.send(line.split(' ').nth(1)?.to_owned()).ok()
}

struct Browser(Child);

impl Browser {
    fn open(url: &str, directory: &TempDir) -> Self {
        let browser = Command::new(CHROMIUM)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--no-proxy-server", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", directory.path().join("profile").display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(browser.expect("a browser"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
