//! Names that other programs use for our keys and sections.

use super::TOP;

/// Section, key, and other names of the key. The section `[]` has the names of the sections themselves.
pub(super) const SYNONYMS: &[(&str, &str, &[&str])] = &[
    (TOP, "timezone", &["tz", "zone"]),
    ("[server]", "listen", &["bind", "address", "addr", "port", "host", "socket", "listen_address"]),
    (
        "[server]",
        "trusted_proxies",
        &["trust", "trusted", "proxies", "proxy", "trust_proxy", "set_real_ip_from", "real_ip"],
    ),
    ("[server]", "proxy_protocol", &["accept_proxy", "proxy_header", "send_proxy"]),
    ("[server]", "tls", &["certificates", "certificate", "ssl", "ssl_certificate", "certs"]),
    ("[server]", "https_only", &["force_https", "redirect_to_https", "https_redirect", "ssl_redirect"]),
    ("[[server.tls]]", "cert", &["certificate", "ssl_certificate", "crt", "fullchain", "pem"]),
    ("[[server.tls]]", "key", &["private_key", "ssl_certificate_key", "privkey"]),
    ("[server]", "status_path", &["status", "status_url", "health", "health_path"]),
    (
        "[server]",
        "probe_paths",
        &["probe", "probes", "healthcheck", "health_check", "health_checks", "readiness"],
    ),
    ("[server]", "stop_delay", &["shutdown_delay", "drain_delay", "lame_duck", "pre_stop"]),
    (
        "[server]",
        "stop_timeout",
        &[
            "shutdown_timeout",
            "graceful_timeout",
            "grace_period",
            "drain",
            "drain_timeout",
            "hard_stop_after",
        ],
    ),
    (
        "[site]",
        "upstream",
        &["backend", "proxy_pass", "url", "target", "origin", "proxy", "server", "address", "host", "port"],
    ),
    ("[site]", "root", &["directory", "dir", "path", "folder", "document_root", "static", "public"]),
    ("[site]", "response_timeout", &["timeout", "read_timeout", "proxy_read_timeout"]),
    ("[site]", "connect_timeout", &["proxy_connect_timeout"]),
    ("[site]", "when_unreachable", &["on_error", "unreachable", "fallback"]),
    (
        "[exempt]",
        "networks",
        &["ip", "ips", "address", "addresses", "client", "clients", "allow", "cidr", "subnet", "allowlist"],
    ),
    ("[exempt]", "paths", &["url", "urls", "uri", "glob", "globs", "location", "route", "prefix"]),
    ("[response]", "redirect", &["url", "location", "target", "redirect_to"]),
    ("[response]", "template", &["page", "html", "file", "body", "error_page"]),
    ("[response]", "status", &["code", "status_code", "http_status"]),
    ("[response]", "retry_after", &["retry", "retry_in"]),
    ("[response]", "message", &["text", "reason", "description"]),
    ("[page]", "lang", &["language", "locale", "lng", "default_language"]),
    ("[page]", "title", &["name", "site", "site_name", "brand", "heading"]),
    ("[page]", "logo", &["image", "icon", "favicon", "picture"]),
    ("[page]", "accent", &["color", "colour", "accent_color", "accent_colour", "theme", "primary"]),
    ("[page]", "contact", &["link", "url", "status_page", "support", "email", "mail", "more"]),
    ("[management]", "listen", &["bind", "address", "addr", "port", "host", "socket"]),
    ("[limits]", "head", &["max_head", "head_size", "header_size", "large_client_header_buffers", "bufsize"]),
    (
        "[limits]",
        "head_timeout",
        &["header_timeout", "client_header_timeout", "timeout_http_request", "request_timeout"],
    ),
    ("[limits]", "idle_timeout", &["idle", "keepalive_timeout", "keep_alive", "timeout_http_keep_alive"]),
    ("[limits]", "send_timeout", &["write_timeout", "timeout_client"]),
    (
        "[limits]",
        "body_timeout",
        &["client_body_timeout", "proxy_read_timeout", "read_timeout", "timeout_server"],
    ),
    ("[limits]", "handshake_timeout", &["tls_timeout", "ssl_handshake_timeout", "tls_handshake_timeout"]),
    ("[limits]", "connections", &["max_connections", "worker_connections"]),
    (
        "[limits]",
        "connections_per_client",
        &["limit_conn", "connections_per_ip", "max_connections_per_client"],
    ),
    (
        "[limits]",
        "streams",
        &["max_streams", "max_concurrent_streams", "http2_max_concurrent_streams", "http2_streams"],
    ),
    (
        "[limits]",
        "upstream_idle",
        &["upstream_idle_timeout", "upstream_keepalive", "upstream_keepalive_timeout", "pool_idle_timeout"],
    ),
    (
        "[limits]",
        "upstream_idle_connections",
        &["keepalive", "pool_size", "pool_max_conn", "max_idle", "upstream_keepalive_connections"],
    ),
    (
        "[limits]",
        "upstream_connections",
        &["max_conns", "maxconn", "upstream_max_connections", "max_upstream_connections"],
    ),
    ("[limits]", "tunnel_idle", &["timeout_tunnel", "tunnel_timeout", "websocket_idle", "websocket_timeout"]),
    ("[log]", "level", &["loglevel", "log_level", "verbosity", "filter"]),
    ("[log]", "access", &["access_log", "requests"]),
    ("[[period]]", "start", &["from", "begin", "since", "starts_at", "start_time", "start_at", "at", "date"]),
    ("[[period]]", "end", &["until", "to", "till", "stop", "finish", "ends_at", "end_time", "end_at"]),
    ("[[period]]", "for", &["duration", "length", "lasts", "hours", "minutes"]),
    ("[[period]]", "cron", &["schedule", "crontab", "recurring", "recurrence", "every", "repeat", "rrule"]),
    ("[[period]]", "except", &["exclude", "exclusion", "skip", "exception", "not_on", "but"]),
    ("[[period]]", "hosts", &["domain", "domains", "server_name", "hostname", "site", "sites"]),
    ("[[period]]", "paths", &["url", "urls", "uri", "location", "route", "routes"]),
    ("[[period]]", "methods", &["verb", "verbs", "http_methods"]),
    ("[[period]]", "timezone", &["tz", "zone"]),
    ("[[period]]", "enabled", &["active", "enable", "on"]),
    ("[[period]]", "message", &["text", "reason", "description", "comment"]),
    ("[[period]]", "name", &["id", "title", "label"]),
    ("[[period]]", "redirect", &["target", "redirect_to"]),
    ("[[period]]", "template", &["page", "html", "file", "error_page"]),
    ("[[bypass]]", "hash", &["secret", "sha256", "token", "password", "key", "secret_hash", "digest"]),
    ("[[bypass]]", "until", &["end", "expires", "expiry", "expires_at", "valid_until"]),
    ("[[bypass]]", "name", &["id", "title", "label"]),
    ("[[bypass]]", "hosts", &["domain", "domains", "server_name", "hostname", "site", "sites"]),
    ("[[bypass]]", "paths", &["url", "urls", "uri", "location", "route", "routes"]),
    ("[]", "bypass", &["bypasses", "tester", "testers", "secret", "preview"]),
    ("[]", "period", &["downtime", "maintenance", "schedule", "window", "windows", "outage", "event"]),
    ("[]", "server", &["http", "listen", "listener", "gateway", "main"]),
    ("[]", "site", &["upstream", "backend", "proxy", "origin", "target"]),
    ("[]", "exempt", &["exemption", "exemptions", "allow", "allowlist", "exclude", "pass", "exception"]),
    ("[]", "response", &["answer", "error_page", "template"]),
    ("[]", "page", &["brand", "branding", "theme", "design", "look", "html"]),
    ("[]", "management", &["health", "metrics", "monitoring", "api"]),
    ("[]", "log", &["logging"]),
];

/// Returns the key of `section` that other programs call `name`.
pub(super) fn find(section: &str, name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace('-', "_");
    let matches =
        |(of, _, others): &&(&str, &str, &[&str])| *of == section && others.contains(&name.as_str());
    SYNONYMS.iter().find(matches).map(|(_, key, _)| *key)
}
