//! The link that testers get, and what makes a new bypass of little use to them.

use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::{Config, Listen, ListenUrl, PeerSet, ServerConfig};
use crate::decision::ENTER_PATH;
use crate::http1::scheme::Scheme;
use crate::matching::bypass::{Bypass, MAX_TIME};
use crate::matching::glob::PathGlobs;
use crate::matching::path::RequestPath;
use crate::schedule::human_time::local;

/// What a path in a query contains as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const HOUR: i64 = 60 * 60;

/// The inputs in which people give what a bypass is like.
#[derive(Clone, Copy, Debug)]
pub struct BypassInputs {
    /// What is written before its length.
    pub length: &'static str,
    /// That of the URL of the site.
    pub site: &'static str,
}

/// Parses the URL of a site, which the link of a bypass begins with.
pub fn parse_site_url(text: &str) -> Result<String, &'static str> {
    const HELP: &str = "write a URL without a path, such as https://shop.example.com";
    let url: http::Uri = text.parse().map_err(|_| HELP)?;
    let is_site = matches!(url.scheme_str(), Some("http" | "https"))
        && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && matches!(url.path(), "" | "/")
        && url.query().is_none();
    if is_site { Ok(text.trim_end_matches('/').to_owned()) } else { Err(HELP) }
}

/// Returns the link for testers to a site: that of this URL, or the gateway on this machine. It leads on to a path that the bypass covers.
pub fn bypass_link(site: Option<&str>, config: &Config, bypass: Option<&Bypass>, secret: &str) -> String {
    let site = site.map_or_else(|| own_url(config), str::to_owned);
    let next = bypass.and_then(covered_path);
    let next = next.map_or(String::new(), |path| format!("?next={}", utf8_percent_encode(&path, ESCAPED)));
    format!("{site}{ENTER_PATH}{next}#{secret}")
}

/// Warns if a new bypass is over before the next downtime starts, or if its link leads to this machine although visitors come by a
/// proxy or from other machines.
pub fn bypass_warnings(
    site: Option<&str>,
    config: &Config,
    bypass: Option<&Bypass>,
    now: Timestamp,
    inputs: BypassInputs,
) -> Vec<Diagnostic> {
    let early = bypass.and_then(|bypass| ends_early(config, bypass, now, inputs));
    let own = (site.is_none() && is_for_others(&config.server)).then(|| {
        let url = own_url(config);
        let help = format!(
            "replace `{url}` in it by the address of the site, such as https://shop.example.com; {} does that",
            inputs.site
        );
        (format!("the link works on this machine only: it begins with {url}"), help)
    });
    let warning = |(message, help): (String, String)| Diagnostic {
        severity: Severity::Warning,
        ..Diagnostic::for_file(message, help)
    };
    early.into_iter().chain(own).map(warning).collect()
}

/// Returns what to say if the site is up, and the bypass is over before that changes.
fn ends_early(
    config: &Config,
    bypass: &Bypass,
    now: Timestamp,
    inputs: BypassInputs,
) -> Option<(String, String)> {
    let schedule = &config.rules.schedule;
    let state = schedule.at(now);
    let next = schedule.next_outage(&state, now, |_| true).filter(|_| state.active.is_empty())?;
    if next.start < bypass.until {
        return None;
    }
    let length = match next.end {
        Some(end) => end.duration_since(now),
        None => next.start.duration_since(now) + bypass.until.duration_since(now),
    };
    let help = if length > MAX_TIME - SignedDuration::from_secs(HOUR) {
        "end this bypass, and make another when the downtime is less than 30 days ahead".to_owned()
    } else {
        let hours = (length.as_secs() + HOUR - 1) / HOUR;
        let until = if next.end.is_some() { "until that downtime ends" } else { "into that downtime" };
        format!("end this bypass, and make one that lasts {until}: `{}{hours}h`", inputs.length)
    };
    let start = local(next.start, &config.timezone);
    Some((format!("the bypass ends before the next downtime starts, at {start}"), help))
}

/// Returns the path of a request that a bypass covers, if one of its globs begins with a plain path.
fn covered_path(bypass: &Bypass) -> Option<String> {
    let [_, (_, globs)] = bypass.scope.texts();
    globs.unwrap_or_default().iter().find_map(|glob| {
        let plain = match glob.find(['*', '?']).and_then(|wildcard| glob.get(..wildcard)) {
            Some(before) => before.rsplit_once('/')?.0,
            None => glob,
        };
        let path = utf8_percent_encode(plain, ESCAPED).to_string();
        let is_covered = PathGlobs::new([glob.as_str()]).is_ok_and(|glob| glob.find(plain).is_some());
        (path.len() > 1 && is_covered && RequestPath::new(&path).canonical().is_some()).then_some(path)
    })
}

/// Returns true if visitors come by a proxy or from other machines, and the URL of the gateway on this machine leads nowhere there.
fn is_for_others(server: &ServerConfig) -> bool {
    let is_set = |peers: &PeerSet| peers.unix || !peers.networks.is_empty();
    let has_proxy = is_set(&server.trusted_proxies) || is_set(&server.proxy_protocol);
    match own_address(server).map(|own| &own.address) {
        Some(Listen::Tcp(address)) if !address.ip().is_unspecified() => {
            has_proxy && address.ip().is_loopback()
        }
        _ => true,
    }
}

fn own_address(server: &ServerConfig) -> Option<&ListenUrl> {
    server.listen.iter().find(|listen| listen.address.port().is_some())
}

/// Returns the URL at which this machine reaches the gateway.
fn own_url(config: &Config) -> String {
    let Some(ListenUrl { scheme, address }) = own_address(&config.server) else {
        return "http://localhost".to_owned();
    };
    let host = match address {
        Listen::Tcp(address) if !address.ip().is_unspecified() => address.to_string(),
        other => format!("localhost:{}", other.port().unwrap_or_default()),
    };
    let default = if *scheme == Scheme::Https { ":443" } else { ":80" };
    format!("{}{}", scheme.prefix(), host.strip_suffix(default).unwrap_or(&host))
}
