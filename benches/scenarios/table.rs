//! All scenarios, in the order in which they run, with their targets.

use super::rules::Rules;
use super::{Kind, PAGE, Scenario, Target};
use crate::request::{BenchRequest, Protocol};
use crate::servers::peer::{CADDY, HAPROXY, NGINX, STATIC_WEB_SERVER};

const GET: BenchRequest = BenchRequest::GET;
const LAST_GET: BenchRequest = BenchRequest::LAST_GET;
const BROWSER_GET: BenchRequest = BenchRequest::BROWSER_GET;
const FORM: BenchRequest = BenchRequest::post(1000);
const SMALL: usize = 100_000;
const LARGE: usize = 1_000_000;
const MIB: usize = 1 << 20;
const HUGE: usize = 100 * MIB;

static DOWN: [Target; 3] = [(&NGINX, 1.2), (&HAPROXY, 1.2), (&CADDY, 1.2)];
static FORWARDING: [Target; 3] = [(&NGINX, 1.2), (&HAPROXY, 1.2), (&CADDY, 1.2)];
/// Long bodies, TLS, and connections for one request each.
static EQUAL: [Target; 3] = [(&NGINX, 1.0), (&HAPROXY, 1.0), (&CADDY, 1.0)];
static DOWN_HTTP2: [Target; 3] = [(&NGINX, 0.9), (&HAPROXY, 0.9), (&CADDY, 0.9)];
static FORWARDING_HTTP2: [Target; 3] = [(&NGINX, 0.75), (&HAPROXY, 0.75), (&CADDY, 0.75)];
static SHORT_FILES: [Target; 3] = [(&NGINX, 1.0), (&CADDY, 1.0), (&STATIC_WEB_SERVER, 2.0)];
static LONG_FILES: [Target; 3] = [(&NGINX, 0.9), (&CADDY, 0.9), (&STATIC_WEB_SERVER, 2.0)];

/// All of them.
pub static SCENARIOS: [Scenario; 30] = [
    page("page", "down page, GET", GET, &DOWN),
    page("page-post", "down page, POST of 1 kB", FORM, &DOWN),
    page("page-browser", "down page, GET of a browser", BROWSER_GET, &DOWN),
    page("page-close", "down page, a connection for each GET", LAST_GET, &EQUAL),
    Scenario {
        name: "bare",
        title: "a bare server with the bytes of the down page",
        request: GET,
        kind: Kind::BareServer,
        peers: &DOWN,
    },
    rules("exempt-1k", "down page with 1,000 exemptions", Rules::Exemptions(1000)),
    rules("exempt-10k", "down page with 10,000 exemptions", Rules::Exemptions(10_000)),
    rules("periods-1k", "down page with 1,000 periods", Rules::Periods(1000)),
    rules("periods-10k", "down page with 10,000 periods", Rules::Periods(10_000)),
    rules("paths-10k", "down page with 10,000 periods for a path each", Rules::Paths(10_000)),
    forward("forward", "forwarding, GET of 2 KB", GET, PAGE, &FORWARDING),
    forward("forward-post", "forwarding, POST of 1 kB", FORM, PAGE, &FORWARDING),
    forward("forward-browser", "forwarding, GET of a browser", BROWSER_GET, PAGE, &FORWARDING),
    forward("forward-close", "forwarding, a connection for each GET", LAST_GET, PAGE, &EQUAL),
    forward("forward-download-100k", "forwarding, GET of 100 kB", GET, SMALL, &EQUAL),
    forward("forward-download", "forwarding, GET of 1 MB", GET, LARGE, &EQUAL),
    forward("forward-download-100m", "forwarding, GET of 100 MiB", GET.few(), HUGE, &EQUAL),
    forward("forward-upload-100k", "forwarding, POST of 100 kB", BenchRequest::post(SMALL), PAGE, &EQUAL),
    forward("forward-upload", "forwarding, POST of 1 MB", BenchRequest::post(LARGE), PAGE, &EQUAL),
    forward(
        "forward-upload-100m",
        "forwarding, POST of 100 MiB",
        BenchRequest::post(HUGE).few(),
        PAGE,
        &EQUAL,
    ),
    page("page-tls", "down page over TLS, GET", GET.over(Protocol::Tls), &EQUAL),
    page(
        "page-handshake",
        "down page over TLS, a connection for each GET",
        LAST_GET.over(Protocol::Tls),
        &EQUAL,
    ),
    page("page-http2", "down page over HTTP/2, GET", GET.over(Protocol::Http2), &DOWN_HTTP2),
    forward("forward-tls", "forwarding over TLS, GET of 2 KB", GET.over(Protocol::Tls), PAGE, &EQUAL),
    forward(
        "forward-handshake",
        "forwarding over TLS, a connection for each GET",
        LAST_GET.over(Protocol::Tls),
        PAGE,
        &EQUAL,
    ),
    forward(
        "forward-http2",
        "forwarding over HTTP/2, GET of 2 KB",
        GET.over(Protocol::Http2),
        PAGE,
        &FORWARDING_HTTP2,
    ),
    file("file", "static file of 2 KB, GET", GET, PAGE, &SHORT_FILES),
    file("file-browser", "static file of 2 KB, GET of a browser", BROWSER_GET, PAGE, &SHORT_FILES),
    file("file-1m", "static file of 1 MiB, GET", GET, MIB, &LONG_FILES),
    file("file-100m", "static file of 100 MiB, GET", GET.few(), HUGE, &LONG_FILES),
];

const fn page(
    name: &'static str,
    title: &'static str,
    request: BenchRequest,
    peers: &'static [Target],
) -> Scenario {
    Scenario { name, title, request, kind: Kind::DownPage, peers }
}

const fn rules(name: &'static str, title: &'static str, rules: Rules) -> Scenario {
    Scenario { name, title, request: GET, kind: Kind::Rules(rules), peers: &[] }
}

const fn forward(
    name: &'static str,
    title: &'static str,
    request: BenchRequest,
    length: usize,
    peers: &'static [Target],
) -> Scenario {
    Scenario { name, title, request, kind: Kind::Upstream(length), peers }
}

const fn file(
    name: &'static str,
    title: &'static str,
    request: BenchRequest,
    length: usize,
    peers: &'static [Target],
) -> Scenario {
    Scenario { name, title, request, kind: Kind::File(length), peers }
}
