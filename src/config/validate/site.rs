//! Validates `[site]`.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use super::response::field_value;
use super::values::{choice, duration};
use crate::config::document::{HeaderFields, SiteSection, UpstreamTlsTable};
use crate::config::report::Report;
use crate::config::tls_files::TlsFiles;
use crate::config::upstream_address::{UpstreamAddress, UpstreamAddressError, UpstreamScheme};
use crate::config::{DEFAULT_CONNECT_TIMEOUT, DEFAULT_RESPONSE_TIMEOUT, Site, UpstreamSite, WhenUnreachable};
use crate::files::{CacheControl, FileSettings};
use crate::matching::glob::PathGlobs;
use crate::matching::request::to_ascii;
use crate::store::closed_directory::closed_directory;

/// Each file is matched with all of them when it is opened.
const MAX_CACHE_RULES: usize = 100;

pub(super) fn validate(
    section: &SiteSection,
    directory: &Path,
    report: &Report,
    tls_files: &mut TlsFiles<'_>,
) -> Site {
    let connect_timeout = duration(&section.connect_timeout, report).unwrap_or(DEFAULT_CONNECT_TIMEOUT);
    let response_timeout = duration(&section.response_timeout, report).unwrap_or(DEFAULT_RESPONSE_TIMEOUT);
    let choices = [("downtime", WhenUnreachable::Downtime), ("error", WhenUnreachable::Error)];
    let when_unreachable = choice(&section.when_unreachable, choices, report);
    let tls = section.tls.as_ref().map(|table| {
        refuse_without_https(section, table, report);
        Arc::new(tls_files.upstream(table, report))
    });
    warn_without_root(section, report);
    match (&section.upstream, &section.root) {
        (None, None) => Site::Welcome,
        (Some(_), Some(root)) => {
            let message = "a site has an `upstream` or a `root`, not both";
            report.error(root.span(), message, "remove one of the two");
            Site::Welcome
        }
        (None, Some(root)) => Site::Root(FileSettings {
            root: self::root(root, directory, report),
            is_single_page: section.spa.as_ref().is_some_and(|spa| *spa.get_ref()),
            cache_control: cache_control(&section.cache, report),
        }),
        (Some(text), None) => upstream(text, directory, report).map_or(Site::Welcome, |upstream| {
            Site::Upstream(UpstreamSite {
                upstream,
                tls,
                when_unreachable,
                connect_timeout,
                response_timeout,
            })
        }),
    }
}

/// Warns of settings for files where there are none.
fn warn_without_root(section: &SiteSection, report: &Report) {
    // A trial has one section only.
    if report.is_trial() || section.root.is_some() {
        return;
    }
    let spa = section.spa.as_ref().filter(|spa| *spa.get_ref()).map(|spa| ("spa", spa.span()));
    let cache = section.cache.as_ref().map(|cache| ("cache", cache.span()));
    for (key, span) in spa.into_iter().chain(cache) {
        let message = format!("`{key}` has no effect: it is for the files of a `root`");
        report.warning(span, message, "remove it, or set `root`");
    }
}

/// Returns the rules in the order of the file.
fn cache_control(table: &HeaderFields, report: &Report) -> CacheControl {
    let Some(table) = table else { return CacheControl::default() };
    let mut rules: Vec<_> = table.get_ref().iter().collect();
    if rules.len() > MAX_CACHE_RULES {
        let message = format!("too many globs: {}, at most {MAX_CACHE_RULES} are allowed", rules.len());
        report.error(table.span(), message, "write fewer; `/a/**` covers everything below /a");
        return CacheControl::default();
    }
    rules.sort_by_key(|(glob, _)| glob.span().start);
    let mut valid = Vec::new();
    for (glob, value) in rules {
        if report.valid(glob.span(), PathGlobs::check(glob.get_ref())).is_none() {
            continue;
        }
        if let Some(directory) = glob.get_ref().strip_suffix('/') {
            let message = format!("`{}` matches no file: a directory is its `index.html`", glob.get_ref());
            let help = format!("write `{directory}/index.html`, or `{directory}/**` for all files below it");
            report.warning(glob.span(), message, help);
        }
        if let Some(value) = field_value(value, report) {
            valid.push((glob.get_ref().clone(), value));
        }
    }
    let globs = PathGlobs::new(valid.iter().map(|(glob, _)| glob.as_str()));
    let globs = report.valid(table.span(), globs);
    globs.map_or_else(CacheControl::default, |globs| CacheControl::new(globs, valid))
}

/// Reports TLS settings that an upstream cannot use.
fn refuse_without_https(section: &SiteSection, table: &UpstreamTlsTable, report: &Report) {
    // A trial has one section only.
    if report.is_trial() {
        return;
    }
    let Some(text) = &section.upstream else {
        let help = "remove it, or add `upstream = \"https://…\"`";
        return report.error(table.span.clone(), "`tls` is for an upstream with https", help);
    };
    match UpstreamAddress::parse(text.get_ref()) {
        // Reported elsewhere.
        Err(_) | Ok(UpstreamAddress::Tcp { scheme: UpstreamScheme::Https, .. }) => {}
        Ok(upstream) => {
            let message = format!("`tls` is for an upstream with https, and this one is `{upstream}`");
            let help = match upstream {
                UpstreamAddress::Tcp { .. } => "remove it, or write `https://` in `upstream`",
                UpstreamAddress::Unix(_) => "remove it: a Unix socket does not leave this machine",
            };
            report.error(table.span.clone(), message, help);
        }
    }
}

fn upstream(text: &Spanned<String>, directory: &Path, report: &Report) -> Option<UpstreamAddress> {
    let (span, text) = (text.span(), text.get_ref());
    let error = match UpstreamAddress::parse(text) {
        Ok(upstream) => return Some(upstream.relative_to(directory)),
        Err(error) => error,
    };
    let trimmed = text.trim();
    if trimmed.len() < text.len() && UpstreamAddress::parse(trimmed).is_ok() {
        let message = format!("invalid upstream `{text}`: it begins or ends with a space");
        report.error(span, message, format!("write `{trimmed}`"));
    } else {
        let help = ascii_help(text, &error).unwrap_or_else(|| error.help());
        report.error(span, error.to_string(), help);
    }
    None
}

/// Returns what to write instead of an upstream whose host is not ASCII.
fn ascii_help(text: &str, error: &UpstreamAddressError) -> Option<String> {
    let UpstreamAddressError::Host(host) = error else { return None };
    let url = text.replace(host, &to_ascii(host)?);
    (url != *text && UpstreamAddress::parse(&url).is_ok()).then(|| format!("write `{url}`"))
}

fn root(text: &Spanned<String>, directory: &Path, report: &Report) -> PathBuf {
    let root = directory.join(text.get_ref());
    if root.is_file() {
        let message = format!("`{}` is a file, not a directory: every request gets 503", root.display());
        report.warning(text.span(), message, "write the directory of the site's files");
    } else if is_served_from(&root, directory) {
        let message = "this directory contains the configuration file: visitors can download it";
        let help = "move the site's files into a directory of their own, such as `public`";
        report.warning(text.span(), message, help);
    } else if let Some(closed) = closed_directory(&root.join("..")) {
        // Whether `..` is found depends on the root, too, but on no file in it.
        let message = format!(
            "the files below `{}` cannot be read by this user: the directory {} is closed to it",
            root.display(),
            closed.display()
        );
        let help = "let the gateway's user enter that directory; if it may already, run this as that user";
        report.warning(text.span(), message, help);
    } else if !root.is_dir() {
        let message = format!("the directory `{}` does not exist: every request gets 503", root.display());
        let help = if text.get_ref().starts_with('~') {
            "write the whole path, such as `/home/user/public`: `~` is not expanded"
        } else {
            "create it, or write the directory of the site's files"
        };
        report.warning(text.span(), message, help);
    } else if let Some(script) = script_in(&root) {
        let message = format!(
            "this directory has scripts, such as `{script}`: visitors get their source, and the passwords in it"
        );
        let help = "name the server that runs them in `upstream`, or move the files that visitors may read into a directory of their own";
        report.warning(text.span(), message, help);
    }
    root
}

/// A directory is searched for scripts up to this number of entries.
const MAX_ENTRIES: usize = 1000;

/// Returns the first script of a server in this directory, by name. Only the first [`MAX_ENTRIES`] are looked at.
fn script_in(directory: &Path) -> Option<String> {
    const EXTENSIONS: [&str; 6] = ["asp", "aspx", "cgi", "jsp", "php", "phtml"];
    let names = std::fs::read_dir(directory)
        .ok()?
        .take(MAX_ENTRIES)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_script = |name: &String| {
        let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
        !name.starts_with('.')
            && extension
                .is_some_and(|extension| EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()))
    };
    names.filter(is_script).min()
}

/// Returns true if visitors can request the files in `directory` when `root` is served: none of the directories between
/// the two is hidden.
fn is_served_from(root: &Path, directory: &Path) -> bool {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let (Ok(root), Ok(directory)) = (root.canonicalize(), directory.canonicalize()) else { return false };
    let is_hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    directory.strip_prefix(root).is_ok_and(|between| !between.components().any(is_hidden))
}
