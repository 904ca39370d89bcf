//! Turns a document into a config, and reports every invalid value.

mod admin;
mod bypasses;
mod exempt;
mod hooks;
mod limits;
mod log;
mod management;
mod message;
mod page;
mod periods;
mod response;
mod scope;
mod server;
mod site;
mod timing;
mod tls;
mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use self::admin::OtherListeners;
use self::values::{duration, time_zone};
use super::document::Document;
use super::read_file::ReadFile;
use super::report::Report;
use super::templates::Templates;
use super::tls_files::TlsFiles;
use super::{Config, DEFAULT_RETRY_AFTER};
use crate::decision::Rules;

/// Turns a document into a config, which must not be applied if `report` has errors afterwards. Paths are relative to
/// `directory`; `read` reads the logo.
pub fn validate(
    document: &Document,
    directory: &Path,
    read: ReadFile<'_>,
    report: &Report,
    templates: &mut Templates<'_>,
    tls_files: &mut TlsFiles<'_>,
) -> Config {
    let timezone = time_zone(&document.timezone, report).unwrap_or(TimeZone::UTC);
    let page = page::validate(&document.page, directory, read, report);
    let response = response::validate(&document.response, page.lang, report, templates);
    let (schedule, responses) =
        periods::validate(document, (&timezone, page.lang), &response, report, templates);
    let server = server::validate(&document.server, directory, report);
    let https_only = server::https_only(&document.server, &server, report);
    let management = management::validate(document, &server, directory, report);
    let others = OtherListeners { server: &server, management: management.as_ref() };
    Config {
        file: PathBuf::new(),
        admin: admin::validate(document, &others, directory, report),
        management,
        server,
        certificates: Arc::new(tls::validate(&document.server, tls_files, report)),
        site: site::validate(&document.site, directory, report, tls_files),
        rules: Rules {
            https_only,
            status_path: server::status_path(&document.server.status_path, report),
            probe_paths: server::probe_paths(&document.server, report),
            exemptions: exempt::validate(&document.exempt, report),
            acme: document.exempt.acme.as_ref().is_none_or(|acme| *acme.get_ref()),
            bypasses: bypasses::validate(document, &timezone, report),
            schedule,
            responses,
            retry_after: duration(&document.response.retry_after, report).unwrap_or(DEFAULT_RETRY_AFTER),
        },
        response,
        page,
        hooks: Arc::new(hooks::validate(document, directory, read, report, &mut tls_files.unchecked)),
        limits: limits::validate(&document.limits, report),
        log: log::validate(&document.log, report),
        timezone,
        periods_file: None,
    }
}
