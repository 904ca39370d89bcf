//! A preview of the down page: what visitors see during a period, before it is needed.

mod subject;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_LANGUAGE};
use http::{HeaderMap, HeaderValue, Method, Response};
use jiff::Timestamp;
use serde_json::json;

use self::subject::Subject;
use crate::config::Config;
use crate::page::language::Language;
use crate::page::{VisitorRequest, is_favicon};
use crate::schedule::human_time::local;
use crate::schedule::period::{Occurrence, Period};
use crate::snapshot::{PageKey, Snapshot};

/// The page to preview.
#[derive(Clone, Debug)]
pub struct PreviewOptions {
    /// What visitors see it for.
    pub cause: PreviewCause,
    /// When they see it; by default now, or at the start of the period.
    pub at: Option<Timestamp>,
    /// Their language; by default, that of the request.
    pub lang: Option<Language>,
    /// The method of their request.
    pub method: Method,
}

/// What visitors see a page for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewCause {
    /// The period of this index, even if it is disabled.
    Period(usize),
    /// The period that is active, or else the next one; without any, a downtime that would begin now.
    ActiveOrNext,
    /// The upstream does not respond.
    Unreachable,
}

/// The reason why a page cannot be previewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewFault {
    /// The period is not active at this time, or at any time.
    NotActive(Option<Timestamp>),
    /// No period is active at the first time; the next one starts at the second.
    NoneActive(Timestamp, Timestamp),
}

/// The page that visitors see in a case, at a time.
#[derive(Debug)]
pub struct PreviewedPage {
    snapshot: Snapshot,
    subject: Subject,
    key: Option<PageKey>,
    /// The time at which they see it.
    pub at: Timestamp,
    lang: Option<Language>,
    method: Method,
}

/// Returns the fields of a browser that opens a page.
pub fn navigation() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/html"))])
}

impl PreviewedPage {
    /// Creates the page that the options name.
    pub fn new(mut config: Config, options: &PreviewOptions, now: Timestamp) -> Result<Self, PreviewFault> {
        let (subject, at) = Subject::new(&mut config, options, now)?;
        let snapshot = Snapshot::new(config, 1, String::new(), at);
        let key =
            subject.period().map(|(index, occurrence)| page_key(&snapshot.config, index, occurrence, at));
        let (lang, method) = (options.lang, options.method.clone());
        Ok(Self { snapshot, subject, key, at, lang, method })
    }

    /// Returns the response to a request for a path, with these fields.
    pub fn respond(&self, headers: &HeaderMap, path: &str) -> Response<Bytes> {
        let headers = self.fields(headers);
        let is_favicon = is_favicon(&Method::GET, path);
        // The body of the answer to a HEAD is what a GET would get.
        let method = if is_favicon || self.method == Method::HEAD { &Method::GET } else { &self.method };
        // The case in which it is not known what became of the request is that of an upstream that broke off.
        let is_unsent = self.key.is_some();
        let request = VisitorRequest { method, headers: &headers, is_favicon, is_unsent };
        match self.key {
            Some(key) => {
                let phase = self.snapshot.phase(self.at);
                self.snapshot.page(&phase, key).respond(&request, key.retry_after)
            }
            None => self.snapshot.unreachable().respond(&request, self.snapshot.retry_after()),
        }
    }

    /// Returns the status that the page asks for, so that it stays as it is.
    pub fn status(&self, headers: &HeaderMap) -> String {
        let config = &self.snapshot.config;
        let response = self.key.and_then(|key| config.rules.responses.get(key.period));
        let message = response.and_then(|response| response.message.as_ref());
        let headers = self.fields(headers);
        let message = message.map(|message| message.negotiate(&headers, config.page.lang).1);
        let status = json!({
            "state": if self.key.is_some() { "down" } else { "up" },
            "until": self.key.and_then(|key| key.until),
            "retry_after": self.key.map_or(0, |key| key.retry_after),
            "message": message,
            "next": null,
            "reachable": if self.key.is_some() { None } else { Some(false) },
        });
        format!("{status}\n")
    }

    /// Returns true if this is the path at which the page asks for the status.
    pub fn is_status(&self, path: &str) -> bool {
        self.snapshot.config.rules.status_path.as_deref() == Some(path)
    }

    /// Says which period a response shows, as of when, and in which language.
    pub fn description(&self, response: &Response<Bytes>) -> String {
        let config = &self.snapshot.config;
        let at = local(self.at, &config.timezone);
        let subject = match &self.subject {
            Subject::Period(index, _) => {
                let period = config.rules.schedule.periods().get(*index);
                format!("the page during {}", period.map_or_else(String::new, Period::full_title))
            }
            Subject::Start(..) => "no period is planned: the page after `downtime start`".to_owned(),
            Subject::Unreachable => "the page while the upstream does not respond".to_owned(),
        };
        let language = response.headers().get(CONTENT_LANGUAGE).and_then(|tag| tag.to_str().ok());
        let language = language.map_or(String::new(), |tag| format!(", in the language {tag}"));
        format!("{subject}, as of {at}{language}{}", self.redirect())
    }

    /// Says that most visitors are redirected instead.
    fn redirect(&self) -> String {
        let response = self.key.and_then(|key| self.snapshot.config.rules.responses.get(key.period));
        let redirect = response.and_then(|response| response.redirect.as_ref());
        redirect.map_or(String::new(), |redirect| {
            let location = String::from_utf8_lossy(redirect.location().as_bytes()).into_owned();
            format!("\nvisitors who open a page are redirected to {location}; others get this page")
        })
    }

    /// Adds the visitor's language to the fields of the browser, if one was chosen.
    fn fields(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        if let Some(lang) = self.lang {
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(lang.tag()));
        }
        headers
    }
}

/// Returns the key of the page for a request that the period covers.
fn page_key(config: &Config, index: usize, occurrence: Occurrence, at: Timestamp) -> PageKey {
    let rules = &config.rules;
    let covers = |period: usize| period == index || rules.schedule.is_unscoped(period);
    let until = rules.schedule.at(at).passes_at(covers, at);
    PageKey { period: index, start: occurrence.start, until, retry_after: rules.retry_after(until, at) }
}
