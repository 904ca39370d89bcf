//! Reads a document from the text of the file.

use std::ops::Range;
use std::sync::Arc;

use toml::de::DeTable;

use super::{
    AdminSection, BypassTable, Document, ExemptSection, HooksSection, LimitsSection, LogSection,
    ManagementSection, PageSection, PeriodTable, ResponseSection, ServerSection, SiteSection, TlsTable,
    UpstreamTlsTable, WebhookTable,
};
use crate::config::diagnostic::Source;
use crate::config::keys::{PERIODS_FILE, TOP};
use crate::config::report::Report;
use crate::config::syntax;
use crate::config::table::Table;

impl Document {
    /// Parses the text of `report`. A value that cannot be read is reported, and is missing from the document.
    pub fn parse(report: &Report) -> Self {
        if report.text().trim().is_empty() {
            let help = "restore it from a backup; a file without settings needs at least a comment";
            report.error(0..0, "the file is empty", help);
            return Self::default();
        }
        let (root, errors) = DeTable::parse_recoverable(report.text());
        syntax::report(&errors, report);
        if errors.is_empty() {
            return Table::new(TOP.to_owned(), root.into_inner(), report).read_all(Self::read);
        }
        // Commands query a running gateway at its management address, also if the file has syntax errors by now.
        let ignored = Report::new(report.source());
        let mut root = Table::new(TOP.to_owned(), root.into_inner(), &ignored);
        Self { management: root.section("management", ManagementSection::read), ..Self::default() }
    }

    /// Adds the periods and bypasses of the second file of `report`.
    pub(in crate::config) fn parse_periods_file(&mut self, report: &Report) {
        let Some((source, start)) = report.second_file() else { return };
        if source.text.trim().is_empty() {
            let help = "restore it from a backup; a file without periods needs at least a comment";
            report.error(start..start, "the file is empty", help);
            return;
        }
        // Blanks before the text make each place that of the second file in the text of the report.
        let text = " ".repeat(start) + &source.text;
        let (root, errors) = DeTable::parse_recoverable(&text);
        if !errors.is_empty() {
            return report_syntax(source, report);
        }
        let table = Table::new(PERIODS_FILE.to_owned(), root.into_inner(), report);
        let (periods, bypasses) = table.read_all(|root| {
            (root.sections("period", PeriodTable::read), root.sections("bypass", BypassTable::read))
        });
        self.periods.extend(periods);
        self.bypasses.extend(bypasses);
    }

    fn read(root: &mut Table<'_, '_>) -> Self {
        Self {
            timezone: root.get("timezone", "\"Europe/Berlin\""),
            periods_file: root.get("periods_file", "\"periods.toml\""),
            server: root.section("server", ServerSection::read).unwrap_or_default(),
            site: root.section("site", SiteSection::read).unwrap_or_default(),
            exempt: root.section("exempt", ExemptSection::read).unwrap_or_default(),
            response: root.section("response", ResponseSection::read).unwrap_or_default(),
            page: root.section("page", PageSection::read).unwrap_or_default(),
            management: root.section("management", ManagementSection::read),
            admin: root.section("admin", AdminSection::read),
            limits: root.section("limits", LimitsSection::read).unwrap_or_default(),
            hooks: root.section("hooks", HooksSection::read).unwrap_or_default(),
            webhooks: root.sections("webhook", WebhookTable::read),
            log: root.section("log", LogSection::read).unwrap_or_default(),
            periods: root.sections("period", PeriodTable::read),
            bypasses: root.sections("bypass", BypassTable::read),
        }
    }
}

/// Reports the syntax errors of the second file.
fn report_syntax(source: &Arc<Source>, report: &Report) {
    let own = Report::new(Arc::clone(source));
    let (_, errors) = DeTable::parse_recoverable(own.text());
    syntax::report(&errors, &own);
    own.diagnostics().into_iter().for_each(|diagnostic| report.push(diagnostic));
}

impl ServerSection {
    fn read(table: &mut Table<'_, '_>) -> Self {
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

impl TlsTable {
    fn read(table: &mut Table<'_, '_>, span: Range<usize>) -> Self {
        let (cert, key) = (table.get("cert", "\"cert.pem\""), table.get("key", "\"key.pem\""));
        let broken = table.is_broken() || ["cert", "key"].iter().any(|key| table.has_mistyped(key));
        Self { span, cert, key, broken }
    }
}

impl SiteSection {
    fn read(table: &mut Table<'_, '_>) -> Self {
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

impl UpstreamTlsTable {
    fn read(table: &mut Table<'_, '_>, span: Range<usize>) -> Self {
        let mut tls = Self {
            ca: table.get("ca", "\"ca.pem\""),
            server_name: table.get("server_name", "\"app.internal\""),
            cert: table.get("cert", "\"client.pem\""),
            key: table.get("key", "\"client.key\""),
            span,
            broken: false,
        };
        tls.broken = table.is_broken() || ["cert", "key"].iter().any(|key| table.has_mistyped(key));
        tls
    }
}

impl ExemptSection {
    fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            exact: table.get("exact", "[\"/\"]"),
            paths: table.get("paths", "[\"/admin/**\"]"),
            networks: table.get("networks", "[\"192.0.2.0/24\"]"),
            acme: table.flag("acme"),
        }
    }
}

impl ResponseSection {
    fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            redirect: table.get("redirect", "\"https://status.example.com/\""),
            template: table.get("template", "\"templates/downtime.html\""),
            status: table.get("status", "503"),
            retry_after: table.get("retry_after", "\"5m\""),
            message: table.text_by_language("message", "[response.message]", "\"We'll be back soon.\""),
            cors: table.texts_or_false(
                "cors",
                "write `cors = \"any\"`, `cors = [\"https://app.example.com\"]` or `cors = false`",
            ),
            close_tunnels_after: table.get("close_tunnels_after", "\"30s\""),
            headers: table.get("headers", "{ \"Surrogate-Control\" = \"no-store\" }"),
        }
    }
}

impl PageSection {
    fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            lang: table.get("lang", "\"en\""),
            title: table.get("title", "\"Example Shop\""),
            logo: table.get("logo", "\"logo.svg\""),
            accent: table.get("accent", "\"#007a55\""),
            contact: table.get("contact", "\"https://status.example.com/\""),
        }
    }
}

impl ManagementSection {
    fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            listen: table.get("listen", "\"127.0.0.1:9503\""),
            hosts: table.get("hosts", "[\"ops.example.com\"]"),
        }
    }
}

impl AdminSection {
    fn read(table: &mut Table<'_, '_>) -> Self {
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

impl LimitsSection {
    fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            head: table.get("head", "\"16KiB\""),
            head_timeout: table.get("head_timeout", "\"30s\""),
            idle_timeout: table.get("idle_timeout", "\"60s\""),
            send_timeout: table.get("send_timeout", "\"60s\""),
            body_timeout: table.get("body_timeout", "\"60s\""),
            handshake_timeout: table.get("handshake_timeout", "\"10s\""),
            connections: table.get("connections", "1000"),
            connections_per_client: table.get("connections_per_client", "100"),
            streams: table.get("streams", "128"),
            upstream_idle: table.get("upstream_idle", "\"2s\""),
            upstream_idle_connections: table.get("upstream_idle_connections", "128"),
            upstream_connections: table.get("upstream_connections", "100"),
            tunnel_idle: table.get("tunnel_idle", "\"1h\""),
            file_cache: table.get("file_cache", "\"64MiB\""),
        }
    }
}

impl HooksSection {
    fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            on_down: table.get("on_down", "[\"/usr/local/bin/tell\", \"down\"]"),
            on_up: table.get("on_up", "[\"/usr/local/bin/tell\", \"up\"]"),
            on_rejected: table.get("on_rejected", "[\"/usr/local/bin/tell\", \"rejected\"]"),
        }
    }
}

impl WebhookTable {
    fn read(table: &mut Table<'_, '_>, span: Range<usize>) -> Self {
        let mut webhook = Self {
            span,
            url: table.get("url", "\"https://hooks.example.com/x\""),
            events: table.get("events", "[\"down\", \"up\"]"),
            secret_file: table.get("secret_file", "\"hook.key\""),
            broken: false,
        };
        webhook.broken =
            table.is_broken() || ["url", "secret_file"].iter().any(|key| table.has_mistyped(key));
        webhook
    }
}

impl LogSection {
    fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            level: table.get("level", "\"info\""),
            format: table.get("format", "\"text\""),
            access: table.flag_or_word("access"),
        }
    }
}

impl PeriodTable {
    fn read(table: &mut Table<'_, '_>, span: Range<usize>) -> Self {
        let mut period = Self {
            span,
            name: table.get("name", "\"db-upgrade\""),
            start: table.get("start", "2026-12-01T22:00:00+01:00"),
            end: table.get("end", "2026-12-02T02:00:00+01:00"),
            duration: table.get("for", "\"4h\""),
            cron: table.get("cron", "\"30 23 * * SAT\""),
            except: table.get("except", "[2026-12-26]"),
            hosts: table.get("hosts", "[\"shop.example.com\"]"),
            paths: table.get("paths", "[\"/checkout/**\"]"),
            methods: table.get("methods", "[\"POST\", \"PUT\"]"),
            timezone: table.get("timezone", "\"Europe/Berlin\""),
            enabled: table.flag("enabled"),
            unscheduled: table.flag("unscheduled"),
            message: table.text_by_language(
                "message",
                "[period.message]",
                "\"We are moving to a faster database.\"",
            ),
            redirect: table.text_or_false("redirect", "\"https://status.example.com/\""),
            template: table.get("template", "\"templates/upgrade.html\""),
            broken: false,
        };
        period.broken = table.is_broken()
            || period.start.is_none() && ["start", "cron"].iter().any(|key| table.has_mistyped(key));
        period
    }
}

impl BypassTable {
    fn read(table: &mut Table<'_, '_>, span: Range<usize>) -> Self {
        let mut bypass = Self {
            span,
            name: table.get("name", "\"qa\""),
            hash: table.get("hash", "\"sha256:…\""),
            until: table.get("until", "2026-12-02T06:00:00Z"),
            hosts: table.get("hosts", "[\"shop.example.com\"]"),
            paths: table.get("paths", "[\"/checkout/**\"]"),
            broken: false,
        };
        bypass.broken = table.is_broken() || ["hash", "until"].iter().any(|key| table.has_mistyped(key));
        bypass
    }
}
