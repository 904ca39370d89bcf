//! The built-in page in a real browser: it reloads by itself once the site is up, and its own policy allows that.
//!
//! The browser's clock is virtual, so that the page's pauses of many seconds take no time; the tests await its
//! requests. Without Chromium the tests are ignored; under CI they fail.

use std::fs::{self, File};
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use downtime::page::language::Language;
use downtime::page::template::Template;
use downtime::page::{self, Cause, Cors, Page, PageContent, VisitorRequest};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use libtest_mimic::{Completion, Failed, Trial};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use warp::Reply;
use warp::reply::Response;

use crate::debian;

const CHROMIUM: &str = "chromium";
const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::ignorable_test("browser::the_page_reloads_once_the_site_is_up", || {
            in_browser(async || {
                expect_return("/", &[Poll::Down, Poll::Site]).await?;
                expect_return("/", &[Poll::BadGateway, Poll::Disconnect, Poll::Down, Poll::Redirect]).await
            })
        }),
        Trial::ignorable_test("browser::a_post_is_not_repeated", || {
            in_browser(async || expect_return("/form", &[Poll::Down, Poll::Site]).await)
        }),
        Trial::ignorable_test("browser::the_policy_blocks_nothing_of_the_built_in_page", || {
            in_browser(async || match violations(&Template::built_in()).await? {
                found if found.is_empty() => Ok(()),
                found => Err(found.into()),
            })
        }),
        Trial::ignorable_test("browser::the_policy_blocks_styles_that_are_not_in_the_built_in_page", || {
            in_browser(async || {
                let source = include_str!("../../templates/downtime.html");
                let template = Template::parse(&source.replace("<main>", "<main style='color: red'>"))?;
                match violations(&template).await? {
                    found if found.is_empty() => Err("the policy allowed the style attribute".into()),
                    _ => Ok(()),
                }
            })
        }),
    ]
}

fn in_browser(test: impl AsyncFn() -> Result<(), Failed>) -> Result<Completion, Failed> {
    debian::with(&[(CHROMIUM, "chromium")], || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(test())
    })
}

/// The response to the page's request for its own URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Poll {
    Down,
    BadGateway,
    Disconnect,
    Site,
    Redirect,
}

/// Expects the page at `path` to poll once for each of `polls`, and to reload after the last one and not before.
async fn expect_return(path: &str, polls: &[Poll]) -> Result<(), Failed> {
    let mut visit = Visit::start(path, &Template::built_in(), polls).await?;
    let mut seen = Vec::new();
    loop {
        let request = visit.next_request().await?;
        let returned = request == "GET / document after the last poll";
        seen.push(request);
        if returned {
            break;
        }
    }
    let polled = seen.iter().filter(|request| request.contains(" empty")).count();
    let posted = seen.iter().filter(|request| request.starts_with("POST")).count();
    let expected = (polls.len(), usize::from(path == "/form"));
    if (polled, posted) == expected { Ok(()) } else { Err(format!("{seen:#?}").into()) }
}

/// Returns the messages about the policy in the browser's console, once the page has reloaded by itself.
async fn violations(template: &Template) -> Result<String, Failed> {
    let mut visit = Visit::start("/", template, &[Poll::Down, Poll::Site]).await?;
    while visit.next_request().await? != "GET / document after the last poll" {}
    let log = fs::read_to_string(visit.directory.path().join("log"))?;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("Content Security Policy")).collect();
    Ok(lines.join("\n"))
}

/// A browser that visits a server of its own.
struct Visit {
    requests: UnboundedReceiver<String>,
    directory: TempDir,
    browser: Child,
}

impl Visit {
    async fn start(path: &str, template: &Template, polls: &[Poll]) -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}{path}", listener.local_addr()?);
        let (sender, requests) = mpsc::unbounded_channel();
        let site =
            PolledSite { page: down_page(template), polls: polls.to_vec(), poll_count: AtomicUsize::new(0) };
        tokio::spawn(serve(listener, Arc::new(site), sender));
        let directory = tempfile::tempdir()?;
        let browser = browse(&url, directory.path())?;
        Ok(Self { requests, directory, browser })
    }

    async fn next_request(&mut self) -> Result<String, Failed> {
        let next = tokio::time::timeout(DEADLINE, self.requests.recv()).await;
        next.ok().flatten().ok_or_else(|| {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            format!("the browser sent no further request\n{log}").into()
        })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.browser.kill().ok();
        self.browser.wait().ok();
    }
}

fn browse(url: &str, directory: &Path) -> Result<Child, Error> {
    Command::new(CHROMIUM)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--no-proxy-server", "--enable-logging=stderr", "--virtual-time-budget=3600000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", directory.join("profile").display()))
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(directory.join("log"))?)
        .spawn()
}

fn down_page(template: &Template) -> Page {
    Page::new(PageContent {
        template: template.clone(),
        message: None,
        language: Language::ENGLISH,
        brand: Arc::default(),
        status_path: None,
        start: None,
        until: None,
        status: StatusCode::SERVICE_UNAVAILABLE,
        cause: Cause::Planned,
        retry_after: 300,
        cors: Cors::Any,
        fields: HeaderMap::new(),
    })
}

/// A site that is down until it has responded to all `polls`. `/form` is up, and submits itself to `/`.
struct PolledSite {
    page: Page,
    polls: Vec<Poll>,
    poll_count: AtomicUsize,
}

async fn serve(listener: TcpListener, site: Arc<PolledSite>, requests: mpsc::UnboundedSender<String>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (site, requests) = (Arc::clone(&site), requests.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (response, seen) = site.respond(&request);
            requests.send(seen).ok();
            std::future::ready(response)
        });
        // A browser repeats a request that fails on a reused connection.
        let connection = hyper::server::conn::http1::Builder::new().keep_alive(false).clone();
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}

impl PolledSite {
    /// Returns the response, and the request as the tests name it.
    fn respond<B>(&self, request: &Request<B>) -> (Result<Response, Error>, String) {
        let destination = request.headers().get("sec-fetch-dest").and_then(|value| value.to_str().ok());
        let destination = destination.unwrap_or("nothing");
        let index = match destination {
            "empty" => self.poll_count.fetch_add(1, Ordering::Relaxed),
            _ => self.poll_count.load(Ordering::Relaxed),
        };
        let when = if index < self.polls.len() { "while down" } else { "after the last poll" };
        let (method, path) = (request.method(), request.uri().path());
        let seen = format!("{method} {path} {destination} {when}");
        let poll = self.polls.get(index).copied().unwrap_or(Poll::Site);
        let response = match (path, destination) {
            ("/", "empty") => self.respond_to_poll(poll, request),
            ("/", _) if index < self.polls.len() => {
                Ok(self.page.respond(&visitor(request), 300).map(Into::into))
            }
            ("/form", _) => Ok(warp::reply::html(FORM).into_response()),
            _ => Ok(warp::reply::html("<h1>The site</h1>").into_response()),
        };
        (response, seen)
    }

    fn respond_to_poll<B>(&self, poll: Poll, request: &Request<B>) -> Result<Response, Error> {
        match poll {
            Poll::Down => Ok(self.page.respond(&visitor(request), 300).map(Into::into)),
            Poll::BadGateway => Ok(StatusCode::BAD_GATEWAY.into_response()),
            Poll::Disconnect => Err(Error::from(ErrorKind::BrokenPipe)),
            Poll::Site => Ok(warp::reply().into_response()),
            Poll::Redirect => {
                Ok(page::redirect(&HeaderValue::from_static("https://elsewhere.invalid/"), &HeaderMap::new())
                    .map(Into::into))
            }
        }
    }
}

fn visitor<B>(request: &Request<B>) -> VisitorRequest<'_> {
    VisitorRequest {
        method: request.method(),
        headers: request.headers(),
        is_favicon: false,
        is_unsent: true,
    }
}

const FORM: &str = "<form method=post action=/></form><script>document.forms[0].submit()</script>";
