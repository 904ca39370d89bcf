//! Serves the previewed page on this machine.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use super::{PreviewArgs, load};
use crate::cli::{print_error, print_progress, print_result};
use crate::clock;
use crate::config::Listen;
use crate::config::diagnostic::{Diagnostic, render_all};
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::preview::PreviewedPage;
use crate::server::listener::Listener;
use crate::server::response::respond;
use crate::server::{Server, Service};
use crate::thread_exit::exit_notice;

/// Any free port.
const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Serves until the process is interrupted. Each request reads the file again.
pub(super) fn serve(path: &Path, arguments: &PreviewArgs) -> Result<(), ExitCode> {
    let failed = |message: String| {
        print_error(&message, "write the page to a file instead, with --out FILE");
        ExitCode::FAILURE
    };
    let listener = Listener::bind(&Listen::Tcp(ADDRESS.into()))
        .map_err(|error| failed(format!("cannot listen on this machine: {error}")))?;
    let url = listener.url();
    let service = PreviewService {
        path: path.to_owned(),
        arguments: Arc::new(arguments.clone()),
        begun: clock::now(),
        last_line: Arc::default(),
    };
    serve_until_interrupted(&url, listener, service)
        .map_err(|error| failed(format!("the preview failed: {error}")))
}

fn serve_until_interrupted(url: &str, listener: Listener, service: PreviewService) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (notice, _exits) = exit_notice();
    let _server = Server::start(["preview".to_owned()], &[listener], &notice, &Arc::default(), move || {
        service.clone()
    })?;
    runtime.block_on(async {
        // Installed before the URL is printed: a signal may follow at once.
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        // Without a reader of the URL, the preview is of no use.
        print_result(&format!("{url}/\n")).map_err(|_| io::ErrorKind::BrokenPipe)?;
        print_progress("each request shows the current file; press Ctrl-C to end\n");
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

/// Responds to each request with the page.
#[derive(Clone)]
struct PreviewService {
    path: PathBuf,
    arguments: Arc<PreviewArgs>,
    /// When the preview began, which is the time of the page for visitors.
    begun: Timestamp,
    /// What was printed last.
    last_line: Arc<Mutex<String>>,
}

impl Service for PreviewService {
    async fn respond(&self, head: &RequestHead<'_>, client: &mut ClientConnection) -> ControlFlow<()> {
        let now = clock::now();
        let (response, date) = match load(&self.path, &self.arguments) {
            Ok(page) => (self.response(&page, head), self.time_of(&page, now)),
            Err(errors) => (self.refuse(&errors), now),
        };
        respond(&head.method, client, response.map(Full::new), date).await
    }
}

impl PreviewService {
    /// Prints a line to stderr, unless it is the same as before.
    fn print(&self, line: String) {
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != line {
            print_progress(&format!("{line}\n"));
            *last = line;
        }
    }

    /// Returns the time of the page, which passes while the preview runs. The page corrects the browser's clock by it.
    fn time_of(&self, page: &PreviewedPage, now: Timestamp) -> Timestamp {
        page.at.checked_add(now.duration_since(self.begun)).unwrap_or(page.at)
    }

    fn response(&self, page: &PreviewedPage, head: &RequestHead<'_>) -> Response<Bytes> {
        let (path, headers) = (head.target.path_text(), head.header_map());
        if page.is_status(&path) {
            return plain(page.status(&headers), "application/json");
        }
        let response = page.respond(&headers, &path);
        if is_html(&response) {
            self.print(page.description(&response));
        }
        response
    }

    /// Responds with the errors of the file.
    fn refuse(&self, errors: &[Diagnostic]) -> Response<Bytes> {
        let text = render_all(errors, false);
        self.print(text.clone());
        let mut response = plain(text, "text/plain; charset=utf-8");
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }
}

fn is_html(response: &Response<Bytes>) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE);
    media_type.is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/html"))
}

fn plain(text: String, media_type: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
