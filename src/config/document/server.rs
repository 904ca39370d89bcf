//! `[server]` as it was typed.

use std::ops::Range;

use schemars::JsonSchema;

use super::{Field, OrFalse, Texts};
use crate::config::schema::pattern;
use crate::config::table::Table;

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
    /// before TLS, and the address in it counts as the peer's. A connection without one is closed.
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

impl ServerSection {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Self {
        let mut section = Self {
            listen: table.get("listen", "[\"127.0.0.1:8503\"]"),
            tls: table.tables(
                "tls",
                "[[server.tls]]",
                "{ cert = \"cert.pem\", key = \"key.pem\" }",
                TlsTable::read,
            ),
            broken: false,
            trusted_proxies: table.get("trusted_proxies", "[\"127.0.0.1/32\"]"),
            proxy_protocol: table.get("proxy_protocol", "[\"10.0.0.1/32\"]"),
            https_only: table.flag("https_only"),
            status_path: table.text_or_false("status_path", "\"/.downtime/status\""),
            probe_paths: table.get("probe_paths", "[\"/up\"]"),
            stop_delay: table.get("stop_delay", "\"15s\""),
            stop_timeout: table.get("stop_timeout", "\"10s\""),
        };
        section.broken = table.is_broken();
        section
    }
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

impl TlsTable {
    pub(super) fn read(table: &mut Table<'_, '_>, span: Range<usize>) -> Self {
        let (cert, key) = (table.get("cert", "\"cert.pem\""), table.get("key", "\"key.pem\""));
        let broken = table.is_broken() || table.has_mistyped(&["cert", "key"]);
        Self { span, cert, key, broken }
    }
}
