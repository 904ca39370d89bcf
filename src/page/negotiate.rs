//! Chooses the representation of the down page, and recognizes navigations: by `Accept` (RFC 9110, section 12.5.1) and by
//! the fields in which browsers describe a request (Fetch Metadata).

mod accept;
mod encoding;
mod language;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, ORIGIN};
use http::{HeaderMap, Method};

pub(super) use self::encoding::{ContentCoding, choose_encoding};
pub(super) use self::language::choose_language;
pub(super) use self::language::nearest_language;

/// A representation of the down page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Representation {
    Html,
    Problem,
    Text,
    /// No body: for images and other requests whose response is not shown as a page.
    Empty,
    /// A gRPC status.
    Grpc(Grpc),
}

/// A media type of gRPC over HTTP/2 or of gRPC-Web.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grpc {
    Plain,
    Web,
    WebText,
}

impl Grpc {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/grpc",
            Self::Web => "application/grpc-web",
            Self::WebText => "application/grpc-web-text",
        }
    }
}

use Representation::{Empty, Html, Problem};

static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// The request fields that decide which response is sent, in lower case.
pub const NEGOTIATION_FIELDS: [&str; 10] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "content-type",
    "origin",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "x-requested-with",
];

/// Returns the name, in lower case, of a field that decides on the representation; `None` for other fields.
pub fn negotiation_field(name: &str) -> Option<&'static str> {
    // This runs for each field of each request, and most differ in length or in the first letter.
    let first = name.as_bytes().first()?.to_ascii_lowercase();
    if !matches!(
        (name.len(), first),
        (6 | 15 | 29 | 30, b'a') | (6, b'o') | (12, b'c') | (14, b's') | (16, b'x')
    ) {
        return None;
    }
    NEGOTIATION_FIELDS.into_iter().find(|other| name.eq_ignore_ascii_case(other))
}

/// Returns true if a request with this method and these fields opens a page. Other requests are not
/// redirected: a program would mistake the target for the response that it wanted.
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
        && headers.get(&SEC_FETCH_MODE).is_none_or(|mode| mode.as_bytes().trim_ascii() == b"navigate")
        && !headers.contains_key(ORIGIN)
        && !headers.contains_key(&X_REQUESTED_WITH)
        && choose(headers) == Html
}

/// Returns true if a client that has these fields prefers JSON to a page.
pub fn prefers_json(headers: &HeaderMap) -> bool {
    choose(headers) == Problem
}

/// Chooses the representation with the highest quality. Among equals, one that the client names comes before one that only
/// a wildcard matches, then HTML before problem+json before text. A script that accepts anything gets problem+json.
/// Malformed parts are ignored. A client that accepts none of them gets text, which is more useful than a 406.
pub(super) fn choose(headers: &HeaderMap) -> Representation {
    if let Some(grpc) = grpc(headers) {
        return Representation::Grpc(grpc);
    }
    let destination = headers.get(&SEC_FETCH_DEST).map(|value| value.as_bytes().trim_ascii());
    match destination {
        Some(b"json") => return Problem,
        Some(destination) if is_asset_destination(destination) => return Empty,
        _ => {}
    }
    let is_script = destination == Some(b"empty") || headers.contains_key(&X_REQUESTED_WITH);
    let anything = if is_script { Problem } else { Html };
    let mut lines = headers.get_all(ACCEPT).iter().map(|value| value.as_bytes().trim_ascii());
    match (lines.next(), lines.next()) {
        (None, _) | (Some(b"*/*"), None) => anything,
        (Some(b"text/html"), None) => Html,
        // Browsers send this for a document: no later range has a higher quality.
        (Some(line), None) if line.starts_with(b"text/html,") => Html,
        (Some(_), _) => accept::choose(headers, anything, destination.is_none()),
    }
}

/// Returns the kind of gRPC that a request uses or accepts.
fn grpc(headers: &HeaderMap) -> Option<Grpc> {
    let media_type = |name| headers.get(name).map(|value| value.as_bytes().trim_ascii());
    let kind = |media_type: &[u8]| {
        let rest = without_prefix(media_type, b"application/grpc")?;
        let ends = |rest: &[u8]| rest.first().is_none_or(|byte| matches!(byte, b'+' | b';' | b' '));
        match (without_prefix(rest, b"-web-text"), without_prefix(rest, b"-web")) {
            (Some(rest), _) if ends(rest) => Some(Grpc::WebText),
            (_, Some(rest)) if ends(rest) => Some(Grpc::Web),
            _ if ends(rest) => Some(Grpc::Plain),
            _ => None,
        }
    };
    [CONTENT_TYPE, ACCEPT].into_iter().filter_map(media_type).find_map(kind)
}

fn without_prefix<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Returns true for the destinations (Fetch Standard) of requests whose response is not shown as a page.
fn is_asset_destination(destination: &[u8]) -> bool {
    matches!(
        destination,
        b"audio"
            | b"audioworklet"
            | b"font"
            | b"image"
            | b"manifest"
            | b"paintworklet"
            | b"report"
            | b"script"
            | b"serviceworker"
            | b"sharedworker"
            | b"style"
            | b"track"
            | b"video"
            | b"worker"
            | b"xslt"
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::Representation::Text;
    use super::*;

    fn chosen(accept: &[&str], destination: Option<&str>) -> Representation {
        let accept = accept.iter().map(|line| ("accept", *line));
        choose(&fields(accept.chain(destination.map(|destination| ("sec-fetch-dest", destination)))))
    }

    fn fields<'a>(fields: impl IntoIterator<Item = (&'static str, &'a str)>) -> HeaderMap {
        let field = |(name, value): (&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        let mut headers = HeaderMap::new();
        for (name, value) in fields.into_iter().map(field) {
            headers.append(name, value);
        }
        headers
    }

    /// Values of `Accept`, each with the representation that it chooses.
    const ACCEPT_FIELDS: &[(&str, Representation)] = &[
        // Clients
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", Html), // Chrome
        ("*/*", Html),                                                                        // curl
        ("application/json, text/plain, */*", Problem),                                       // axios
        ("application/json, text/javascript, */*; q=0.01", Problem),                          // jQuery
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", Text),                                   // Prometheus
        // Types
        ("text/html", Html),
        ("TEXT/HTML", Html),
        ("text/html;charset=utf-8", Html),
        ("application/problem+json", Problem),
        ("application/json", Problem),
        ("Application/JSON; charset=utf-8", Problem),
        ("application/json;odata=verbose", Problem),
        ("application/*", Problem),
        ("application/vnd.api+json", Problem),
        ("APPLICATION/LD+JSON", Problem),
        ("application/activity+json; profile=\"a\"", Problem),
        ("application/vnd.api+json;q=0.5, text/plain", Text),
        ("application/json+x", Text),
        ("application/+json", Problem),
        ("text/x+json", Text),
        ("text/plain", Text),
        ("text/*", Html),
        // Empty acceptable
        ("application/xml", Text),
        ("text/html;q=0", Text),
        ("*/*;q=0", Text),
        // Quality
        ("text/html;q=0.5, text/plain", Text),
        ("text/html;q=0.5, text/plain;q=0.501", Text),
        ("text/html;Q=0.1, application/json;q=0.11", Problem),
        ("text/plain;q=1.000, text/html;q=0.999", Text),
        ("text/html;q=0, */*", Problem),
        ("text/html;q=0, application/problem+json;q=0, */*;q=0.1", Text),
        ("application/json, application/problem+json;q=0, text/plain;q=0.1", Text),
        // The most specific range wins
        ("text/*;q=1, text/html;q=0.1, text/plain;q=0.2", Text),
        ("*/*, text/*;q=0.1", Problem),
        ("text/*;q=0.3, text/html;q=0.7, text/html;level=1, text/html;level=2;q=0.4, */*;q=0.5", Html),
        ("text/html;q=0.2, text/html;level=1, text/plain;q=0.3", Text),
        // Equals
        ("text/plain, application/problem+json, text/html", Html),
        ("text/plain, application/json", Problem),
        ("text/plain, */*", Text),
        // Malformed parts
        ("text/plain;q=2, text/html;q=0.1", Html),
        ("text/plain;q=0.0001, text/html;q=0.1", Html),
        ("text/plain;q=1.001, text/html;q=0.1", Html),
        ("text/plain;q=, text/html;q=0.1", Html),
        ("text/plain;q=.5, text/html;q=0.1", Html),
        ("text/plain;q=-1, text/html;q=0.1", Html),
        ("*/html, text, /, text/, /plain, te xt/plain, ,text/plain;q=0.1", Text),
        ("text/\u{fc}, text/plain", Text),
        ("", Html),
        (",,", Html),
        ("nonsense", Html),
        (r#"text/plain;x="a,text/html", application/json;q=0.5"#, Text),
        (r#"text/plain;x="\",text/html", application/json;q=0.5"#, Text),
        ("text/plain ; q=0.1 ,\ttext/html ; q=0.2", Html),
    ];

    #[test]
    fn each_negotiation_field_is_found_in_any_case() {
        for name in NEGOTIATION_FIELDS {
            assert_eq!(negotiation_field(&name.to_ascii_uppercase()), Some(name));
            assert_eq!(negotiation_field(&format!("{name}s")), None, "{name}");
        }
        assert_eq!(negotiation_field(""), None);
    }

    #[test]
    fn the_accept_field_chooses_the_representation() {
        for &(accept, expected) in ACCEPT_FIELDS {
            assert_eq!(chosen(&[accept], None), expected, "Accept: {accept}");
        }
    }

    #[test]
    fn a_script_that_accepts_anything_gets_json() {
        for (accept, expected) in [
            ("*/*", Problem),
            ("", Problem),
            ("nonsense", Problem),
            ("text/html", Html),
            ("text/html, */*;q=0.1", Html),
            ("*/*, text/html;q=0", Problem),
            ("*/*, text/html;q=0.9", Problem),
            ("text/*", Html),
            ("text/plain, */*", Text),
            ("text/event-stream", Text),
            ("image/png", Text),
        ] {
            assert_eq!(chosen(&[accept], Some("empty")), expected, "Accept: {accept} from fetch()");
        }
        let jquery = ("x-requested-with", "XMLHttpRequest");
        assert_eq!(choose(&fields([jquery, ("accept", "*/*")])), Problem);
        assert_eq!(choose(&fields([jquery])), Problem);
        assert_eq!(choose(&fields([jquery, ("accept", "text/html, */*; q=0.01")])), Html);
    }

    #[test]
    fn grpc_is_recognized_by_its_media_type() {
        use Representation::Grpc as Status;
        for (name, value, expected) in [
            ("content-type", "application/grpc", Status(Grpc::Plain)),
            ("content-type", "application/grpc+proto", Status(Grpc::Plain)),
            ("content-type", "Application/GRPC; x=y", Status(Grpc::Plain)),
            ("content-type", "application/grpc-web", Status(Grpc::Web)),
            ("content-type", "application/grpc-web+proto", Status(Grpc::Web)),
            ("content-type", "application/grpc-web-text", Status(Grpc::WebText)),
            ("accept", "application/grpc-web-text", Status(Grpc::WebText)),
            ("content-type", "application/grpcx", Html),
            ("content-type", "application/grpc-webx", Html),
            ("content-type", "application/json", Html),
            ("content-type", "app", Html),
        ] {
            assert_eq!(choose(&fields([(name, value)])), expected, "{name}: {value}");
        }
    }

    #[test]
    fn a_navigation_is_a_request_of_a_person() {
        const CHROME: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        for (method, others, expected) in [
            (Method::GET, &[][..], true),
            (Method::GET, &[CHROME], true),
            (Method::HEAD, &[CHROME, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], true),
            (Method::GET, &[CHROME, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], true),
            (Method::GET, &[("accept", "*/*")], true), // curl
            (Method::POST, &[CHROME], false),
            (Method::OPTIONS, &[], false),
            (Method::GET, &[CHROME, ("sec-fetch-mode", "cors")], false),
            (Method::GET, &[CHROME, ("sec-fetch-mode", "no-cors")], false),
            (Method::GET, &[CHROME, ("origin", "https://a.example")], false),
            (Method::GET, &[CHROME, ("origin", "null")], false),
            (Method::GET, &[CHROME, ("x-requested-with", "XMLHttpRequest")], false),
            (Method::GET, &[("accept", "application/json")], false),
            (Method::GET, &[("accept", "image/*")], false),
            (Method::GET, &[("accept", "text/plain")], false),
            (Method::GET, &[("content-type", "application/grpc")], false),
        ] {
            let headers = fields(others.iter().copied());
            assert_eq!(is_navigation(&method, &headers), expected, "{method} {others:?}");
        }
    }

    #[test]
    fn negotiation_uses_only_the_listed_fields() {
        for field in
            [ACCEPT, CONTENT_TYPE, ORIGIN].iter().chain([&SEC_FETCH_DEST, &SEC_FETCH_MODE, &X_REQUESTED_WITH])
        {
            assert!(NEGOTIATION_FIELDS.contains(&field.as_str()), "{field}");
        }
    }

    #[test]
    fn several_lines_are_one_list_and_no_line_is_html() {
        for (lines, expected) in [
            (&[][..], Html),
            (&["text/html;q=0.1", "text/plain"], Text),
            (&["*/*", "text/html;q=0"], Problem),
            (&["text/html", "image/png"], Html),
        ] {
            assert_eq!(chosen(lines, None), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_request_that_prefers_an_asset_gets_no_body() {
        for (accept, expected) in [
            ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", Empty),
            ("image/webp,*/*", Empty),
            ("text/css,*/*;q=0.1", Empty),
            ("application/font-woff2;q=1.0,application/font-woff;q=0.9,*/*;q=0.8", Empty),
            ("font/woff2", Empty),
            ("audio/*", Empty),
            ("video/webm,video/ogg,video/*;q=0.9,*/*;q=0.5", Empty),
            ("text/javascript", Empty),
            ("application/javascript, */*;q=0.8", Empty),
            ("IMAGE/PNG", Empty),
            ("image/png;q=0.5, text/plain", Text),
            ("text/html, image/png", Html),
            ("imagex/png", Text),
        ] {
            assert_eq!(chosen(&[accept], None), expected, "Accept: {accept}");
        }
    }

    #[test]
    fn the_fetch_destination_overrides_accept() {
        for (destination, accept, expected) in [
            ("image", "text/html", Empty),
            ("style", "text/css,*/*;q=0.1", Empty),
            ("script", "*/*", Empty),
            ("font", "*/*", Empty),
            ("audio", "*/*", Empty),
            ("video", "*/*", Empty),
            ("track", "*/*", Empty),
            ("manifest", "*/*", Empty),
            ("worker", "*/*", Empty),
            ("serviceworker", "*/*", Empty),
            ("document", "text/html", Html),
            ("document", "image/avif,*/*;q=0.8", Html),
            ("iframe", "text/html", Html),
            ("json", "*/*", Problem),
            ("json", "text/html", Problem),
            ("empty", "application/json", Problem),
            ("empty", "image/png", Text),
            ("never-heard-of", "text/plain", Text),
        ] {
            assert_eq!(chosen(&[accept], Some(destination)), expected, "{destination}, Accept: {accept}");
        }
    }
}
