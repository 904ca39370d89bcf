//! A visit of an operator: the request, and the file as it is now.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::html::{Frame, FrameOperator, page};
use super::identity::period_ids;
use super::notices::Notice;
use super::problem::{Problem, ProblemItem};
use super::versions::ConfigVersion;
use crate::admin::AdminFile;
use crate::admin::access::Means;
use crate::admin::request::OperatorRequest;
use crate::clock;
use crate::config::Config;
use crate::config::load::{Loaded, load_to_show, sha256};
use crate::editing::EditSource;
use crate::store::read::{self, MAX_LENGTH};

/// How often the files are read again if they change meanwhile.
const MAX_READS: usize = 5;

/// The file as it is now, and the request of an operator.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) file: &'a AdminFile,
    pub(super) request: &'a OperatorRequest,
    pub(super) now: Timestamp,
    pub(super) loaded: Loaded,
    /// The text of the main file.
    main: String,
    /// The ids of the periods.
    pub(super) ids: Vec<String>,
}

impl<'a> Visit<'a> {
    /// Reads the file.
    pub(super) fn read(file: &'a AdminFile, request: &'a OperatorRequest) -> Self {
        let mut reads = std::iter::repeat_with(|| read_consistently(file)).take(MAX_READS);
        let (loaded, main) =
            reads.find_map(|read| read).unwrap_or_else(|| (load_to_show(&file.path), String::new()));
        let mut visit = Self { file, request, now: clock::now(), loaded, main, ids: Vec::new() };
        visit.ids = visit.source().map_or_else(Vec::new, |source| period_ids(&source));
        if visit.config().is_some() {
            let parse =
                || ConfigVersion::parse(visit.sha256(), &visit.main, visit.periods_text(), &visit.ids);
            file.versions.keep(visit.sha256(), parse);
        }
        visit
    }

    /// Returns what the file compiles to, unless it is invalid.
    pub(super) fn config(&self) -> Option<&Config> {
        self.loaded.reading.config.as_ref()
    }

    /// Returns what the file compiles to.
    pub(super) fn valid(&self) -> Result<&Config, Problem> {
        self.config().ok_or_else(|| {
            let text = "Fix the errors in the file first; until then the gateway keeps its last valid configuration.";
            let list = self.loaded.reading.diagnostics.iter().map(ProblemItem::in_file).collect();
            Problem { list, ..Problem::new(StatusCode::CONFLICT, "The file is invalid", text) }
        })
    }

    /// Returns the SHA-256 of both files.
    pub(super) fn sha256(&self) -> &str {
        self.loaded.sha256.as_deref().unwrap_or_default()
    }

    /// Returns the file for planning edits.
    pub(super) fn source(&self) -> Option<EditSource<'_>> {
        let config = self.config()?;
        Some(EditSource::new(
            &self.file.path,
            config,
            self.sha256(),
            &self.main,
            self.periods_text(),
            self.now,
        ))
    }

    fn periods_text(&self) -> Option<&str> {
        let content = self.loaded.reading.periods_file.as_ref()?.content.as_deref()?;
        std::str::from_utf8(content).ok()
    }

    /// Returns the path of the file that edits go to.
    pub(super) fn edited_path(&self) -> String {
        let periods = self.config().and_then(|config| config.periods_file.as_ref());
        periods.map_or(&self.file.path, |periods| &periods.path).display().to_string()
    }

    /// Returns true if the operator may make changes.
    pub(super) fn may_write(&self) -> bool {
        self.request.operator.may_write
    }

    /// Returns what was typed into a field, unless that is empty.
    pub(super) fn typed(&self, field: &str) -> Option<&str> {
        self.request.field(field).map(str::trim).filter(|text| !text.is_empty())
    }

    /// Returns the lines that were typed into a field, of which there may be several.
    pub(super) fn typed_lines(&self, field: &str) -> Vec<String> {
        let values = self.request.fields.iter().filter(|(name, _)| name == field);
        let lines = values.flat_map(|(_, value)| value.lines()).map(str::trim);
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Returns the notice that the address names.
    pub(super) fn notice(&self) -> Option<Notice> {
        self.file.notices.get(self.request.query_value("done")?)
    }

    /// Renders a page.
    pub(super) fn page(
        &self,
        status: StatusCode,
        (template, title): (&str, &str),
        values: &impl Serialize,
    ) -> Response<Bytes> {
        let operator = &self.request.operator;
        let here = match template {
            "overview" | "check" | "bypasses" | "periods" => template_name(template),
            "period" | "confirm" => "periods",
            _ => "",
        };
        let site = self.config().and_then(|config| config.page.brand.title.as_deref().map(str::to_owned));
        let frame = Frame {
            title: title.to_owned(),
            here,
            site,
            operator: Some(FrameOperator {
                name: operator.name.clone(),
                may_write: operator.may_write,
                can_log_out: matches!(operator.means, Means::Link | Means::Password),
            }),
            zone: self.config().map(|config| zone_name(&config.timezone)),
        };
        page(status, &frame, template, values)
    }

    /// Responds with a problem, on a page of its own or as JSON.
    pub(super) fn problem(&self, problem: &Problem) -> Response<Bytes> {
        if self.request.wants_json {
            return problem.to_json();
        }
        let is_lost = self.config().is_none() && self.request.method == Method::POST;
        let not_lost = is_lost.then_some(
            "What you sent is not lost: reload this page once the file is valid, and confirm that the form is sent again.",
        );
        let leads: Vec<_> = problem.text.as_deref().into_iter().chain(not_lost).collect();
        let has_list = !problem.list.is_empty() || !problem.changes.is_empty();
        let rest = Problem { title: "What is wrong".to_owned(), text: None, ..problem.clone() };
        let values = ProblemPage { title: &problem.title, leads, problem: has_list.then_some(rest) };
        self.page(problem.status, ("problem", &problem.title), &values)
    }
}

#[derive(Serialize)]
struct ProblemPage<'a> {
    title: &'a str,
    leads: Vec<&'a str>,
    problem: Option<Problem>,
}

fn template_name(template: &str) -> &'static str {
    ["overview", "check", "bypasses", "periods"]
        .into_iter()
        .find(|name| *name == template)
        .unwrap_or_default()
}

/// Returns the name of a time zone.
pub(super) fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

/// Reads the file and the text of the main file; `None` if it changed in between.
fn read_consistently(file: &AdminFile) -> Option<(Loaded, String)> {
    let loaded = load_to_show(&file.path);
    let Some(hash) = &loaded.sha256 else { return Some((loaded, String::new())) };
    let (main, _) = read::read(&file.path, MAX_LENGTH).ok()?;
    let periods = loaded.reading.periods_file.as_ref().and_then(|periods| periods.content.as_deref());
    let is_same = sha256(&main, periods) == *hash;
    let main = String::from_utf8(main).unwrap_or_default();
    is_same.then_some((loaded, main))
}
