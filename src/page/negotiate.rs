//! Which representation of the page a request gets, and whether it is one that may be redirected: `Accept` (RFC 9110,
//! 12.5.1), and what browsers say of a request (Fetch Metadata).

use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, ORIGIN};
use http::{HeaderMap, Method};

/// The forms that the page comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Representation {
    Html,
    Problem,
    Text,
    /// No body: for a request whose answer nobody reads as a page, such as an image.
    Nothing,
    /// A gRPC status.
    Grpc(Grpc),
}

/// The media types of gRPC over HTTP/2, and of its form for browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grpc {
    Plain,
    Web,
    WebText,
}

use Representation::{Html, Nothing, Problem, Text};

static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// The fields, in lower case, that an answer is chosen by.
pub const CHOSEN_BY: [&str; 8] = [
    "accept",
    "access-control-request-headers",
    "access-control-request-method",
    "content-type",
    "origin",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "x-requested-with",
];

/// Whether a person goes to a page by a request with this method and these fields. A program that is sent elsewhere
/// would take what it finds there for its answer.
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
        && headers.get(&SEC_FETCH_MODE).is_none_or(|mode| mode.as_bytes().trim_ascii() == b"navigate")
        && !headers.contains_key(ORIGIN)
        && !headers.contains_key(&X_REQUESTED_WITH)
        && choose(headers) == Html
}

/// Chooses by the highest quality; among equals, what the client names itself comes before what only its wildcards
/// match, and then HTML before problem+json before text. A script that accepts anything gets problem+json. Parts that are
/// malformed count as not there. Text is for a client that accepts none of them: it says more than a 406.
pub(super) fn choose(headers: &HeaderMap) -> Representation {
    if let Some(grpc) = grpc(headers) {
        return Representation::Grpc(grpc);
    }
    let destination = headers.get(&SEC_FETCH_DEST).map(|value| value.as_bytes().trim_ascii());
    match destination {
        Some(b"json") => return Problem,
        Some(destination) if is_asset_destination(destination) => return Nothing,
        _ => {}
    }
    let is_script = destination == Some(b"empty") || headers.contains_key(&X_REQUESTED_WITH);
    let anything = if is_script { Problem } else { Html };
    let mut lines = headers.get_all(ACCEPT).iter().map(|value| value.as_bytes().trim_ascii());
    match (lines.next(), lines.next()) {
        (None, _) | (Some(b"*/*"), None) => anything,
        (Some(b"text/html"), None) => Html,
        // What browsers send for a document: nothing behind it can be preferred to it.
        (Some(line), None) if line.starts_with(b"text/html,") => Html,
        (Some(_), _) => weigh(headers, anything, destination.is_none()),
    }
}

/// The kind of gRPC that a request speaks, or asks for.
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

fn weigh(headers: &HeaderMap, anything: Representation, may_be_asset: bool) -> Representation {
    let lines = headers.get_all(ACCEPT).iter();
    let parts = lines.flat_map(|line| split_unquoted(line.as_bytes(), b','));
    let mut offers = [(Html, Match::NONE), (Problem, Match::NONE), (Text, Match::NONE)];
    let mut preferred: Option<MediaRange> = None;
    for range in parts.filter_map(MediaRange::parse) {
        for (representation, best) in &mut offers {
            *best = (*best).max(range.matches(*representation));
        }
        preferred = Some(preferred.filter(|first| first.quality >= range.quality).unwrap_or(range));
    }
    match preferred {
        None => anything,
        Some(range) if may_be_asset && range.is_asset() => Nothing,
        Some(_) => best_of(offers, anything),
    }
}

fn best_of(offers: [(Representation, Match); 3], anything: Representation) -> Representation {
    let acceptable = offers.into_iter().filter(|(_, found)| found.specificity > 0 && found.quality > 0);
    // `max_by_key` takes the last of equals.
    let best = acceptable.rev().max_by_key(|(representation, found)| {
        let is_named = found.specificity >= Match::NAMED;
        let is_any = found.specificity == Match::ANYTHING && *representation == anything;
        (found.quality, is_named, is_any)
    });
    best.map_or(Text, |(representation, _)| representation)
}

/// How well a range matches an offer. The greater one decides: the more specific, then the higher quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Match {
    specificity: u8,
    quality: u16,
}

impl Match {
    const NONE: Self = Self { specificity: 0, quality: 0 };
    /// The range is `*/*`.
    const ANYTHING: u8 = 1;
    /// From here on the range names the type and is no wildcard.
    const NAMED: u8 = 3;
}

/// One element of `Accept`, borrowed from the header.
#[derive(Debug, Clone, Copy)]
struct MediaRange<'a> {
    kind: &'a [u8],
    subtype: &'a [u8],
    /// Has parameters that the page's own types do not have.
    is_special: bool,
    /// In thousandths, 0 to 1000.
    quality: u16,
}

impl<'a> MediaRange<'a> {
    fn parse(part: &'a [u8]) -> Option<Self> {
        let mut fields = split_unquoted(part, b';').map(<[u8]>::trim_ascii);
        let name = fields.next()?;
        let (kind, subtype) = name.split_at_checked(name.iter().position(|byte| *byte == b'/')?)?;
        let subtype = subtype.get(1..)?;
        if !is_token(kind) || !is_token(subtype) || (kind == b"*" && subtype != b"*") {
            return None;
        }
        let mut range = Self { kind, subtype, is_special: false, quality: 1000 };
        for field in fields {
            if let Some((b"q=" | b"Q=", weight)) = field.split_at_checked(2) {
                range.quality = quality(weight)?;
                break;
            }
            range.is_special |= !field.is_empty() && !field.eq_ignore_ascii_case(b"charset=utf-8");
        }
        Some(range)
    }

    fn matches(&self, representation: Representation) -> Match {
        Match { specificity: self.specificity(representation), quality: self.quality }
    }

    /// A range with parameters of its own counts where the type itself is not named.
    fn specificity(&self, representation: Representation) -> u8 {
        let (kind, subtype, alias): (&[u8], &[u8], &[u8]) = match representation {
            Html => (b"text", b"html", b""),
            Problem => (b"application", b"problem+json", b"json"),
            Text => (b"text", b"plain", b""),
            Nothing | Representation::Grpc(_) => return 0,
        };
        match (self.kind, self.subtype) {
            (b"*", _) => Match::ANYTHING,
            (own, _) if !own.eq_ignore_ascii_case(kind) => 0,
            (_, b"*") => 2,
            (_, own) if own.eq_ignore_ascii_case(subtype) => Match::NAMED + u8::from(!self.is_special),
            (_, own) if own.eq_ignore_ascii_case(alias) => Match::NAMED,
            // JSON of some other kind (RFC 6839 3.1): its readers can read this one too.
            (_, own) if representation == Problem && ends_with_json(own) => Match::NAMED,
            _ => 0,
        }
    }

    fn is_asset(&self) -> bool {
        let kind = |name: &str| self.kind.eq_ignore_ascii_case(name.as_bytes());
        let subtype = |name: &str| self.subtype.eq_ignore_ascii_case(name.as_bytes());
        let is_font = || self.subtype.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"font-"));
        ["image", "font", "audio", "video"].into_iter().any(kind)
            || kind("text") && (subtype("css") || subtype("javascript"))
            || kind("application") && (subtype("javascript") || is_font())
    }
}

fn ends_with_json(subtype: &[u8]) -> bool {
    let suffix = subtype.len().checked_sub(5).and_then(|at| subtype.get(at..));
    suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json"))
}

/// RFC 9110, 12.4.2: `0` to `1` with up to three decimals, in thousandths.
fn quality(weight: &[u8]) -> Option<u16> {
    let (whole, decimals) = match weight {
        [whole] | [whole, b'.'] => (whole, &[][..]),
        [whole, b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    let digits = [*whole].into_iter().chain(decimals.iter().copied()).chain([b'0'; 3]).take(4);
    let value = digits
        .map(|digit| char::from(digit).to_digit(10))
        .try_fold(0, |sum, digit| Some(sum * 10 + digit?))?;
    u16::try_from(value).ok().filter(|thousandths| *thousandths <= 1000)
}

/// The destinations (Fetch Standard) whose answers no human reads.
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

/// The parts between separators, where one in a quoted string (RFC 9110, 5.6.4) is none.
fn split_unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return !quoted && *byte == separator,
        }
        false
    })
}

/// RFC 9110, 5.6.2.
fn is_token(text: &[u8]) -> bool {
    let is_token_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_token_byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

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

    #[test]
    fn accept_decides_the_representation() {
        for (accept, expected) in [
            // Who asks
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", Html), // Chrome
            ("*/*", Html),                                                                        // curl
            ("application/json, text/plain, */*", Problem),                                       // axios
            ("application/json, text/javascript, */*; q=0.01", Problem),                          // jQuery
            ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", Text), // Prometheus
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
            // Nothing acceptable
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
        ] {
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
    fn grpc_is_told_by_its_media_type() {
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
    fn a_navigation_is_a_persons() {
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
    fn an_answer_is_chosen_by_the_fields_that_are_named() {
        for field in
            [ACCEPT, CONTENT_TYPE, ORIGIN].iter().chain([&SEC_FETCH_DEST, &SEC_FETCH_MODE, &X_REQUESTED_WITH])
        {
            assert!(CHOSEN_BY.contains(&field.as_str()), "{field}");
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
    fn an_asset_by_its_most_preferred_range_gets_nothing() {
        for (accept, expected) in [
            ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", Nothing),
            ("image/webp,*/*", Nothing),
            ("text/css,*/*;q=0.1", Nothing),
            ("application/font-woff2;q=1.0,application/font-woff;q=0.9,*/*;q=0.8", Nothing),
            ("font/woff2", Nothing),
            ("audio/*", Nothing),
            ("video/webm,video/ogg,video/*;q=0.9,*/*;q=0.5", Nothing),
            ("text/javascript", Nothing),
            ("application/javascript, */*;q=0.8", Nothing),
            ("IMAGE/PNG", Nothing),
            ("image/png;q=0.5, text/plain", Text),
            ("text/html, image/png", Html),
            ("imagex/png", Text),
        ] {
            assert_eq!(chosen(&[accept], None), expected, "Accept: {accept}");
        }
    }

    #[test]
    fn the_fetch_destination_comes_before_accept() {
        for (destination, accept, expected) in [
            ("image", "text/html", Nothing),
            ("style", "text/css,*/*;q=0.1", Nothing),
            ("script", "*/*", Nothing),
            ("font", "*/*", Nothing),
            ("audio", "*/*", Nothing),
            ("video", "*/*", Nothing),
            ("track", "*/*", Nothing),
            ("manifest", "*/*", Nothing),
            ("worker", "*/*", Nothing),
            ("serviceworker", "*/*", Nothing),
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
