//! The differences between the gateway's parser and others that were judged. `docs/ARCHITECTURE.md` lists them, with the
//! reasons.

use http::Uri;

use crate::comparison::{Case, Outcome, Parser};
use crate::evidence::is_plain_host;
use crate::message::Kind;

/// A known difference.
pub struct Difference {
    /// The sentence in the document.
    pub name: &'static str,
    /// The parsers that differ.
    pub parsers: &'static [Parser],
    /// Returns true if a case is of this kind.
    pub applies: fn(&Case<'_>) -> bool,
}

const ANY: &[Parser] = &[Parser::Hyper, Parser::H11];
const HYPER: &[Parser] = &[Parser::Hyper];
const H11: &[Parser] = &[Parser::H11];

/// Both others refuse such targets.
const ANY_TARGET: &str = "We accept every byte in a target, except white space, control bytes and `#`.";

/// The known differences.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "We refuse a request when its head is complete, not before.",
        parsers: ANY,
        applies: |case| {
            let is_later =
                matches!((case.ours, case.theirs), (Outcome::Incomplete(None), Outcome::Refuses(_)));
            is_later && case.kind == Kind::Requests
        },
    },
    Difference {
        name: "We refuse a response or a chunk at its first malformed byte.",
        parsers: ANY,
        applies: |case| {
            let is_body = case.is_refused_for(&["chunks are malformed", "trailers are malformed"]);
            let is_response = case.kind != Kind::Requests && matches!(case.ours, Outcome::Refuses(_));
            matches!(case.theirs, Outcome::Incomplete(found) if is_body || is_response && found.is_none())
        },
    },
    Difference {
        name: "We keep a connection of HTTP/1.0 if the client asks for it.",
        parsers: H11,
        applies: |case| {
            let is_http10 = case.previous.is_some_and(|message| message.version() == 0);
            is_http10 && matches!(case.theirs, Outcome::Closes(_))
        },
    },
    Difference {
        name: "We refuse an invalid host.",
        parsers: ANY,
        applies: |case| {
            case.is_refused_for(&["the host of the request is invalid"])
                && !case.values("host").into_iter().all(is_plain_host)
                || case.is_refused_for(&["the host in the target"]) && !is_plain_host(case.authority())
        },
    },
    Difference {
        name: "We refuse a request without exactly one Host.",
        parsers: ANY,
        applies: |case| {
            case.is_refused_for(&["the request has no host", "more than one Host"])
                && case.values("host").len() != 1
        },
    },
    Difference {
        name: "We refuse a target that is neither a path nor a URL of HTTP.",
        parsers: ANY,
        applies: |case| {
            let target = case.target().to_ascii_lowercase();
            let is_url = target.starts_with(b"http://") || target.starts_with(b"https://");
            case.is_refused_for(&["target of the request is neither a path"])
                && !is_url
                && !target.starts_with(b"/")
        },
    },
    Difference {
        name: "We refuse a fragment in a target.",
        parsers: ANY,
        applies: |case| {
            case.is_refused_for(&["target of the request is malformed"]) && case.target().contains(&b'#')
        },
    },
    Difference {
        name: "We refuse a request of another major version than 1.",
        parsers: H11,
        applies: |case| {
            let version = case.first_line().last_chunk::<8>();
            let is_major = |major: u8| matches!(version, Some([b'H', b'T', b'T', b'P', b'/', found, b'.', _]) if *found == major);
            case.is_refused_for(&["only supported versions"]) && !is_major(b'1')
        },
    },
    Difference {
        name: "We refuse a response of another version than HTTP/1.0 and HTTP/1.1.",
        parsers: H11,
        applies: |case| {
            let is_known = |known: &[u8]| case.first_line().starts_with(known);
            case.is_refused_for(&["it is neither HTTP/1.0"])
                && !is_known(b"HTTP/1.0 ")
                && !is_known(b"HTTP/1.1 ")
        },
    },
    Difference {
        name: "We refuse a field over several lines.",
        parsers: H11,
        applies: |case| case.is_refused_for(&["a field"]) && case.is_folded(),
    },
    Difference {
        name: "We refuse a control byte in a field or a reason phrase.",
        parsers: H11,
        applies: |case| case.is_refused_for(&["a field", "its status is invalid"]) && case.has_control(),
    },
    Difference {
        name: "We refuse a request with Transfer-Encoding and Content-Length.",
        parsers: ANY,
        applies: |case| {
            case.is_refused_for(&["has both Content-Length and Transfer-Encoding"])
                && !case.values("content-length").is_empty()
                && !case.values("transfer-encoding").is_empty()
        },
    },
    Difference {
        name: "We refuse a transfer coding other than `chunked`.",
        parsers: HYPER,
        applies: |case| {
            case.is_refused_for(&["transfer coding", "Transfer-Encoding of the request is malformed"])
                && case
                    .values("transfer-encoding")
                    .iter()
                    .any(|value| !value.eq_ignore_ascii_case(b"chunked"))
        },
    },
    Difference {
        name: "We refuse a second Transfer-Encoding.",
        parsers: HYPER,
        applies: |case| {
            case.is_refused_for(&[
                "more than one Transfer-Encoding",
                "transfer coding that was not requested",
            ]) && case.values("transfer-encoding").len() > 1
        },
    },
    Difference {
        name: "We refuse Transfer-Encoding in HTTP/1.0.",
        parsers: ANY,
        applies: |case| {
            case.is_refused_for(&["HTTP/1.0 does not define"])
                && case.first_line().windows(8).any(|window| window == b"HTTP/1.0")
                && !case.values("transfer-encoding").is_empty()
        },
    },
    Difference {
        name: "We refuse a response with an invalid Content-Length.",
        parsers: HYPER,
        applies: |case| case.is_refused_for(&["its Content-Length is invalid"]) && !case.has_one_length(),
    },
    Difference {
        name: "We refuse a Content-Length of 2^64 or more.",
        parsers: H11,
        applies: |case| {
            let is_large = |length: &&[u8]| length.iter().all(u8::is_ascii_digit) && length.len() >= 20;
            case.is_refused_for(&["Content-Length"])
                && !case.has_one_length()
                && case.values("content-length").iter().any(is_large)
        },
    },
    Difference {
        name: "We refuse a chunked body with a bare CR or LF, a folded trailer, or a control byte.",
        parsers: ANY,
        applies: |case| {
            case.is_refused_for(&["its chunks are malformed", "its trailers are malformed"])
                && case.has_malformed_lines()
        },
    },
    Difference {
        name: "We refuse more than 64 connection options that name fields.",
        parsers: ANY,
        applies: |case| {
            let lines = case.values("connection");
            let options = lines.iter().flat_map(|line| line.split(|byte| *byte == b','));
            case.is_refused_for(&["more than 64 connection options that name fields"]) && options.count() > 64
        },
    },
    Difference {
        name: "We refuse a switch of protocols that was not requested.",
        parsers: HYPER,
        applies: |case| {
            let has_status = case.bytes.windows(4).any(|window| window == b" 101");
            case.is_refused_for(&["it switched to a protocol"]) && has_status
        },
    },
    Difference {
        name: "We accept a Content-Length that gives the same length several times.",
        parsers: ANY,
        applies: |case| {
            let lines = case.values("content-length");
            let is_repeated = lines.len() > 1 || lines.iter().any(|value| value.contains(&b','));
            case.is_taken_despite(&["ContentLengthInvalid", "conflicting Content-Length"])
                && is_repeated
                && case.has_one_length()
        },
    },
    Difference {
        name: ANY_TARGET,
        parsers: HYPER,
        applies: |case| case.is_taken_despite(&["Parse(Uri)"]) && Uri::try_from(case.target()).is_err(),
    },
    Difference {
        name: ANY_TARGET,
        parsers: H11,
        applies: |case| {
            case.is_taken_despite(&["illegal request line"])
                && !case.target().iter().all(u8::is_ascii_graphic)
        },
    },
    Difference {
        name: "We read HTTP/1.2 to HTTP/1.9 as HTTP/1.1 in a request.",
        parsers: HYPER,
        applies: |case| {
            let version = case.first_line().last_chunk::<8>();
            let is_later = matches!(version, Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9']));
            case.is_taken_despite(&["Parse(Version)"]) && is_later
        },
    },
    Difference {
        name: "We skip empty lines before a head.",
        parsers: H11,
        applies: |case| {
            let is_empty = matches!(case.bytes, [b'\n', ..] | [b'\r', b'\n', ..] | [b'\r']);
            case.is_taken_despite(&["line received", "illegal request line", "illegal status line"])
                && is_empty
        },
    },
    Difference {
        name: "We accept a Content-Length with more than 20 digits if the first ones are zeros.",
        parsers: H11,
        applies: |case| {
            let lines = case.values("content-length");
            case.is_taken_despite(&["bad Content-Length"])
                && case.has_one_length()
                && lines.iter().any(|digits| digits.len() > 20)
        },
    },
    Difference {
        name: "We accept a Content-Length of 2^64 - 2 or 2^64 - 1.",
        parsers: HYPER,
        applies: |case| {
            let ends = [b"18446744073709551614", b"18446744073709551615"];
            let is_largest = |value: &&[u8]| ends.iter().any(|end| value.ends_with(*end));
            case.is_taken_despite(&["TooLarge"]) && case.values("content-length").iter().any(is_largest)
        },
    },
    Difference {
        name: "We accept a chunk size of more than 20 digits if the first ones are zeros.",
        parsers: H11,
        applies: |case| {
            let is_long =
                |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit) && digits.starts_with(b"0");
            case.is_taken_despite(&["illegal chunk header"]) && case.body().windows(21).any(is_long)
        },
    },
    Difference {
        name: "We accept white space between the size of a chunk and an extension.",
        parsers: H11,
        applies: |case| {
            let is_space = |pair: &[u8]| matches!(pair, [b' ' | b'\t', b';']);
            case.is_taken_despite(&["illegal chunk header"]) && case.body().windows(2).any(is_space)
        },
    },
    Difference {
        name: "We ignore an invalid Content-Length of a chunked response.",
        parsers: H11,
        applies: |case| {
            let is_chunked = !case.values("transfer-encoding").is_empty();
            case.is_taken_despite(&["Content-Length"]) && is_chunked && !case.has_one_length()
        },
    },
    Difference {
        name: "We drop Content-Length and Transfer-Encoding from trailers.",
        parsers: H11,
        applies: |case| {
            let body = case.body().to_ascii_lowercase();
            let has = |name: &[u8]| body.windows(name.len()).any(|window| window == name);
            case.is_taken_despite(&["Transfer-Encoding", "Content-Length"])
                && (has(b"\ntransfer-encoding:") || has(b"\ncontent-length:"))
        },
    },
    Difference {
        name: "We read `OPTIONS http://a` as `OPTIONS *`.",
        parsers: HYPER,
        applies: |case| {
            let theirs = |ours: &[u8]| (ours == b"*").then(|| b"/".to_vec());
            case.has_other_target(|method| method == "OPTIONS", theirs)
        },
    },
    Difference {
        name: "We read `http://a?q` as `/?q`.",
        parsers: HYPER,
        applies: |case| {
            case.has_other_target(
                |_| true,
                |ours| ours.strip_prefix(b"/").filter(|rest| rest.starts_with(b"?")).map(<[u8]>::to_vec),
            )
        },
    },
];
