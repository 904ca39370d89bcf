//! The service of `downtime admin`: pages on which operators plan downtimes, on a listener of its own, in a process of its own. The
//! gateway never writes a file.
//!
//! Every request needs a login, and nothing is changed by a request of another site's page.

pub mod access;
mod audit;
mod caller;
mod entrance;
pub mod link_socket;
pub mod pages;
pub mod request;
mod response;
pub mod settings;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use tracing::error;

use self::access::{Access, AccessRefusal, Operator, user_of_proxy};
use self::caller::Caller;
use self::entrance::{Entrance, EntranceRequest, MAX_FORM, login_first};
use self::pages::notices::Notices;
use self::pages::versions::Versions;
use self::request::{BodyFields, BodyFormat, OperatorRequest, parse_fields};
use self::response::{refuse, refused_response, secure};
use self::settings::AdminSettings;
use crate::clock;
use crate::config::{AdminConfig, Limits};
use crate::http1::refusal::Refusal;
use crate::http1::request::RequestHead;
use crate::matching::cross_origin::is_cross_origin;
use crate::net::client::ClientConnection;
use crate::page::prefers_json;
use crate::server::Service;
use crate::server::body::{BodyError, read_body};
use crate::server::refusal::refusal_response;
use crate::server::response::respond;

/// The limit for the body of a request, in bytes: messages in many languages fit.
const MAX_BODY: usize = 256 << 10;
/// The time limit for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The number of requests that pages respond to at the same time.
const MAX_RESPONDING: usize = 8;

const FOREIGN_HOST: Refusal = Refusal {
    status: StatusCode::MISDIRECTED_REQUEST,
    reason: "host not accepted: use `localhost` or an IP address, or add the name to `hosts` in [admin]",
};

/// The configuration file that the pages show and edit.
#[derive(Debug)]
pub struct AdminFile {
    /// Its absolute path.
    pub path: PathBuf,
    versions: Versions,
    notices: Notices,
}

impl AdminFile {
    /// Creates the file at an absolute path.
    pub fn new(path: PathBuf) -> Self {
        Self { path, versions: Versions::default(), notices: Notices::default() }
    }
}

/// Responds to operators' requests.
#[derive(Clone, Debug)]
pub struct AdminService(Arc<AdminState>);

#[derive(Debug)]
struct AdminState {
    file: AdminFile,
    settings: AdminSettings,
    access: Arc<Access>,
    responding: Semaphore,
}

/// The reason why a request does not reach a page.
enum Refused {
    /// The client gets this response.
    With(Response<Bytes>),
    /// The client has left.
    BrokeOff,
}

impl AdminService {
    /// Creates the service for a file.
    pub fn new(file: AdminFile, settings: AdminSettings, access: Arc<Access>) -> Self {
        Self(Arc::new(AdminState { file, settings, access, responding: Semaphore::new(MAX_RESPONDING) }))
    }

    /// Returns the response to a request.
    async fn answer(
        &self,
        head: &RequestHead<'_>,
        client: &mut ClientConnection,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Refused> {
        let config = self.0.settings.current();
        let caller = Caller::new(head, client.peer(), &config);
        // A machine gets JSON unless it asks for a page.
        let is_machine = caller.bearer_token().is_some() && !accepts_html(&caller);
        let wants_json = prefers_json(&caller.headers) || is_machine;
        if !caller.is_for_own_host {
            return Err(Refused::With(refused_response(refusal_response(client, FOREIGN_HOST), wants_json)));
        }
        let refused = |status, reason| Refused::With(refuse(status, reason, wants_json));
        let format = check_method(head, &caller).map_err(|(status, reason)| refused(status, reason))?;
        let path = percent_decode_str(&head.target.path_text()).decode_utf8_lossy().into_owned();
        if let Some(entrance) = Entrance::from_path(&path) {
            user_of_proxy(&caller, &config).map_err(|refusal| refused(refusal.status, refusal.reason))?;
            let fields = read_fields(head, client, format, MAX_FORM, wants_json).await?.pairs;
            let (caller, config, method, fields) = (&caller, &*config, &head.method, &*fields);
            let request = EntranceRequest { caller, config, method, fields, wants_json, now };
            return Ok(request.respond(entrance, &self.0.access).await);
        }
        let operator = self.operator(head, &caller, &config, now).map_err(|refusal| {
            let is_asked = refusal.status == StatusCode::UNAUTHORIZED && caller.bearer_token().is_none();
            if wants_json || !is_asked {
                return refused(refusal.status, refusal.reason);
            }
            let mut target = Vec::new();
            head.target.write(&mut target);
            let target = String::from_utf8_lossy(&target);
            let target = (head.method != Method::POST).then_some(&*target);
            Refused::With(login_first(refusal, &config, target))
        })?;
        let fields = read_fields(head, client, format, MAX_BODY, wants_json).await?;
        let request = OperatorRequest {
            method: head.method.clone(),
            path,
            query: parse_query(head),
            fields: fields.pairs,
            members: fields.members,
            wants_json: wants_json || format == Some(BodyFormat::Json),
            from: caller.from(),
            operator,
        };
        Ok(self.page(request).await)
    }

    fn operator(
        &self,
        head: &RequestHead<'_>,
        caller: &Caller<'_>,
        config: &AdminConfig,
        now: Timestamp,
    ) -> Result<Operator, AccessRefusal> {
        let operator = self.0.access.operator(caller, config, now)?;
        if head.method == Method::POST && !operator.may_write {
            let reason = "this operator may only read";
            return Err(AccessRefusal { status: StatusCode::FORBIDDEN, reason });
        }
        Ok(operator)
    }

    /// Has a page respond on a thread that may block.
    async fn page(&self, request: OperatorRequest) -> Response<Bytes> {
        let wants_json = request.wants_json;
        let _permit = self.0.responding.acquire().await;
        let state = Arc::clone(&self.0);
        let page = tokio::task::spawn_blocking(move || secure(pages::respond(&state.file, &request)));
        page.await.unwrap_or_else(|error| {
            error!("a page of [admin] failed: {error}");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "the page failed: see the log", wants_json)
        })
    }
}

impl Service for AdminService {
    fn limits(&self) -> Limits {
        Limits::default()
    }

    async fn respond(&self, head: &RequestHead<'_>, client: &mut ClientConnection) -> ControlFlow<()> {
        let now = clock::now();
        let response = match Box::pin(self.answer(head, client, now)).await {
            Ok(response) | Err(Refused::With(response)) => response,
            Err(Refused::BrokeOff) => return ControlFlow::Break(()),
        };
        respond(&head.method, client, response.map(Full::new), now).await
    }
}

/// Reads the fields of the body of a POST.
async fn read_fields(
    head: &RequestHead<'_>,
    client: &mut ClientConnection,
    format: Option<BodyFormat>,
    max: usize,
    wants_json: bool,
) -> Result<BodyFields, Refused> {
    let Some(format) = format else { return Ok(BodyFields::default()) };
    let body = read_body(head, client, max, BODY_TIMEOUT).await.map_err(|error| match error {
        BodyError::Refused(refusal) => {
            Refused::With(refused_response(refusal_response(client, refusal), wants_json))
        }
        BodyError::BrokeOff => Refused::BrokeOff,
    })?;
    parse_fields(format, &body)
        .map_err(|reason| Refused::With(refuse(StatusCode::BAD_REQUEST, reason, wants_json)))
}

/// Returns the format of the body of a request that may change something; `None` for one that may not. Refuses other methods,
/// what pages of other sites send, and formats that such pages can send without asking.
fn check_method(
    head: &RequestHead<'_>,
    caller: &Caller<'_>,
) -> Result<Option<BodyFormat>, (StatusCode, &'static str)> {
    match head.method {
        Method::GET | Method::HEAD => return Ok(None),
        Method::POST => {}
        _ => return Err((StatusCode::METHOD_NOT_ALLOWED, "only GET, HEAD and POST are allowed")),
    }
    if is_cross_origin(&caller.headers, &caller.hosts) {
        return Err((StatusCode::FORBIDDEN, "the request comes from a page of another site"));
    }
    BodyFormat::new(head, &caller.headers).map(Some)
}

fn accepts_html(caller: &Caller<'_>) -> bool {
    let accepted = caller.headers.get_all(http::header::ACCEPT);
    accepted.iter().any(|line| line.to_str().is_ok_and(|line| line.contains("text/html")))
}

fn parse_query(head: &RequestHead<'_>) -> Vec<(String, String)> {
    head.target.query.map_or_else(Vec::new, |query| form_urlencoded::parse(query).into_owned().collect())
}
