//! What a page of another origin gets from a site that is down, in a real browser: it can read the answer, where it may,
//! and is never sent elsewhere; a person who goes to a page of the site is.
//!
//! Where there is no Chromium the tests are ignored, except under CI, where they fail.

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
use crate::support::process::Gateway;

const CHROMIUM: &str = "chromium";
const DOWN: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";
const READ: &str = "503 300 planned true application/problem+json";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, cors: fn(&str) -> String, expected: &'static [(&str, &str)]| {
        Trial::ignorable_test(format!("origins::{name}"), move || {
            debian::with(&[(CHROMIUM, "chromium")], || check(cors, expected))
        })
    };
    vec![
        trial(
            "any_page_can_read_the_answer_without_credentials",
            |_| "\"any\"".into(),
            &[
                ("['/a']", READ),
                ("['/a', { headers: { Accept: 'application/vnd.api+json' } }]", READ),
                ("['/a', { method: 'POST', body: 'text' }]", READ),
                ("['/a', { method: 'HEAD' }]", READ),
                ("['/a', { credentials: 'include' }]", "error"),
                (JSON, "error"),
            ],
        ),
        trial(
            "a_listed_page_can_read_it_with_credentials_and_after_a_preflight",
            |page| format!("[\"{page}\"]"),
            &[("['/a']", READ), ("['/a', { credentials: 'include' }]", READ), (JSON, READ), (DELETE, READ)],
        ),
        trial(
            "a_page_that_is_not_listed_cannot_read_it",
            |_| "[\"https://app.example\"]".into(),
            &[("['/a']", "error"), (JSON, "error")],
        ),
        trial("no_page_can_where_that_is_off", |_| "false".into(), &[("['/a']", "error"), (JSON, "error")]),
    ]
}

const JSON: &str = "['/a', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } }]";
const DELETE: &str = "['/a', { method: 'DELETE', credentials: 'include' }]";

/// Fetches from a gateway that redirects to the page's own server, and then goes there.
fn check(cors: fn(&str) -> String, expected: &[(&str, &str)]) -> Result<(), Failed> {
    let page = Page::bind();
    let origin = page.origin();
    let response = format!("[response]\ncors = {}\nredirect = \"{origin}/arrived\"\n", cors(&origin));
    let gateway = Gateway::start(&format!("{response}{DOWN}"));
    let attempts: Vec<_> = expected.iter().map(|(attempt, _)| *attempt).collect();
    let targets = page.serve(script(&format!("http://{}", gateway.address), &attempts.join(", ")));
    let directory = tempfile::tempdir()?;
    let _browser = Browser::open(&origin, &directory);
    let found = wait_for(&targets, "/result?")?;
    let found = percent_decode_str(&found).decode_utf8_lossy();
    let expected: Vec<_> = expected.iter().map(|(_, expected)| *expected).collect();
    if found.lines().collect::<Vec<_>>() != expected {
        return Err(format!("{found}").into());
    }
    wait_for(&targets, "/arrived").map(drop)
}

fn script(gateway: &str, attempts: &str) -> String {
    format!(
        "<script>(async () => {{
            const found = [];
            for (const [path, options] of [{attempts}]) {{
                try {{
                    const answer = await fetch('{gateway}' + path, options);
                    const [retry, downtime, date, type] =
                        ['Retry-After', 'Downtime', 'Date', 'Content-Type'].map(name => answer.headers.get(name));
                    found.push(`${{answer.status}} ${{retry}} ${{downtime}} ${{date !== null}} ${{type}}`);
                }} catch {{
                    found.push('error');
                }}
            }}
            await fetch('/result?' + encodeURIComponent(found.join('\\n')));
            location = '{gateway}/page';
        }})()</script>"
    )
}

/// What follows `prefix` in the next target that begins with it.
fn wait_for(targets: &Receiver<String>, prefix: &str) -> Result<String, Failed> {
    loop {
        let target = targets.recv_timeout(DEADLINE).map_err(|_| format!("no request for {prefix}"))?;
        if let Some(rest) = target.strip_prefix(prefix) {
            return Ok(rest.to_owned());
        }
    }
}

/// A server whose every answer is one page.
struct Page(TcpListener);

impl Page {
    fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a port"))
    }

    fn origin(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("an address"))
    }

    /// Serves until the process ends, and tells the targets that it was asked for.
    fn serve(self, page: String) -> Receiver<String> {
        let (sender, targets) = channel();
        thread::spawn(move || {
            for stream in self.0.incoming().flatten() {
                let (page, sender) = (page.clone(), sender.clone());
                thread::spawn(move || answer(stream, &page, &sender));
            }
        });
        targets
    }
}

/// Answers one request without a body. A browser may also open a connection and send nothing.
fn answer(mut stream: TcpStream, page: &str, targets: &Sender<String>) -> Option<()> {
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
