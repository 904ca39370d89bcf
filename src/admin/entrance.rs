//! The pages at which operators log in and out. They are the only ones that need no login.

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use minijinja::context;

use super::access::{Access, AccessRefusal};
use super::audit::record;
use super::caller::Caller;
use super::pages::html::bare_page;
use super::pages::sentence;
use super::response::{refuse, secure, see_other, with_challenge};
use crate::config::AdminConfig;
use crate::decision::down_response::Redirect;

/// The longest form, in bytes.
pub(super) const MAX_FORM: usize = 4 << 10;

/// A page that needs no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entrance {
    /// It takes a name and a password.
    Login,
    /// It takes the secret of a link.
    Link,
    /// It ends the session.
    Logout,
}

impl Entrance {
    /// Returns the page at a path.
    pub(super) fn from_path(path: &str) -> Option<Self> {
        match path {
            "/login" => Some(Self::Login),
            "/link" => Some(Self::Link),
            "/logout" => Some(Self::Logout),
            _ => None,
        }
    }
}

/// A request for one of the pages.
pub(super) struct EntranceRequest<'r> {
    pub(super) caller: &'r Caller<'r>,
    pub(super) config: &'r AdminConfig,
    pub(super) method: &'r Method,
    /// Those of the form.
    pub(super) fields: &'r [(String, String)],
    pub(super) wants_json: bool,
    pub(super) now: Timestamp,
}

impl EntranceRequest<'_> {
    /// Responds with the page, or to its form.
    pub(super) async fn respond(&self, entrance: Entrance, access: &Access) -> Response<Bytes> {
        let is_post = *self.method == Method::POST;
        match entrance {
            Entrance::Login if is_post => self.log_in(access).await,
            Entrance::Link if is_post => self.use_link(access),
            Entrance::Logout if is_post => {
                let cookie = access.log_out(self.caller);
                redirect(HeaderValue::from_static("/login"), cookie)
            }
            Entrance::Login | Entrance::Logout => login(StatusCode::OK, None, self.config, None),
            Entrance::Link => link(StatusCode::OK, None),
        }
    }

    async fn log_in(&self, access: &Access) -> Response<Bytes> {
        let credentials = (self.field("name"), self.field("password"));
        let next = self.field("next");
        match access.log_in(credentials, self.caller, self.config, self.now).await {
            Ok((operator, cookie)) => {
                record(&operator, &self.caller.from(), "logged in");
                let next = Redirect::to_own_path(next).unwrap_or(HeaderValue::from_static("/"));
                redirect(next, Some(cookie))
            }
            Err(refusal) => {
                self.refuse(refusal, |alert| login(refusal.status, alert, self.config, Some(next)))
            }
        }
    }

    fn use_link(&self, access: &Access) -> Response<Bytes> {
        let pasted = self.field("secret").trim();
        let secret = pasted.rsplit_once('#').map_or(pasted, |(_, secret)| secret);
        match access.use_link(secret, self.caller, self.now) {
            Ok((operator, cookie)) => {
                record(&operator, &self.caller.from(), "logged in");
                redirect(HeaderValue::from_static("/"), Some(cookie))
            }
            Err(refusal) => self.refuse(refusal, |alert| link(refusal.status, alert)),
        }
    }

    fn refuse(
        &self,
        refusal: AccessRefusal,
        page: impl FnOnce(Option<&str>) -> Response<Bytes>,
    ) -> Response<Bytes> {
        let from = self.caller.from();
        tracing::warn!(target: "downtime::audit", %from, "login refused: {}", refusal.reason);
        if self.wants_json {
            refuse(refusal.status, refusal.reason, true)
        } else {
            page(Some(&sentence(refusal.reason)))
        }
    }

    fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }
}

/// Returns the page that a request without a login gets. It leads back to `target` afterwards; if the request was a form, to the form.
pub(super) fn login_first(
    refusal: AccessRefusal,
    config: &AdminConfig,
    target: Option<&str>,
) -> Response<Bytes> {
    match target {
        Some(target) => login(refusal.status, None, config, Some(target).filter(|target| *target != "/")),
        None => render(
            refusal.status,
            "login",
            context! { is_lost => true, alert => "You are not logged in any more" },
        ),
    }
}

fn login(
    status: StatusCode,
    alert: Option<&str>,
    config: &AdminConfig,
    next: Option<&str>,
) -> Response<Bytes> {
    let next = next.filter(|next| !next.is_empty());
    render(status, "login", context! { alert, next, has_passwords => config.users.is_some() })
}

fn link(status: StatusCode, alert: Option<&str>) -> Response<Bytes> {
    render(status, "link", context! { alert })
}

fn redirect(to: HeaderValue, cookie: Option<HeaderValue>) -> Response<Bytes> {
    let mut response = see_other(to);
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    secure(response)
}

fn render(status: StatusCode, template: &str, values: minijinja::Value) -> Response<Bytes> {
    with_challenge(secure(bare_page(status, template, values)))
}
