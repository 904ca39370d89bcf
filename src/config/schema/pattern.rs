//! The regular expressions of the schema. Each accepts every value that the parser accepts.
//!
//! Their syntax is valid in JavaScript and in Rust. An editor shows the whole expression next to an invalid value,
//! so they are short rather than exact; `--check` is exact.

/// From 0 to 65535.
const PORT: &str = r"0*([1-5]?\d{1,4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])";
const OCTET: &str = r"(25[0-5]|2[0-4]\d|[01]?\d?\d)";
/// Fails if a segment is empty, or consists of dots and spaces only.
const ODD_SEGMENT: &str = r"(?!.*(//|/[. ]+(/|$)))";
/// Fails if no request can be for the path of a redirect: an odd segment, `;`, or a character that must not be encoded.
const ODD_REDIRECT: &str =
    r"(?![^?#]*(//|/(\.|%20)+([/?#]|$)|;|%([01][0-9A-Fa-f]|2[35EFef]|3[BFbf]|5[Cc]|7[Ff])))";
/// Numbers with units, in the syntax of `humantime`.
const NUMBERS_WITH_UNITS: &str = concat!(
    r"\s*(\d[\d\s]*(\.[\d\s]+)?(nanos|nsec|ns|usec|us|µs|millis|msec|ms|",
    r"s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?|M|months?|y|yrs?|years?)\s*)+",
);
/// A character of a URI (RFC 3986), except those that browsers escape.
const URI_CHARACTER: &str = r"[!#-;=?-\[\]_a-z~]";

/// A date-time with an offset, in the only form that validators of JSON see.
pub(in crate::config) const OFFSET_DATE_TIME: &str =
    r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$";
/// A date-time without an offset.
pub(in crate::config) const LOCAL_DATE_TIME: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$";
/// A date.
pub(in crate::config) const DATE: &str = r"^\d{4}-\d{2}-\d{2}$";

/// Five fields, each with numbers in its range.
pub(in crate::config) const CRON: &str = concat!(
    r"^\s*([*,-]|/\d+|0*[0-5]?\d(?!\w))+",
    r"\s+([*,-]|/\d+|(0*1?\d|2[0-3])(?!\w))+",
    r"\s+([*,-]|/\d+|(0*([1-9]|[12]\d|3[01])|[Ll])(?!\w))+",
    r"\s+([*,-]|/\d+|(0*([1-9]|1[0-2])|[A-Za-z]{3})(?!\w))+",
    r"\s+([*,-]|/\d+|#0*[1-5]|(#[Ll]|0*[0-7]|[A-Za-z]{3})(?!\w))+\s*$",
);

/// The syntax of an IANA name. Only the system knows which of them exist.
pub(in crate::config) const TIME_ZONE: &str = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$";
/// One line that is not blank.
pub(in crate::config) const NAME: &str = r"^(?=\s*\S)[^\x00-\x1F\x7F-\x9F]+$";
/// The SHA-256 of a secret.
pub(in crate::config) const SECRET_HASH: &str = r"^sha256:[0-9A-Fa-f]{64}$";
/// A name or an address, or `*.` and a name; without scheme, port and path.
pub(in crate::config) const HOST: &str = r"^(\*\.)?([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]\.?)$";
/// A token (RFC 9110, section 5.6.2).
pub(in crate::config) const FIELD_NAME: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
/// A token other than `*`.
pub(in crate::config) const METHOD: &str = r"^(?!\*$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
/// A level, or the directives of a tracing filter.
pub(in crate::config) const LEVEL: &str = concat!(
    r"^(([Oo][Ff][Ff]|[Ee][Rr][Rr][Oo][Rr]|[Ww][Aa][Rr][Nn]|[Ii][Nn][Ff][Oo]|[Dd][Ee][Bb][Uu][Gg]|",
    r"[Tt][Rr][Aa][Cc][Ee]|\+?0*[0-5]|[^,]*[=\[\]:][^,]*)?(,|$))*$",
);

/// Three or six hexadecimal digits.
pub(in crate::config) const COLOUR: &str = "^#([0-9A-Fa-f]{3}){1,2}$";

/// The URL of a webhook.
pub(in crate::config) const WEBHOOK_URL: &str = concat!(
    r"^([Hh][Tt][Tt][Pp][Ss]://[^/?#@]|[Hh][Tt][Tt][Pp]://([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127\.|\[))",
    r"[!$-;=?-\[\]_a-z~]*$",
);

/// A size in bytes.
pub(in crate::config) const SIZE: &str = r"^0*[1-9]\d* ?([KM]i)?B$";

/// A size in bytes that may be zero.
pub(in crate::config) const SIZE_OR_ZERO: &str = r"^\d+ ?([KM]i)?B$";

/// A duration longer than zero.
pub(in crate::config) fn duration() -> String {
    format!("^(?=[^1-9]*[1-9]){NUMBERS_WITH_UNITS}$")
}

/// A duration that may be zero.
pub(in crate::config) fn duration_or_zero() -> String {
    format!("^(0|{NUMBERS_WITH_UNITS})$")
}

/// An IP address with a port, a port on all addresses, or a Unix socket.
pub(in crate::config) fn address() -> String {
    format!(
        r"^(unix:(?!(//)?(\?|$))[^?]*(\?mode=0?[0-7]{{3}})?$|({OCTET}(\.{OCTET}){{3}}|\[[0-9A-Fa-f:.]+(%\d+)?\])?:{PORT}$)"
    )
}

/// An address to listen on, or one for TLS.
pub(in crate::config) fn listen_url() -> String {
    let tcp = format!(r"({OCTET}(\.{OCTET}){{3}}|\[[0-9A-Fa-f:.]+(%\d+)?\])?:{PORT}$");
    format!(r"^(unix:(?!(//)?(\?|$))[^?]*(\?mode=0?[0-7]{{3}})?$|(https://)?{tcp})")
}

/// An IP address or CIDR block.
pub(in crate::config) fn network() -> String {
    format!("^({})$", any_network())
}

/// A network, or the peers of a Unix socket.
pub(in crate::config) fn proxy() -> String {
    format!("^(unix:|{})$", any_network())
}

fn any_network() -> String {
    format!(
        r"{OCTET}(\.{OCTET}){{3}}(/(3[0-2]|[0-2]?\d))?|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(/(12[0-8]|1[01]\d|0?\d?\d))?"
    )
}

/// A path after percent-decoding, without a query.
pub(in crate::config) fn path() -> String {
    format!(r"^{ODD_SEGMENT}/[^?#%;\\]*$")
}

/// A glob of paths.
pub(in crate::config) fn glob() -> String {
    format!(r"^{ODD_SEGMENT}(?!.*([^/]\*\*|\*\*[^/]))/[^%;\\\[\]{{}}]*$")
}

/// An absolute URL, or a path of this site.
pub(in crate::config) fn redirect() -> String {
    format!("^({ODD_REDIRECT}/|[Hh][Tt][Tt][Pp][Ss]?://[^/?#]){URI_CHARACTER}*$")
}

/// The origin of an HTTP server, or a Unix socket.
pub(in crate::config) fn upstream() -> String {
    let host = r"([A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])";
    format!(r"^(unix:[\s\S]*[^/]|([Hh][Tt][Tt][Pp][Ss]?|[Hh]2[Cc])://{host}(:(?!0+/?$){PORT})?/?)$")
}

/// The URL of a page, or of a mailbox or telephone.
pub(in crate::config) fn contact() -> String {
    format!(r"^(https?://[^/?#]|mailto:[^@]+@|tel:\+?\d){URI_CHARACTER}*$")
}
