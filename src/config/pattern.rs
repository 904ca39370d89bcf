//! Regular expressions of what single values look like, for the schema. Each accepts everything that the parser accepts.
//!
//! They are of the kind that JavaScript and Rust both read. An editor shows the whole expression to the author of the
//! wrong value, so they are short rather than exact: `--check` has the last word.

/// From 0 to 65535.
const PORT: &str = r"0*([1-5]?\d{1,4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])";
const OCTET: &str = r"(25[0-5]|2[0-4]\d|[01]?\d?\d)";
/// Dots and spaces alone, or nothing, between slashes.
const ODD_SEGMENT: &str = r"(?!.*(//|/[. ]+(/|$)))";
/// What makes the path of a redirect one that no request is for: the same, `;`, and what may not be encoded.
const ODD_REDIRECT: &str =
    r"(?![^?#]*(//|/(\.|%20)+([/?#]|$)|;|%([01][0-9A-Fa-f]|2[35EFef]|3[BFbf]|5[Cc]|7[Ff])))";
/// What a URI may hold (RFC 3986), less the brackets of its grammar that browsers escape.
const URI_CHARACTER: &str = r"[!#-;=?-\[\]_a-z~]";

/// A date-time with an offset, in the one form in which validators that know only JSON's types see it.
pub(super) const OFFSET_DATE_TIME: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$";
/// The same without the offset.
pub(super) const LOCAL_DATE_TIME: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$";
/// A date alone.
pub(super) const DATE: &str = r"^\d{4}-\d{2}-\d{2}$";

/// A duration longer than zero, as `humantime` reads it.
pub(super) const DURATION: &str = concat!(
    r"^(?=[^1-9]*[1-9])\s*(\d[\d\s]*(\.[\d\s]+)?(nanos|nsec|ns|usec|us|µs|millis|msec|ms|",
    r"s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?|M|months?|y|yrs?|years?)\s*)+$",
);

/// Five fields; numbers that are too large for theirs are refused.
pub(super) const CRON: &str = concat!(
    r"^\s*([*,-]|/\d+|0*[0-5]?\d(?!\w))+",
    r"\s+([*,-]|/\d+|(0*1?\d|2[0-3])(?!\w))+",
    r"\s+([*,-]|/\d+|(0*([1-9]|[12]\d|3[01])|[Ll])(?!\w))+",
    r"\s+([*,-]|/\d+|(0*([1-9]|1[0-2])|[A-Za-z]{3})(?!\w))+",
    r"\s+([*,-]|/\d+|#0*[1-5]|(#[Ll]|0*[0-7]|[A-Za-z]{3})(?!\w))+\s*$",
);

/// An IANA name. Which of them exist, only the system knows.
pub(super) const TIME_ZONE: &str = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$";
/// One line that is not blank.
pub(super) const NAME: &str = r"^(?=\s*\S)[^\x00-\x1F\x7F-\x9F]+$";
/// A name or address, or `*.` and a name; without scheme, port and path.
pub(super) const HOST: &str = r"^(\*\.)?([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]\.?)$";
/// A token (RFC 9110 5.6.2), but not one that is meant for all methods.
pub(super) const METHOD: &str = r"^(?!\*$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
/// Levels, or directives of a tracing filter.
pub(super) const LEVEL: &str = concat!(
    r"^(([Oo][Ff][Ff]|[Ee][Rr][Rr][Oo][Rr]|[Ww][Aa][Rr][Nn]|[Ii][Nn][Ff][Oo]|[Dd][Ee][Bb][Uu][Gg]|",
    r"[Tt][Rr][Aa][Cc][Ee]|\+?0*[0-5]|[^,]*[=\[\]:][^,]*)?(,|$))*$",
);

/// An IP address with its port, a port of all addresses, or a Unix socket.
pub(super) fn address() -> String {
    format!(r"^(unix:(?!(//)?$)|({OCTET}(\.{OCTET}){{3}}|\[[0-9A-Fa-f:.]+(%\d+)?\])?:{PORT}$)")
}

/// An address or CIDR block.
pub(super) fn network() -> String {
    format!("^({})$", any_network())
}

/// The same, or the peers of a Unix socket.
pub(super) fn proxy() -> String {
    format!("^(unix:|{})$", any_network())
}

fn any_network() -> String {
    format!(
        r"{OCTET}(\.{OCTET}){{3}}(/(3[0-2]|[0-2]?\d))?|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(/(12[0-8]|1[01]\d|0?\d?\d))?"
    )
}

/// A path as it is after percent-decoding, without its query.
pub(super) fn path() -> String {
    format!(r"^{ODD_SEGMENT}/[^?#%;\\]*$")
}

/// A glob of such paths.
pub(super) fn glob() -> String {
    format!(r"^{ODD_SEGMENT}(?!.*([^/]\*\*|\*\*[^/]))/[^%;\\\[\]{{}}]*$")
}

/// An absolute URL or a path of this site.
pub(super) fn redirect() -> String {
    format!("^({ODD_REDIRECT}/|[Hh][Tt][Tt][Pp][Ss]?://[^/?#]){URI_CHARACTER}*$")
}

/// The origin of a server, or a Unix socket.
pub(super) fn upstream() -> String {
    let host = r"([A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])";
    format!(r"^(unix:[\s\S]*[^/]|[Hh][Tt][Tt][Pp][Ss]?://{host}(:(?!0+/?$){PORT})?/?)$")
}
