//! The configuration file as it was typed: each value with its place. Only the form of a value is checked here.

mod read;

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use toml::Spanned;
use toml::value::Datetime;

use super::schema::{DateOrDateTime, DateTime, pattern};
pub use super::table::{Field, OrFalse, TextsOrFalse};
use super::{LogFormat, WhenUnreachable};

/// A list of strings, each with its place.
pub type Texts = Field<Vec<Spanned<String>>>;

/// The names and values of header fields, each with its place.
pub type HeaderFields = Field<BTreeMap<Spanned<String>, Spanned<String>>>;

/// When a site is down, and what its visitors get meanwhile.
// The comments of this type and of those below are what an editor shows: they speak to whoever writes the file.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(title = "downtime.toml", default, deny_unknown_fields)]
pub struct Document {
    /// The zone of the local times and cron expressions in this file: an IANA name.
    #[schemars(with = "String", regex(pattern = pattern::TIME_ZONE), example = &"Europe/Berlin", extend("default" = "UTC"))]
    pub timezone: Field<String>,
    /// Where the gateway listens, and whom it believes.
    pub server: ServerSection,
    /// What stands behind the gateway: an upstream or a root; with neither, a page that says how to go on.
    pub site: SiteSection,
    /// What passes while the site is down.
    pub exempt: ExemptSection,
    /// What everybody else gets while the site is down.
    pub response: ResponseSection,
    /// Where operators and their monitors ask how the gateway is. Off unless this section is there.
    #[schemars(with = "ManagementSection")]
    pub management: Option<ManagementSection>,
    /// What is logged, and how.
    pub log: LogSection,
    /// The periods of downtime, any number of them.
    #[schemars(rename = "period")]
    pub periods: Vec<PeriodTable>,
}

/// Where the gateway listens, and whom it believes.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ServerSection {
    /// IP addresses with ports, ports on all addresses (":80"; `[::]:80` is IPv6 alone), or Unix sockets
    /// ("unix:/run/downtime/http.sock"). Takes effect at the next start.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = pattern::address())), extend("default" = ["127.0.0.1:8503"], "uniqueItems" = true))]
    pub listen: Texts,
    /// The proxies in front whose X-Forwarded-* are believed: networks, or "unix:" for whoever connects to a Unix
    /// socket. Default: none.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::proxy())), example = ["127.0.0.1/32"], extend("default" = []))]
    pub trusted_proxies: Texts,
    /// The path at which anyone may ask whether the site is up (JSON); false turns it off.
    #[schemars(with = "OrFalse", extend("pattern" = pattern::path(), "default" = "/.downtime/status"))]
    pub status_path: Field<OrFalse>,
}

/// What stands behind the gateway: an upstream or a root; with neither, a page that says how to go on.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend("not" = { "required": ["upstream", "root"] }))]
pub struct SiteSection {
    /// The server: "http://…", "https://…" or "unix:/run/app.sock". Not together with `root`.
    #[schemars(with = "String", regex(pattern = pattern::upstream()), example = &"http://127.0.0.1:8000")]
    pub upstream: Field<String>,
    /// A folder of files, relative to this file. Not together with `upstream`.
    #[schemars(with = "String", example = &"public")]
    pub root: Field<String>,
    /// What visitors get while the upstream cannot be reached: the down page, or 502 and 504.
    #[schemars(with = "WhenUnreachable", extend("default" = "downtime"))]
    pub when_unreachable: Field<String>,
    /// How long to wait for a connection to the upstream: a duration.
    #[schemars(with = "String", regex(pattern = pattern::DURATION), extend("default" = "5s"))]
    pub connect_timeout: Field<String>,
    /// How long to wait for the head of the upstream's response: a duration.
    #[schemars(with = "String", regex(pattern = pattern::DURATION), extend("default" = "60s"))]
    pub response_timeout: Field<String>,
}

/// What passes while the site is down.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ExemptSection {
    /// Paths, exactly; the query does not count. Default: none.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::path())), example = ["/"], extend("default" = []))]
    pub exact: Texts,
    /// Globs: `*` and `?` stay within a segment, `**` crosses segments; `/admin/**` covers `/admin` too. Default: none.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::glob())), example = ["/admin/**"], extend("default" = []))]
    pub paths: Texts,
    /// Clients by address: addresses or CIDR blocks. Behind another proxy this needs `trusted_proxies`. Default: none.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::network())), example = ["192.0.2.0/24", "2001:db8::/32"], extend("default" = []))]
    pub networks: Texts,
    /// Whether ACME challenges (/.well-known/acme-challenge/) pass, so that certificates renew.
    #[schemars(with = "bool", extend("default" = true))]
    pub acme: Field<bool>,
}

/// What everybody else gets while the site is down.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ResponseSection {
    /// 302 to here instead of the page: an absolute URL, or a path of this site (which then passes).
    #[schemars(with = "String", regex(pattern = pattern::redirect()), example = &"https://status.example.com/")]
    pub redirect: Field<String>,
    /// The page: a MiniJinja template, relative to this file. Default: the built-in one.
    #[schemars(with = "String", length(min = 1), example = &"templates/downtime.html")]
    pub template: Field<String>,
    /// The status of the page, 500 to 599.
    #[schemars(with = "i64", range(min = 500, max = 599), extend("default" = 503))]
    pub status: Field<i64>,
    /// What Retry-After says while the end is not known: a duration.
    #[schemars(with = "String", regex(pattern = pattern::DURATION), extend("default" = "5m"))]
    pub retry_after: Field<String>,
    /// A sentence for visitors, on the page.
    #[schemars(with = "String", example = &"We'll be back soon.")]
    pub message: Field<String>,
    /// Whose pages may read the answer in a browser: "any", the origins in a list (with credentials too), or false.
    #[schemars(with = "TextsOrFalse", example = ["https://app.example.com"], extend("default" = "any"))]
    pub cors: Field<TextsOrFalse>,
    /// Further fields of the answer; not those that the gateway sets. Default: none.
    #[schemars(with = "BTreeMap<String, String>", extend("default" = {}, "examples" = [{ "Surrogate-Control": "no-store" }]))]
    pub headers: HeaderFields,
}

/// Where operators and their monitors ask how the gateway is. Off unless this section is there.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ManagementSection {
    /// An IP address with its port, or a Unix socket ("unix:/run/downtime/management.sock"). Whoever reaches it may read
    /// what the file says. Takes effect at the next start.
    #[schemars(with = "String", regex(pattern = pattern::address()), extend("default" = "127.0.0.1:9503"))]
    pub listen: Field<String>,
    /// Names that operators may ask by, beside `localhost` and IP addresses: a request for any other host gets 421.
    /// Default: none.
    #[schemars(with = "Vec<String>", example = ["ops.example.com"], extend("default" = []))]
    pub hosts: Texts,
}

/// What is logged, and how.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct LogSection {
    /// error, warn, info, debug or trace, or a tracing filter such as "info,downtime::watch=debug".
    #[schemars(with = "String", regex(pattern = pattern::LEVEL), extend("default" = "info"))]
    pub level: Field<String>,
    /// How lines look: for people, or a JSON object a line.
    #[schemars(with = "LogFormat", extend("default" = "text"))]
    pub format: Field<String>,
    /// Whether there is a line for each request.
    #[schemars(with = "bool", extend("default" = false))]
    pub access: Field<bool>,
}

/// A period of downtime: `start` with `end`, `for` or neither (open-ended), or again and again with `cron` and `for`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, extend(
    "anyOf" = [{ "required": ["cron"] }, { "required": ["start"], "not": { "required": ["end", "for"] } }],
    "not" = { "required": ["redirect", "template"], "properties": { "redirect": { "type": "string" } } },
    "dependencies" = { "cron": ["for"], "except": ["cron"] },
))]
pub struct PeriodTable {
    /// Where it begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// For operators, who end it by this name; unique in the file. Visitors never see it.
    #[schemars(with = "String", regex(pattern = pattern::NAME), example = &"db-upgrade")]
    pub name: Field<String>,
    /// When it begins: a date-time with an offset, or a local one in `timezone`. With `cron`: none starts before.
    #[schemars(with = "DateTime", example = &"2026-12-01T22:00:00+01:00")]
    pub start: Field<Datetime>,
    /// When it is over: a date-time after `start`. Not together with `for`, but with `cron`: none runs past it.
    #[schemars(with = "DateTime", example = &"2026-12-02T02:00:00+01:00")]
    pub end: Field<Datetime>,
    /// How long it lasts in elapsed time: a duration, instead of `end`. With `cron`: each occurrence; required.
    #[schemars(rename = "for", with = "String", regex(pattern = pattern::DURATION), example = &"4h", example = &"1h 30m")]
    pub duration: Field<String>,
    /// When it begins again: minute, hour, day of month, month, day of week, in `timezone`; L, # and names too.
    #[schemars(with = "String", regex(pattern = pattern::CRON), example = &"30 23 * * SAT", example = &"0 4 L * *")]
    pub cron: Field<String>,
    /// With `cron`: local dates on which none starts, or date-times: the one that starts then.
    #[schemars(with = "Vec<DateOrDateTime>", extend("default" = []))]
    pub except: Field<Vec<Spanned<Datetime>>>,
    /// The hosts that are down, without port: `shop.example.com`, or `*.example.org` for all below. Default: all.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = pattern::HOST)), example = ["shop.example.com", "*.example.org"])]
    pub hosts: Texts,
    /// The paths that are down, as globs: `/checkout/**` covers `/checkout` too. Default: all.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = pattern::glob())), example = ["/checkout/**"])]
    pub paths: Texts,
    /// The methods that are down, in any case. Default: all.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = pattern::METHOD)), example = ["POST", "PUT", "PATCH", "DELETE"])]
    pub methods: Texts,
    /// The zone of its local times and its cron expression: an IANA name. Default: that of the file.
    #[schemars(with = "String", regex(pattern = pattern::TIME_ZONE), example = &"America/New_York")]
    pub timezone: Field<String>,
    /// Whether it counts.
    #[schemars(with = "bool", extend("default" = true))]
    pub enabled: Field<bool>,
    /// Whether `downtime end` without a name ends it, also before its end. `downtime start` writes it.
    #[schemars(with = "bool", extend("default" = false))]
    pub unscheduled: Field<bool>,
    /// A sentence for visitors, on the page. Default: that of `[response]`.
    #[schemars(with = "String", example = &"We are moving to a faster database.")]
    pub message: Field<String>,
    /// 302 to here instead of the page; false: the page, whatever `[response]` says. Not together with `template`.
    #[schemars(with = "OrFalse", extend("pattern" = pattern::redirect()), example = &"https://status.example.com/")]
    pub redirect: Field<OrFalse>,
    /// The page: a MiniJinja template, relative to this file; goes before the redirect of `[response]`.
    #[schemars(with = "String", length(min = 1), example = &"templates/upgrade.html")]
    pub template: Field<String>,
    /// Keys that did not read well; a value that is missing for that is no second error.
    #[schemars(skip)]
    pub broken: bool,
}
