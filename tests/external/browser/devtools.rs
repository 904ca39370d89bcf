//! A headless Chromium, driven by the DevTools protocol (<https://chromedevtools.github.io/devtools-protocol/>).
//!
//! The clock of a tab only moves when a test advances it (`clock.js`), so that the pauses of the page take no time.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::support::log::Log;
use crate::support::until;

const CHROMIUM: &str = "chromium";
const CLOCK: &str = include_str!("clock.js");
/// The beginning of the line that says where the browser listens.
const LISTENING: &str = "DevTools listening on ";
/// A page has loaded.
const LOADED: &str = "Page.loadEventFired";
/// A page is about to open another one.
const LEAVING: &str = "Page.frameRequestedNavigation";
/// How long the tests wait for a message of the browser.
const DEADLINE: Duration = Duration::from_mins(1);

/// A browser with a profile of its own, killed when it is dropped.
pub(super) struct Browser {
    process: Child,
    socket: WebSocket<TcpStream>,
    commands: u64,
    events: VecDeque<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser that prefers these languages (a list as in Accept-Language, without weights). It finds all names below
    /// `.example` on this machine.
    pub(super) fn start(languages: &str) -> Self {
        let profile = tempfile::tempdir().expect("a directory");
        let mut process = spawn(profile.path(), languages).expect("Chromium");
        let log = Log::new(process.stderr.take().expect("piped"));
        let line = log.wait_within(DEADLINE, LISTENING, |line| line.contains(LISTENING));
        let (_, url) = line.split_once(LISTENING).expect("a URL");
        let socket = connect(url.trim());
        Self { process, socket, commands: 0, events: VecDeque::new(), _profile: profile }
    }

    /// Opens an empty tab in front of the others.
    pub(super) fn tab(&mut self) -> Tab<'_> {
        let session = self.open_tab();
        let mut tab = Tab { browser: self, session, clock: None };
        until("empty tab", || (tab.evaluate("document.readyState") == "complete").then_some(()));
        tab.start_clock_at(0);
        tab
    }

    fn open_tab(&mut self) -> String {
        let target = self.call("", "Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("", "Target.attachToTarget", &attach)["sessionId"]
            .as_str()
            .expect("a session")
            .to_owned();
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            self.call(&session, &format!("{domain}.enable"), &json!({}));
        }
        session
    }

    /// Sends a command to a session, or to the browser if that is empty, and returns the result.
    fn call(&mut self, session: &str, method: &str, parameters: &Value) -> Value {
        let id = self.send(session, method, parameters);
        loop {
            let mut message = self.read();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.push_back(message);
        }
    }

    /// Sends a command, and returns the `id` of the result.
    fn send(&mut self, session: &str, method: &str, parameters: &Value) -> u64 {
        self.commands += 1;
        let id = self.commands;
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if !session.is_empty() {
            command["sessionId"] = session.into();
        }
        self.socket.send(Message::text(command.to_string())).expect("sent");
        id
    }

    fn read(&mut self) -> Value {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).expect("JSON"),
                Ok(_) => {}
                Err(error) => panic!("no message from the browser: {error}"),
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(profile: &Path, languages: &str) -> std::io::Result<Child> {
    Command::new(CHROMIUM)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--no-proxy-server", "--hide-scrollbars", "--remote-debugging-port=0"])
        .arg("--host-resolver-rules=MAP *.example 127.0.0.1")
        .arg(format!("--accept-lang={languages}"))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("about:blank")
        .env("TZ", "Europe/Berlin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
}

/// Connects to the browser at this URL.
fn connect(url: &str) -> WebSocket<TcpStream> {
    let address = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).expect("an address");
    let stream = TcpStream::connect(address).expect("the browser");
    stream.set_read_timeout(Some(DEADLINE)).expect("set");
    stream.set_nodelay(true).expect("set");
    tungstenite::client(url, stream).expect("a handshake").0
}

/// How a test answers a request that the page sends to its status path.
pub(super) type StatusAnswer<'a> = &'a mut dyn FnMut(&str) -> Answer;

/// An answer in the place of the gateway's.
pub(super) enum Answer {
    /// The gateway's own.
    Gateway,
    /// A status code, a media type, and a body.
    Of(u16, &'static str, String),
    /// None.
    Disconnect,
}

/// A tab of a browser.
pub(super) struct Tab<'a> {
    browser: &'a mut Browser,
    session: String,
    clock: Option<Value>,
}

impl Tab<'_> {
    pub(super) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.browser.call(&self.session, method, parameters)
    }

    /// Opens a URL, and waits until it has loaded.
    pub(super) fn open(&mut self, url: &str) {
        self.take_events(LOADED);
        self.call("Page.navigate", &json!({ "url": url }));
        self.wait_for(LOADED);
    }

    /// Opens a URL in another tab of the same browser, in front of this one.
    pub(super) fn open_beside(&mut self, url: &str) -> Tab<'_> {
        let session = self.browser.open_tab();
        let mut tab = Tab { browser: self.browser, session, clock: None };
        tab.open(url);
        tab
    }

    /// Opens a URL whose page opens another one by itself, and waits until a script finds that one and it has loaded.
    pub(super) fn follow(&mut self, url: &str, is_found: &str) {
        // Another fragment alone would load nothing.
        self.open("about:blank");
        self.call("Page.navigate", &json!({ "url": url }));
        let is_loaded = format!("{is_found} && document.readyState === 'complete'");
        loop {
            // Of either page: the first one may have loaded too.
            self.wait_for(LOADED);
            if self.evaluate_unless_leaving(&is_loaded).is_some_and(|found| found == true) {
                return;
            }
        }
    }

    /// Runs a script that opens another page, and waits until that has loaded.
    pub(super) fn leave_by(&mut self, script: &str) {
        self.take_events(LOADED);
        self.evaluate(script);
        self.wait_until_loaded();
    }

    /// Waits until the page that another one has opened has loaded.
    pub(super) fn wait_until_loaded(&mut self) {
        self.wait_for(LOADED);
    }

    /// Gives the pages that are opened from now on a clock that is stopped at this time, in seconds since 1970; 0: now.
    pub(super) fn start_clock_at(&mut self, seconds: i64) {
        self.release_clock();
        let source = CLOCK.replace("START", &(seconds * 1000).to_string());
        let mut script = self.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": source }));
        self.clock = Some(script["identifier"].take());
    }

    /// Gives the pages that are opened from now on the clock of the system.
    pub(super) fn release_clock(&mut self) {
        if let Some(clock) = self.clock.take() {
            self.call("Page.removeScriptToEvaluateOnNewDocument", &json!({ "identifier": clock }));
        }
    }

    /// Lets this time pass for the page. If the page opens another one meanwhile, it waits until that has loaded, and the rest
    /// of the time does not pass.
    pub(super) fn advance(&mut self, time: Duration) {
        self.take_events(LOADED);
        self.take_events(LEAVING);
        let id = self.send_advance(time);
        let message = self.next_message(|message| message["id"] == id);
        self.finish_advance(!message["error"].is_null());
    }

    /// As [`Tab::advance`], but the test answers the requests to the status path.
    pub(super) fn advance_with(&mut self, time: Duration, answer: StatusAnswer<'_>) {
        self.take_events(LOADED);
        self.take_events(LEAVING);
        self.call("Fetch.enable", &json!({ "patterns": [{ "urlPattern": "*/.downtime/status*" }] }));
        let id = self.send_advance(time);
        let is_gone = loop {
            let message = self
                .next_message(|message| message["id"] == id || message["method"] == "Fetch.requestPaused");
            if message["id"] == id {
                break !message["error"].is_null();
            }
            self.answer(&message["params"], answer);
        };
        self.finish_advance(is_gone);
        self.call("Fetch.disable", &json!({}));
    }

    fn send_advance(&mut self, time: Duration) -> u64 {
        let script = json!({ "expression": format!("advance({})", time.as_millis()), "awaitPromise": true });
        self.browser.send(&self.session, "Runtime.evaluate", &script)
    }

    fn finish_advance(&mut self, is_gone: bool) {
        if is_gone || !self.take_events(LEAVING).is_empty() {
            self.wait_for(LOADED);
        }
    }

    fn answer(&mut self, request: &Value, answer: StatusAnswer<'_>) {
        let id = &request["requestId"];
        match answer(request["request"]["url"].as_str().expect("a URL")) {
            Answer::Gateway => self.call("Fetch.continueRequest", &json!({ "requestId": id })),
            Answer::Disconnect => {
                self.call("Fetch.failRequest", &json!({ "requestId": id, "errorReason": "ConnectionReset" }))
            }
            Answer::Of(status, media_type, body) => {
                let fields = json!([{ "name": "Content-Type", "value": media_type }]);
                let response = json!({ "requestId": id, "responseCode": status, "responseHeaders": fields, "body": STANDARD.encode(body) });
                self.call("Fetch.fulfillRequest", &response)
            }
        };
    }

    /// Waits for an event with this name, and returns its parameters.
    pub(super) fn wait_for(&mut self, name: &str) -> Value {
        self.next_message(|message| message["method"] == name)["params"].take()
    }

    /// Returns the first message of this tab that is wanted, of those that have come or will come.
    fn next_message(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let is_wanted =
            |message: &Value, session: &str| message["sessionId"] == session && is_wanted(message);
        if let Some(at) = self.browser.events.iter().position(|event| is_wanted(event, &self.session)) {
            return self.browser.events.remove(at).expect("an event");
        }
        loop {
            let message = self.browser.read();
            if is_wanted(&message, &self.session) {
                return message;
            }
            self.browser.events.push_back(message);
        }
    }

    /// Returns the events with this name that have come so far, without waiting for any.
    pub(super) fn take_events(&mut self, name: &str) -> Vec<Value> {
        // An answer comes after the events before it.
        self.evaluate("0");
        let (taken, rest) =
            std::mem::take(&mut self.browser.events).into_iter().partition(|event: &Value| {
                event["sessionId"] == self.session.as_str() && event["method"] == name
            });
        self.browser.events = rest;
        Vec::from(taken)
    }

    /// Runs a script in the page, and returns the value of its last expression, or what it resolves to.
    pub(super) fn evaluate(&mut self, script: &str) -> Value {
        let parameters =
            json!({ "expression": script, "returnByValue": true, "awaitPromise": true, "userGesture": true });
        let mut result = self.call("Runtime.evaluate", &parameters);
        assert!(result["exceptionDetails"].is_null(), "{script}: {}", result["exceptionDetails"]);
        result["result"]["value"].take()
    }

    /// As [`Tab::evaluate`], while the tab may open another page; `None` if it does.
    pub(super) fn evaluate_unless_leaving(&mut self, script: &str) -> Option<Value> {
        let parameters = json!({ "expression": script, "returnByValue": true });
        let id = self.browser.send(&self.session, "Runtime.evaluate", &parameters);
        let mut message = self.next_message(|message| message["id"] == id);
        message["error"].is_null().then(|| message["result"]["result"]["value"].take())
    }

    /// Returns the visible text of the page.
    pub(super) fn text(&mut self) -> String {
        self.evaluate("document.body.innerText").as_str().expect("a text").to_owned()
    }

    /// Returns the title of the tab.
    pub(super) fn title(&mut self) -> String {
        self.evaluate("document.title").as_str().expect("a title").to_owned()
    }

    /// Returns what a screen reader has heard from the page without asking for it.
    pub(super) fn announced(&mut self) -> String {
        let script =
            "[...document.querySelectorAll('[role=status]')].map(node => node.textContent).join('\\n')";
        self.evaluate(script).as_str().expect("a text").to_owned()
    }

    /// Sends this language in Accept-Language from now on.
    pub(super) fn prefer(&mut self, language: &str) {
        self.call("Network.setExtraHTTPHeaders", &json!({ "headers": { "Accept-Language": language } }));
    }

    /// Sets the width of the tab in CSS pixels.
    pub(super) fn set_width(&mut self, width: u32) {
        let metrics = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Opens another tab in front of this one, which is hidden from then on.
    pub(super) fn hide(&mut self) {
        let target = self.browser.call("", "Target.createTarget", &json!({ "url": "about:blank" }));
        self.browser.call("", "Target.activateTarget", &json!({ "targetId": target["targetId"] }));
        until("hidden tab", || self.evaluate("document.hidden").as_bool().filter(|hidden| *hidden));
    }

    /// Puts this tab in front of the others.
    pub(super) fn show(&mut self) {
        self.call("Page.bringToFront", &json!({}));
    }

    /// Returns what the console says is wrong: errors, exceptions, and what the Content-Security-Policy has blocked.
    pub(super) fn complaints(&mut self) -> Vec<String> {
        let mut complaints = self.take_events("Runtime.exceptionThrown");
        let issues = self.take_events("Audits.issueAdded").into_iter();
        complaints
            .extend(issues.filter(|event| event["params"]["issue"]["code"] == "ContentSecurityPolicyIssue"));
        let entries = self.take_events("Log.entryAdded").into_iter();
        complaints.extend(entries.filter(|event| is_complaint(&event["params"]["entry"])));
        let calls = self.take_events("Runtime.consoleAPICalled").into_iter();
        complaints.extend(calls.filter(|event| event["params"]["type"] == "error"));
        complaints.iter().map(|event| event["params"].to_string()).collect()
    }
}

/// Returns true if an entry of the console's log is about an error, and not only about the status of the page itself.
fn is_complaint(entry: &Value) -> bool {
    let is_status =
        entry["source"] == "network" && !entry["url"].as_str().is_some_and(|url| url.contains("/.downtime/"));
    entry["level"] == "error" && !is_status
}
