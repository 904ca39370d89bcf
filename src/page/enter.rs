//! The page at which testers enter the site while it is down.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::REFERRER_POLICY;
use http::{HeaderValue, Method, StatusCode};

use super::csp;
use super::entrance::entrance_page;
use super::response::PreparedResponse;

const ASKING: &str = entrance_page!("enter.html", secret);
/// The line of the page that only the refusing one has, in a comment.
const REFUSAL: (&str, &str) = ("<!--refused ", " refused-->");

/// The two forms of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnterPage {
    /// It asks for the secret, with status 200.
    Asking,
    /// It says that the secret is not valid and asks again, with status 403.
    Refusing,
}

/// Returns the page.
pub fn enter(page: EnterPage, method: &Method) -> http::Response<Bytes> {
    static PAGES: LazyLock<[PreparedResponse; 2]> = LazyLock::new(|| {
        let refusing = ASKING.replace(REFUSAL.0, "").replace(REFUSAL.1, "");
        [(StatusCode::OK, ASKING), (StatusCode::FORBIDDEN, &refusing)]
            .map(|(status, html)| prepare(status, html))
    });
    let [asking, refusing] = &*PAGES;
    match page {
        EnterPage::Asking => asking.respond(method),
        EnterPage::Refusing => refusing.respond(method),
    }
}

fn prepare(status: StatusCode, html: &str) -> PreparedResponse {
    let mut page = PreparedResponse::own_page(status, html, csp::policy_for_form(html));
    // With `no-referrer`, browsers would send `Origin: null` with the form.
    page.headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_refusing_page_says_that_a_secret_is_not_valid() {
        for (page, status, says_so) in [(EnterPage::Asking, 200, false), (EnterPage::Refusing, 403, true)] {
            let response = enter(page, &Method::POST);
            let html = std::str::from_utf8(response.body()).unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(html.contains("<p role=\"alert\">") && !html.contains("<!--"), says_so);
            let policy = response.headers()["content-security-policy"].to_str().unwrap();
            assert!(
                policy.contains("form-action 'self'") && policy.matches("'sha256-").count() == 2,
                "{policy}"
            );
        }
    }
}
