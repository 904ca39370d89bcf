//! HTTP/1.1 as clients and upstreams see it: what is refused, what is forwarded, and how connections end.

mod broken_upstream;
mod client_gone;
mod client_limits;
mod early_response;
mod expect;
mod fields;
mod framing;
mod framing_refused;
mod h2c;
mod h2c_failures;
mod h2c_retries;
mod h2c_unprocessed;
mod half_close;
mod hosts;
mod http2;
mod http2_connection_limit;
mod http2_failures;
mod http2_long_bodies;
mod http2_messages;
mod http2_streams;
mod http2_unreachable;
mod http2_upstream;
mod idle_upstream;
mod kept_upstream;
mod last_packet;
mod log;
mod max_forwards;
pub(crate) mod messages;
mod request_limits;
mod requests_refused;
mod response_limits;
mod retries;
mod targets;
mod trailers;
mod unwanted_bodies;
mod upstream_connections;
mod versions;
mod via;

use std::io::Write as _;

use crate::proxy::gateway::{InProcessGateway, Options};
use crate::support::http::{Client, Response};
use crate::support::process::GatewayProcess;

use self::messages::RecordingUpstream;

/// A period that began long ago and has no end.
const DOWN: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";
/// The gateway behind a proxy that it trusts: the tests.
const TRUSTED: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
/// Without and with a trusted proxy in front.
const SERVERS: [&str; 2] = ["", TRUSTED];

fn site(url: &str, more: &str) -> String {
    format!("[site]\nupstream = \"{url}\"\n{more}\n")
}

/// A gateway in this process. It responds with 502 or 504 if the upstream fails.
fn in_process(upstream: &str) -> InProcessGateway {
    in_process_with(upstream, Options::default())
}

fn in_process_with(upstream: &str, options: Options) -> InProcessGateway {
    InProcessGateway::with(upstream, options)
}

/// A form in which a client can send a request.
#[derive(Clone, Copy, Debug)]
struct RequestForm {
    method: &'static str,
    version: &'static str,
    fields: &'static str,
    body: &'static str,
}

const GET: RequestForm = RequestForm { method: "GET", version: "HTTP/1.1", fields: "", body: "" };
const POST: RequestForm =
    RequestForm { method: "POST", version: "HTTP/1.1", fields: "Content-Length: 5\r\n", body: "hello" };
const FORMS: [RequestForm; 7] = [
    GET,
    RequestForm { fields: "Connection: close\r\n", ..GET },
    RequestForm { version: "HTTP/1.0", ..GET },
    RequestForm { version: "HTTP/1.0", fields: "Connection: keep-alive\r\n", ..GET },
    POST,
    RequestForm {
        fields: "Transfer-Encoding: chunked\r\n",
        body: "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        ..POST
    },
    RequestForm { version: "HTTP/1.0", ..POST },
];

impl RequestForm {
    /// Returns the request of this form for a target.
    fn request(&self, target: &str) -> String {
        self.with_fields(target, "")
    }

    /// Returns the request with more field lines, each with its line end.
    fn with_fields(&self, target: &str, more: &str) -> String {
        let Self { method, version, fields, body } = self;
        format!("{method} {target} {version}\r\nHost: site.example\r\n{fields}{more}\r\n{body}")
    }

    fn is_http_1_0(&self) -> bool {
        self.version == "HTTP/1.0"
    }

    /// Returns true if the client wants to keep the connection.
    fn keeps_connection(&self) -> bool {
        if self.is_http_1_0() {
            self.fields.contains("keep-alive")
        } else {
            !self.fields.contains("Connection: close")
        }
    }
}

/// Reads the final response to a request with this method. Panics with the case if there is none.
fn response(client: &mut Client, method: &str, case: &str) -> Response {
    client.try_response(method).unwrap_or_else(|error| panic!("{case}: {error}"))
}

/// Reads a refusal, after which the connection must close. Returns its text without the line end.
fn refusal(client: &mut Client, status: u16, case: &str) -> String {
    let head = client.head().unwrap_or_else(|error| panic!("{case}: {error}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {head}");
    client.unread.splice(..0, head.bytes());
    let refusal = response(client, "GET", case);
    for (name, value) in [
        ("connection", "close"),
        ("content-type", "text/plain; charset=utf-8"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(refusal.field(name), Some(value), "{name} of {case}");
    }
    assert!(refusal.field("date").is_some() && refusal.field("content-length").is_some(), "{case}: {head}");
    let text = refusal.text().strip_suffix('\n').unwrap_or_else(|| panic!("{case}: {refusal:?}"));
    assert!(!text.is_empty() && !text.contains('\n'), "{case}: {text}");
    assert!(client.is_closed(), "{case}: the connection stays open");
    text.to_owned()
}

/// Sends bytes on a new connection and asserts that they are refused. Returns the text.
fn refused(gateway: &GatewayProcess, sent: impl AsRef<[u8]>, status: u16, case: &str) -> String {
    let mut client = gateway.connect();
    // The gateway may refuse before it has read everything.
    let _ = client.stream.write_all(sent.as_ref());
    refusal(&mut client, status, case)
}

/// Configurations of a site that is up and of one that is down.
fn up_and_down(upstream: &RecordingUpstream) -> [String; 2] {
    [site(&upstream.url(), ""), format!("{}{DOWN}", site(&upstream.url(), ""))]
}

/// Asserts that nothing reached the upstream, by a request that does.
fn assert_nothing_forwarded(upstream: &RecordingUpstream, gateway: &GatewayProcess) {
    gateway.apply(&site(&upstream.url(), "# last"));
    assert_eq!(gateway.get("/last", &[]).status, 200);
    assert_eq!(upstream.request("the last request").line(), b"GET /last HTTP/1.1");
    upstream.assert_no_request("after the last request");
}
