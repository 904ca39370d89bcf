//! `[site]` as it was typed.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;

use super::{Field, HeaderFields};
use crate::config::WhenUnreachable;
use crate::config::schema::pattern;
use crate::config::table::Table;

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
    /// is not found, and whose last part has no extension or that ends in a slash, get the `index.html` of `root` with status
    /// 200. A missing image or script still gets 404, and so does what is not found below `/.well-known`.
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
    /// last part of its body. It does not count while the client sends the body, which `[limits] body_timeout` limits.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "60s"))]
    pub response_timeout: Field<String>,
    /// TLS to an upstream with `https://`: `ca` is a file with the certificates of the authorities to trust instead of the
    /// system's, `server_name` the name that the upstream's certificate must be for (by default the host of `upstream`),
    /// and `cert` and `key` are the files of the gateway's own certificate, for an upstream that asks for one. All files are
    /// in PEM and relative to this file. The gateway reads them again when they change.
    #[schemars(with = "UpstreamTlsTable", extend("examples" = [{ "ca": "ca.pem", "server_name": "app.internal", "cert": "client.pem", "key": "client.key" }]))]
    pub tls: Option<UpstreamTlsTable>,
}

impl SiteSection {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            upstream: table.get("upstream", "\"http://127.0.0.1:8000\""),
            root: table.get("root", "\"public\""),
            spa: table.flag("spa"),
            cache: table.get("cache", "{ \"/assets/**\" = \"max-age=31536000\" }"),
            when_unreachable: table.get("when_unreachable", "\"downtime\""),
            connect_timeout: table.get("connect_timeout", "\"5s\""),
            response_timeout: table.get("response_timeout", "\"60s\""),
            tls: table.table("tls", "[site.tls]", "{ ca = \"ca.pem\" }", UpstreamTlsTable::read),
        }
    }
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

impl UpstreamTlsTable {
    pub(super) fn read(table: &mut Table<'_, '_>, span: Range<usize>) -> Self {
        let mut tls = Self {
            ca: table.get("ca", "\"ca.pem\""),
            server_name: table.get("server_name", "\"app.internal\""),
            cert: table.get("cert", "\"client.pem\""),
            key: table.get("key", "\"client.key\""),
            span,
            broken: false,
        };
        tls.broken = table.is_broken() || table.has_mistyped(&["cert", "key"]);
        tls
    }
}
