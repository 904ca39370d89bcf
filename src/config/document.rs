//! The configuration file as it was typed: each value with its place. Only the form of a value is checked here.

mod admin;
mod bypass;
mod hooks;
mod period;
mod read;

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use toml::Spanned;

pub use self::admin::AdminSection;
pub use self::bypass::BypassTable;
pub use self::hooks::{HooksSection, WebhookTable};
pub use self::period::PeriodTable;
use super::schema::pattern;
pub use super::table::{Field, FlagOrWord, OrFalse, TextByLanguage, TextsOrFalse};
use super::{AccessLog, LogFormat, WhenUnreachable};
use crate::page::language::Language;

/// A list of strings, each with its place.
pub type Texts = Field<Vec<Spanned<String>>>;

/// The names and values of header fields, each with its place.
pub type HeaderFields = Field<BTreeMap<Spanned<String>, Spanned<String>>>;

/// The periods in which the site is down, and the response to visitors during them.
// Editors show the doc comments of this type and of the types below, and docs/configuration.md is generated from them:
// they address the author of a downtime.toml.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(title = "downtime.toml", default, deny_unknown_fields)]
pub struct Document {
    /// The time zone of this file, as an IANA name. It applies to times without an offset, to `cron`, and to the times
    /// that commands print.
    #[schemars(with = "String", regex(pattern = pattern::TIME_ZONE), example = &"Europe/Berlin", extend("default" = "UTC"))]
    pub timezone: Field<String>,
    /// A second file with periods, relative to this file. Commands such as `downtime start` write there, and leave this file
    /// alone.
    #[schemars(with = "String", length(min = 1), example = &"periods.toml")]
    pub periods_file: Field<String>,
    /// The addresses to listen on, and the proxies to trust.
    pub server: ServerSection,
    /// The site behind the gateway: an upstream server or a directory of files. With neither, visitors get a welcome
    /// page that shows the next steps.
    pub site: SiteSection,
    /// Requests that pass while the site is down. By default, only ACME challenges do.
    pub exempt: ExemptSection,
    /// The response to requests that are not exempt while the site is down.
    pub response: ResponseSection,
    /// The language of the down page, and the name and look of the site on the built-in one.
    pub page: PageSection,
    /// A listener for operators and monitoring: health, readiness, status and metrics. It is off unless this section is
    /// present.
    #[schemars(with = "ManagementSection")]
    pub management: Option<ManagementSection>,
    /// The admin page: `downtime admin` serves it, in a process of its own. It is off unless this section is present.
    #[schemars(with = "AdminSection")]
    pub admin: Option<AdminSection>,
    /// Limits for connections.
    pub limits: LimitsSection,
    /// Commands that the gateway runs when something changes, one after the other, each for at most 30 seconds. They get what
    /// has changed in environment variables.
    pub hooks: HooksSection,
    /// Receivers of messages about changes. The file may have any number of them.
    #[schemars(rename = "webhook")]
    pub webhooks: Vec<WebhookTable>,
    /// The log: its level and format, and whether it has a line for each request.
    pub log: LogSection,
    /// The periods of downtime. The file may have any number of them.
    #[schemars(rename = "period")]
    pub periods: Vec<PeriodTable>,
    /// The bypasses: secrets that let testers through during a downtime. The file may have any number of them.
    #[schemars(rename = "bypass")]
    pub bypasses: Vec<BypassTable>,
}

/// The keys of `[server]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ServerSection {
    /// Addresses to listen on. Each is an IP address with a port (`"0.0.0.0:80"`, `"[::1]:80"`), a port on all IPv4 and
    /// IPv6 addresses (`":80"`; `"[::]:80"` is IPv6 only), or a Unix socket (`"unix:/run/downtime/http.sock"`), also with the
    /// mode of its file (`"unix:/run/downtime/http.sock?mode=0660"`; by default, the umask decides). After `https://`, an
    /// address is for TLS (`"https://0.0.0.0:443"`, `"https://:443"`), and `tls` names the certificates.
    ///
    /// An address that another process listens on is an error, even if both run as the same user. A change takes effect
    /// at the next start.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = pattern::listen_url())), extend("default" = ["127.0.0.1:8503"], "uniqueItems" = true))]
    pub listen: Texts,
    /// The certificates for addresses with `https://`, each with the file of its private key. A client gets the first
    /// certificate for the name that it asks for; without a name, or with an unknown one, the first of the list. Both files
    /// are in PEM. That of the certificate holds the intermediate certificates too (`fullchain.pem` of certbot). The key must
    /// not be encrypted.
    ///
    /// The gateway reads the files again when they change. If they cannot be used then, for example because a key does not
    /// belong to its certificate, the certificate that was read before stays in use, with a warning. An expired
    /// certificate is used, with a warning.
    #[schemars(with = "Vec<TlsTable>", extend("default" = [], "examples" = [[{ "cert": "cert.pem", "key": "key.pem" }]]))]
    pub tls: Field<Vec<TlsTable>>,
    /// True if a value of the section was refused.
    #[schemars(skip)]
    pub broken: bool,
    /// Proxies in front of the gateway whose `X-Forwarded-*` fields are trusted: IP addresses or networks in CIDR
    /// notation, or `"unix:"` for every peer on a Unix socket.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::proxy())), example = ["127.0.0.1/32"], extend("default" = []))]
    pub trusted_proxies: Texts,
    /// Proxies in front of the gateway that speak the PROXY protocol, version 1 or 2: IP addresses or networks in CIDR
    /// notation, or `"unix:"` for every peer on a Unix socket. Each connection from them must begin with a header, even
    /// before TLS, and the address in it counts as the peer's. Otherwise it is closed.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::proxy())), example = ["10.0.0.1/32"], extend("default" = []))]
    pub proxy_protocol: Texts,
    /// If true, requests over http are redirected to https (status 308): to the same host, and the port of the first address
    /// with `https://` unless that is 443. ACME challenges, probe paths and the status path are not. Behind a trusted proxy,
    /// its `X-Forwarded-Proto` tells the scheme.
    #[schemars(with = "bool", extend("default" = false))]
    pub https_only: Field<bool>,
    /// The path at which anyone may read the current state as JSON; `false` turns it off. Requests for this path never
    /// reach the site.
    #[schemars(with = "OrFalse", extend("pattern" = pattern::path(), "default" = "/.downtime/status"))]
    pub status_path: Field<OrFalse>,
    /// Paths that a load balancer in front of the gateway probes. `GET`, `HEAD` and `OPTIONS` requests for exactly these
    /// paths get 200 from the gateway while a period without a scope is active, so that visitors still reach the down page;
    /// 503 while the gateway is stopping; and otherwise the answer of the site, which shows if the site has failed.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::path())), example = ["/up"], extend("default" = []))]
    pub probe_paths: Texts,
    /// How long the gateway continues to take requests after it was told to stop, while `/ready` of `[management]` and
    /// probe paths answer 503, so that a load balancer sends new visitors elsewhere first.
    #[schemars(with = "String", regex(pattern = pattern::duration_or_zero()), extend("default" = "0s"))]
    pub stop_delay: Field<String>,
    /// How long requests in progress may take when the gateway stops, after `stop_delay`. Then their connections are cut.
    /// A second signal ends the gateway at once.
    #[schemars(with = "String", regex(pattern = pattern::duration_or_zero()), extend("default" = "10s"))]
    pub stop_timeout: Field<String>,
}

/// A certificate of `[server] tls`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TlsTable {
    /// The place of the table.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// The file with the certificate, relative to this file.
    #[schemars(with = "String", length(min = 1))]
    pub cert: Field<String>,
    /// The file with the private key, relative to this file.
    #[schemars(with = "String", length(min = 1))]
    pub key: Field<String>,
    /// True if a value was refused.
    #[schemars(skip)]
    pub broken: bool,
}

/// The keys of `[site]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend("not" = { "required": ["upstream", "root"] }))]
pub struct SiteSection {
    /// The server that requests are forwarded to: `"http://host:port"`, `"https://host:port"`, `"unix:/run/app.sock"`, or
    /// `"h2c://host:port"` for a server of HTTP/2 without TLS, such as one of gRPC. Calls of gRPC to `https` go over
    /// HTTP/2 if the server speaks it, everything else over HTTP/1.1. Cannot be combined with `root`.
    #[schemars(with = "String", regex(pattern = pattern::upstream()), example = &"http://127.0.0.1:8000")]
    pub upstream: Field<String>,
    /// A directory of files to serve, relative to this file. Visitors can read every file in it, so keep the
    /// configuration elsewhere. Cannot be combined with `upstream`.
    #[schemars(with = "String", example = &"public")]
    pub root: Field<String>,
    /// If true, the site in `root` is a single page, whose script shows something else for each path: requests for a path that
    /// is not found, and whose last part has no extension, get the `index.html` of `root` with status 200. A missing image or
    /// script still gets 404.
    #[schemars(with = "bool", extend("default" = false))]
    pub spa: Field<bool>,
    /// The `Cache-Control` fields of the files in `root`: path globs and values. A glob is written as in `[exempt] paths`, and
    /// matches the path of the file, so `/docs/` is `/docs/index.html`. The first that matches counts. Without one, the
    /// value is `no-cache`: browsers ask each time, so that visitors notice a downtime. At most 100 globs.
    #[schemars(with = "BTreeMap<String, String>", extend("default" = {}, "examples" = [{ "/assets/**": "public, max-age=31536000, immutable" }]))]
    pub cache: HeaderFields,
    /// The response while the upstream refuses or drops connections, or does not answer in time: the down page, or an
    /// error (502 or 504).
    #[schemars(with = "WhenUnreachable", extend("default" = "downtime"))]
    pub when_unreachable: Field<String>,
    /// How long connecting to the upstream may take, from name lookup to the end of the TLS handshake.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "5s"))]
    pub connect_timeout: Field<String>,
    /// How long the upstream may take to send the head of its response. The time counts from the request, or from the
    /// last part of its body. A client that sends nothing of a body for as long gets 408.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "60s"))]
    pub response_timeout: Field<String>,
    /// TLS to an upstream with `https://`: `ca` is a file with the certificates of the authorities to trust instead of the
    /// system's, `server_name` the name that the upstream's certificate must be for (by default the host of `upstream`),
    /// and `cert` and `key` are the files of the gateway's own certificate, for an upstream that asks for one. All files are
    /// in PEM and relative to this file. The gateway reads them again when they change.
    #[schemars(with = "UpstreamTlsTable", extend("examples" = [{ "ca": "ca.pem", "server_name": "app.internal", "cert": "client.pem", "key": "client.key" }]))]
    pub tls: Option<UpstreamTlsTable>,
}

/// `[site] tls`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct UpstreamTlsTable {
    /// The file with the certificates of the authorities that may issue the upstream's.
    #[schemars(with = "String", length(min = 1))]
    pub ca: Field<String>,
    /// The name that the upstream's certificate must be for.
    #[schemars(with = "String", length(min = 1))]
    pub server_name: Field<String>,
    /// The file with the gateway's certificate.
    #[schemars(with = "String", length(min = 1))]
    pub cert: Field<String>,
    /// The file with its private key.
    #[schemars(with = "String", length(min = 1))]
    pub key: Field<String>,
    /// The place of the table.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// True if a value was refused.
    #[schemars(skip)]
    pub broken: bool,
}

/// The keys of `[exempt]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ExemptSection {
    /// Paths that pass if they match exactly. The query string is ignored.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::path())), example = ["/"], extend("default" = []))]
    pub exact: Texts,
    /// Globs for paths that pass. `*` and `?` match within one segment; `**` matches any number of whole segments.
    /// `"/admin/**"` matches `/admin` and everything below it, but not `/administrator`.
    ///
    /// A glob has at most 1,000 bytes, and a list has at most 50,000 `*` and `?`.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::glob())), example = ["/admin/**"], extend("default" = []))]
    pub paths: Texts,
    /// IP addresses, or networks in CIDR notation, of clients that pass. If the gateway runs behind a proxy, set
    /// `trusted_proxies` too.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::network())), example = ["192.0.2.0/24", "2001:db8::/32"], extend("default" = []))]
    pub networks: Texts,
    /// If true, ACME challenges pass, so that certificates renew during a downtime: `GET` and `HEAD` requests for
    /// `/.well-known/acme-challenge/TOKEN`.
    #[schemars(with = "bool", extend("default" = true))]
    pub acme: Field<bool>,
}

/// The keys of `[response]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ResponseSection {
    /// Redirects people who open a page (status 302) instead of showing them the down page. An absolute URL, or a path of
    /// this site, which then passes.
    #[schemars(with = "String", regex(pattern = pattern::redirect()), example = &"https://status.example.com/")]
    pub redirect: Field<String>,
    /// A MiniJinja template that replaces the built-in down page. A path relative to this file.
    #[schemars(with = "String", length(min = 1), example = &"templates/downtime.html")]
    pub template: Field<String>,
    /// The status code of the down page.
    #[schemars(with = "i64", range(min = 500, max = 599), extend("default" = 503))]
    pub status: Field<i64>,
    /// The value of `Retry-After` while the end of the downtime is not known.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "5m"))]
    pub retry_after: Field<String>,
    /// A message to visitors, shown on the down page. Without it, the page shows a general sentence in the visitor's
    /// language. A string is in the language of `[page] lang`, and then the whole page is. A table has a string for each
    /// language, and must contain that one: `{ en = "Back soon.", de = "Bald zurück." }`.
    #[schemars(with = "TextByLanguage", example = &"We'll be back soon.")]
    pub message: Field<TextByLanguage>,
    /// Other origins whose scripts may read the response: `"any"`, a list of origins, which may also send credentials,
    /// or `false` for none.
    #[schemars(with = "TextsOrFalse", example = ["https://app.example.com"], extend("default" = "any"))]
    pub cors: Field<TextsOrFalse>,
    /// Closes WebSockets, other tunnels, and responses that are still in progress, such as server-sent events, this long after
    /// a period that covers their request has begun. Without it, they go on until one side ends them.
    #[schemars(with = "String", regex(pattern = pattern::duration_or_zero()), example = &"30s")]
    pub close_tunnels_after: Field<String>,
    /// More header fields for the response, at most 50 with 4,096 bytes in total. Fields that the gateway sets itself are an
    /// error.
    #[schemars(with = "BTreeMap<String, String>", extend("default" = {}, "examples" = [{ "Surrogate-Control": "no-store" }]))]
    pub headers: HeaderFields,
}

/// The keys of `[page]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct PageSection {
    /// The language of messages that are plain strings, and of the page for visitors who accept none of its languages.
    #[schemars(with = "String", extend("enum" = Language::all().map(Language::tag).collect::<Vec<_>>(), "default" = "en"))]
    pub lang: Field<String>,
    /// The name of the site, shown on the page and in the title of its tab: one line of at most 100 characters.
    #[schemars(with = "String", length(max = 100), regex(pattern = pattern::NAME), example = &"Example Shop")]
    pub title: Field<String>,
    /// The logo of the site: a file in SVG, PNG, JPEG, WebP, GIF or AVIF, of at most 64 KiB, relative to this file. It is part
    /// of the page, and the answer to requests for `/favicon.ico` while the site is down.
    #[schemars(with = "String", length(min = 1), example = &"logo.svg")]
    pub logo: Field<String>,
    /// The colour of links and of the progress bar, as `#rgb` or `#rrggbb`. Where its contrast to the background is below
    /// 4.5:1, in the light or the dark scheme, it is mixed with black or white until it is not.
    #[schemars(with = "String", regex(pattern = pattern::COLOUR), example = &"#007a55")]
    pub accent: Field<String>,
    /// Where visitors find more information while the site is down: a URL with `https:`, `http:`, `mailto:` or `tel:`.
    #[schemars(with = "String", regex(pattern = pattern::contact()), example = &"https://status.example.com/")]
    pub contact: Field<String>,
}

/// The keys of `[management]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ManagementSection {
    /// The address to listen on: an IP address with a port, or a Unix socket
    /// (`"unix:/run/downtime/management.sock"`), also with a mode (`"unix:/run/downtime/management.sock?mode=0660"`).
    /// Everyone who can reach it can read the configuration, so choose one that
    /// visitors cannot reach. A change takes effect at the next start.
    #[schemars(with = "String", regex(pattern = pattern::address()), extend("default" = "127.0.0.1:9503"))]
    pub listen: Field<String>,
    /// Host names that operators may use in the URL, besides `localhost` and IP addresses. Requests for other hosts, or
    /// for none, get status 421.
    #[schemars(with = "Vec<String>", example = ["ops.example.com"], extend("default" = []))]
    pub hosts: Texts,
}

/// The keys of `[limits]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// The longest head of a request, with its first line and all fields: a number with the unit `B`, `KiB` or `MiB`, from
    /// `"1KiB"` to `"1MiB"`. Beyond that, the client gets 414 if the first line is longer, else 431. A change takes effect
    /// for new connections; likewise for the other limits of clients.
    #[schemars(with = "String", regex(pattern = pattern::SIZE), extend("default" = "16KiB"))]
    pub head: Field<String>,
    /// How long a client may take for the head of a request from its first byte, whatever it sends meanwhile; then it gets
    /// 408. A new connection must send that byte within the same time.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "30s"))]
    pub head_timeout: Field<String>,
    /// How long a connection may be idle after a response before the gateway closes it. Over HTTP/2, PINGs do not count.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "60s"))]
    pub idle_timeout: Field<String>,
    /// How long a client may take nothing of a response; then it is disconnected. Over HTTP/2, only the stream is reset if
    /// the client takes others.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "60s"))]
    pub send_timeout: Field<String>,
    /// How long nothing may come of a request's body that is being forwarded, or of the upstream's response once it has
    /// begun. A client that sends nothing gets 408, and a response that stops is cut off. `text/event-stream`,
    /// `application/grpc` and tunnels may be silent for any time. A change takes effect for new requests.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "60s"))]
    pub body_timeout: Field<String>,
    /// How long a client may take for a TLS handshake, whatever it sends meanwhile; likewise a proxy of `proxy_protocol` for
    /// its header.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "10s"))]
    pub handshake_timeout: Field<String>,
    /// How many clients may be connected at once, in the whole process. Beyond that, connections that wait for a request are
    /// closed, and new ones wait until another one closes. `0` means as many as descriptors allow.
    #[schemars(with = "i64", range(min = 0), extend("default" = 0))]
    pub connections: Field<i64>,
    /// How many connections one client address may have at once. Further ones are closed at once. `0` means no limit, which
    /// is right behind a proxy: all connections come from its address.
    #[schemars(with = "i64", range(min = 0), extend("default" = 0))]
    pub connections_per_client: Field<i64>,
    /// How many requests a client may have in progress on one connection of HTTP/2. Further ones are refused with
    /// `REFUSED_STREAM`, after which a client may send them again.
    #[schemars(with = "i64", range(min = 1), extend("default" = 128))]
    pub streams: Field<i64>,
    /// How long a connection to the upstream may be idle before the gateway closes it. If the upstream announces a time, as
    /// in `Keep-Alive: timeout=2`, the connection is closed a second before that, if that is earlier. With `"0s"`,
    /// connections are not kept: each request gets a new one.
    #[schemars(with = "String", regex(pattern = pattern::duration_or_zero()), extend("default" = "2s"))]
    pub upstream_idle: Field<String>,
    /// How many idle connections to the upstream each worker keeps; there is one worker for each core. Further ones are closed
    /// after their request. A change takes effect for new requests.
    #[schemars(with = "i64", range(min = 1), extend("default" = 128))]
    pub upstream_idle_connections: Field<i64>,
    /// How many connections to the upstream may be open at once, busy and idle ones together, in the whole process. Beyond
    /// that, a request waits up to `connect_timeout` until one closes; then the upstream counts as unreachable. `0` means
    /// no limit.
    ///
    /// A connection of HTTP/2 carries up to 100 requests at a time. Each worker opens its own ones until the limit is reached;
    /// then the requests of all workers share those that are open. For an `https://` upstream that speaks HTTP/2, this also
    /// applies to requests that HTTP/1.1 would carry otherwise, but not to WebSockets: these need a connection each.
    #[schemars(with = "i64", range(min = 0), extend("default" = 0))]
    pub upstream_connections: Field<i64>,
    /// How long a WebSocket or another tunnel may carry nothing, in both directions, before the gateway closes it. `"0s"`
    /// means for ever, as long as both ends answer TCP keepalive.
    #[schemars(with = "String", regex(pattern = pattern::duration_or_zero()), extend("default" = "0s"))]
    pub tunnel_idle: Field<String>,
    /// How much of the files of `[site] root` the gateway keeps in memory: files of up to 64 KiB, the most wanted ones. `"0B"`
    /// means none.
    #[schemars(with = "String", regex(pattern = pattern::SIZE_OR_ZERO), extend("default" = "64MiB"))]
    pub file_cache: Field<String>,
}

/// The keys of `[log]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct LogSection {
    /// The least severe level to log: `error`, `warn`, `info`, `debug` or `trace`. A filter with directives, such as
    /// `"info,downtime::watch=debug"`, sets the level of single modules.
    #[schemars(with = "String", regex(pattern = pattern::LEVEL), extend("default" = "info"))]
    pub level: Field<String>,
    /// The form of log lines. A change takes effect at the next start.
    #[schemars(with = "LogFormat", extend("default" = "text"))]
    pub format: Field<String>,
    /// Logs each request when it has ended, whatever `level` says: `"combined"` or `true` in the Combined Log Format, with more
    /// fields behind it; `"json"` as a JSON object. The query is left out, since it may contain private data.
    #[schemars(with = "AccessLog", extend("default" = false))]
    pub access: Field<FlagOrWord>,
}
