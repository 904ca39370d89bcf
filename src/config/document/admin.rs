//! `[admin]` as it was typed.

use schemars::JsonSchema;

use super::{Field, Texts};
use crate::config::schema::pattern;
use crate::config::table::Table;

/// The keys of `[admin]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct AdminSection {
    /// The address to listen on: a Unix socket, whose file has the mode 0600 unless the address has another one
    /// (`"unix:/run/downtime-admin/admin.sock?mode=0660"`), or a port that only this machine can reach (`"127.0.0.1:9504"`).
    /// For other machines, a proxy in front of it brings TLS. A change takes effect at the next start.
    #[schemars(with = "String", regex(pattern = pattern::address()), extend("default" = "unix:/run/downtime-admin/admin.sock"))]
    pub listen: Field<String>,
    /// The Unix socket at which `downtime admin link` asks for a link that logs an operator in. Only root and the user that
    /// `downtime admin` runs as get one. By default, it is `link.sock` in the directory of the socket in `listen`, or
    /// `/run/downtime-admin/link.sock` if `listen` is a port. A change takes effect at the next start.
    #[schemars(with = "String", regex(pattern = pattern::address()), example = &"unix:/run/downtime-admin/link.sock")]
    pub link_socket: Field<String>,
    /// Host names that operators may use in the URL, besides `localhost` and IP addresses. Requests for other hosts, or
    /// for none, get status 421.
    #[schemars(with = "Vec<String>", example = ["ops.example.com"], extend("default" = []))]
    pub hosts: Texts,
    /// A file with the operators who log in with a password, relative to this file: a line `NAME:HASH` for each, with a hash of
    /// argon2id or bcrypt. `htpasswd -B` writes such lines. A change takes effect at once, and an operator who is removed or
    /// gets another password is logged out.
    #[schemars(with = "String", length(min = 1), example = &"admin.users")]
    pub users: Field<String>,
    /// The request field in which a proxy with single sign-on names the operator. It is believed only from
    /// `trusted_proxies`; a request from anyone else that has it gets status 400.
    #[schemars(with = "String", regex(pattern = pattern::FIELD_NAME), example = &"Remote-User")]
    pub user_header: Field<String>,
    /// Proxies in front of the admin page whose `X-Forwarded-*` fields and `user_header` are trusted: IP addresses or networks
    /// in CIDR notation, or `"unix:"` for every peer on a Unix socket.
    #[schemars(with = "Vec<String>", inner(regex(pattern = pattern::proxy())), example = ["127.0.0.1/32"], extend("default" = []))]
    pub trusted_proxies: Texts,
    /// A file with the secrets of machines, relative to this file: a line `NAME:read:sha256:HASH` or `NAME:write:sha256:HASH` for
    /// each, with the SHA-256 of the secret in hexadecimal. Machines send the secret itself as `Authorization: Bearer SECRET`.
    /// A change takes effect at once.
    #[schemars(with = "String", length(min = 1), example = &"admin.tokens")]
    pub tokens: Field<String>,
}

impl AdminSection {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            listen: table.get("listen", "\"127.0.0.1:9504\""),
            link_socket: table.get("link_socket", "\"unix:/run/downtime-admin/link.sock\""),
            hosts: table.get("hosts", "[\"ops.example.com\"]"),
            users: table.get("users", "\"admin.users\""),
            user_header: table.get("user_header", "\"Remote-User\""),
            trusted_proxies: table.get("trusted_proxies", "[\"127.0.0.1/32\"]"),
            tokens: table.get("tokens", "\"admin.tokens\""),
        }
    }
}
