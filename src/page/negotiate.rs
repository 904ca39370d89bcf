//! Which representation of the page a request gets: `Accept` (RFC 9110, 12.5.1) and `Sec-Fetch-Dest`.

use http::HeaderMap;
use http::header::{ACCEPT, HeaderName};

/// The forms that the page comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Representation {
    Html,
    Problem,
    Text,
    /// No body: for a request whose answer is no page that anybody reads, such as an image.
    Nothing,
}

use Representation::{Html, Nothing, Problem, Text};

static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Chooses by the highest quality; among equals, what the client names itself comes before what only its wildcards
/// match, and then HTML before problem+json before text. Parts that are malformed count as not there. Text is for
/// whoever accepts none of them: it says more than a 406.
pub(super) fn choose(headers: &HeaderMap) -> Representation {
    let destination = headers.get(&SEC_FETCH_DEST).map(|value| value.as_bytes().trim_ascii());
    if destination.is_some_and(is_asset_destination) {
        return Nothing;
    }
    let mut lines = headers.get_all(ACCEPT).iter().map(|value| value.as_bytes().trim_ascii());
    match (lines.next(), lines.next()) {
        (None, _) | (Some(b"*/*" | b"text/html"), None) => Html,
        // What browsers send for a document: nothing behind it can be preferred to it.
        (Some(line), None) if line.starts_with(b"text/html,") => Html,
        (Some(_), _) => weigh(headers, destination.is_none()),
    }
}

fn weigh(headers: &HeaderMap, may_be_asset: bool) -> Representation {
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
        None => Html,
        Some(range) if may_be_asset && range.is_asset() => Nothing,
        Some(_) => best_of(offers),
    }
}

fn best_of(offers: [(Representation, Match); 3]) -> Representation {
    let acceptable = offers.into_iter().filter(|(_, found)| found.specificity > 0 && found.quality > 0);
    // `max_by_key` takes the last of equals.
    let best = acceptable.rev().max_by_key(|(_, found)| (found.quality, found.specificity >= Match::NAMED));
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
            Nothing => return 0,
        };
        match (self.kind, self.subtype) {
            (b"*", _) => 1,
            (own, _) if !own.eq_ignore_ascii_case(kind) => 0,
            (_, b"*") => 2,
            (_, own) if own.eq_ignore_ascii_case(subtype) => Match::NAMED + u8::from(!self.is_special),
            (_, own) if own.eq_ignore_ascii_case(alias) => Match::NAMED,
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
        let mut headers = HeaderMap::new();
        for line in accept {
            headers.append(ACCEPT, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        if let Some(destination) = destination {
            headers.insert(&SEC_FETCH_DEST, destination.parse().unwrap());
        }
        choose(&headers)
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
            assert_eq!(chosen(&[accept], Some("empty")), expected, "Accept: {accept} from fetch()");
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
            ("empty", "*/*", Html),
            ("empty", "application/json", Problem),
            ("empty", "image/png", Text),
            ("never-heard-of", "text/plain", Text),
        ] {
            assert_eq!(chosen(&[accept], Some(destination)), expected, "{destination}, Accept: {accept}");
        }
    }
}
