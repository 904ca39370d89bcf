//! Reads bytes as the head of a request. It is found however it is split, accepted if and only if a simple reader accepts
//! it, and has the same meaning when it is written again.

#![no_main]

use downtime::http1::fields::{MAX_FIELDS, MAX_OPTIONS, write_field};
use downtime::http1::framing::Framing;
use downtime::http1::head::{complete_within, not_a_head};
use downtime::http1::host::parse_host;
use downtime::http1::request::{RequestHead, Version};
use downtime::http1::target::RequestTarget;
use http::Method;
use libfuzzer_sys::fuzz_target;

/// The longest head, in bytes.
const MAX_HEAD: usize = 64 << 10;

fuzz_target!(|input: &[u8]| {
    let (found, length) =
        (complete_within(input, 0, MAX_HEAD), naive_length(input).filter(|length| *length <= MAX_HEAD));
    assert_eq!(found.is_some(), length.is_some());
    for searched in 0..length.unwrap_or(input.len() + 1) {
        assert_eq!(complete_within(&input[..searched], 0, MAX_HEAD), None);
        assert_eq!(complete_within(input, searched, MAX_HEAD), found);
    }
    let (Some(found), Some(length)) = (found, length) else { return };
    let head = &input[..length];
    let parsed = RequestHead::parse(&input[..found]);
    assert!(parsed.as_ref().map_or(true, |parsed| parsed.bytes == head), "{}", input.escape_ascii());
    if (1..=head.len()).any(|end| not_a_head(&head[..end]).is_some()) {
        assert!(parsed.is_err(), "refused early: {}", head.escape_ascii());
    }
    let expected = Expected::read(head);
    match (&parsed, &expected) {
        (Ok(parsed), Some(expected)) => expected.check(parsed),
        (Err(_), None) => {}
        _ => panic!("{}\nours: {parsed:?}\nexpected: {expected:?}", head.escape_ascii()),
    }
    if let Ok(parsed) = &parsed {
        check_written(parsed);
    }
});

fn naive_length(bytes: &[u8]) -> Option<usize> {
    (0..=bytes.len()).find(|end| bytes[..*end].ends_with(b"\n\r\n") || bytes[..*end].ends_with(b"\n\n"))
}

/// Asserts that the head has the same meaning when it is written again.
fn check_written(head: &RequestHead<'_>) {
    let mut written = head.method.as_str().as_bytes().to_vec();
    written.push(b' ');
    match head.target.authority {
        Some(authority) if head.method == Method::CONNECT => written.extend_from_slice(authority.as_bytes()),
        _ => head.target.write(&mut written),
    }
    let version = if head.version == Version::Http11 { "1.1" } else { "1.0" };
    written.extend(format!(" HTTP/{version}\r\n").bytes());
    for field in &head.fields {
        write_field(&mut written, field.name, &[field.value]);
    }
    written.extend_from_slice(b"\r\n");
    assert_eq!(complete_within(&written, 0, MAX_HEAD), Some(written.len()));
    let again = RequestHead::parse(&written).expect("the same head");
    assert_eq!(meaning(head), meaning(&again));
    assert!(head.target.authority.is_some() || head.host == again.host);
}

/// What a head says, apart from the authority of its target.
fn meaning(head: &RequestHead<'_>) -> String {
    let RequestHead { method, version, options, framing, expects_continue, .. } = head;
    let fields: Vec<_> =
        head.fields.iter().map(|field| (field.name.to_ascii_lowercase(), field.value)).collect();
    let target = (head.target.path, head.target.query);
    format!("{method} {target:?} {version:?} {fields:?} {options:?} {framing:?} {expects_continue}")
}

/// The head as a simple reader understands it.
#[derive(Debug)]
struct Expected<'i> {
    method: &'i [u8],
    is_http11: bool,
    fields: Vec<(String, &'i [u8])>,
    length: Option<u64>,
}

impl<'i> Expected<'i> {
    /// Reads a head (RFC 9112, sections 2 to 6). Returns `None` if it must be refused.
    fn read(head: &'i [u8]) -> Option<Self> {
        let mut lines =
            head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let mut words = lines.next()?.split(|byte| *byte == b' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        let is_method = !method.is_empty() && method.iter().all(is_token);
        let method_type = Method::from_bytes(method).ok().filter(|_| is_method && words.next().is_none())?;
        RequestTarget::parse(&method_type, target).ok()?;
        let is_http11 = match version.strip_prefix(b"HTTP/1.")? {
            b"0" => false,
            [b'1'..=b'9'] => true,
            _ => return None,
        };
        let fields: Option<Vec<_>> = lines.take_while(|line| !line.is_empty()).map(field).collect();
        let expected = Self { method, is_http11, fields: fields?, length: None };
        let is_valid =
            expected.fields.len() <= MAX_FIELDS && expected.has_valid_host() && expected.has_few_options();
        is_valid.then_some(expected)?.with_framing()
    }

    fn values(&self, name: &str) -> Vec<&'i [u8]> {
        self.fields.iter().filter(|(other, _)| other == name).map(|(_, value)| *value).collect()
    }

    fn has_valid_host(&self) -> bool {
        match *self.values("host") {
            [] => !self.is_http11,
            [host] => parse_host(host).is_some(),
            _ => false,
        }
    }

    fn has_few_options(&self) -> bool {
        let lines = self.values("connection");
        let options = lines.iter().flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        let known = ["close", "keep-alive", "upgrade"];
        let is_known = |option: &[u8]| known.iter().any(|name| option.eq_ignore_ascii_case(name.as_bytes()));
        options.filter(|option| !option.is_empty() && !is_known(option)).count() <= MAX_OPTIONS
    }

    fn with_framing(self) -> Option<Self> {
        let (lengths, codings) = (self.values("content-length"), self.values("transfer-encoding"));
        match (&*lengths, &*codings) {
            ([], []) => Some(self),
            ([], [coding]) => (coding.eq_ignore_ascii_case(b"chunked") && self.is_http11).then_some(self),
            (_, []) => {
                let joined = lengths.join(&b',');
                let parts: Option<Vec<u64>> = joined.split(|byte| *byte == b',').map(number).collect();
                let first = *parts.as_ref()?.first()?;
                parts?.iter().all(|length| *length == first).then_some(Self { length: Some(first), ..self })
            }
            _ => None,
        }
    }

    fn check(&self, head: &RequestHead<'_>) {
        let fields = head.fields.iter().map(|field| (field.name.to_ascii_lowercase(), field.value));
        assert_eq!(fields.collect::<Vec<_>>(), self.fields);
        assert_eq!(
            (head.method.as_str().as_bytes(), head.version == Version::Http11),
            (self.method, self.is_http11)
        );
        let is_chunked = !self.values("transfer-encoding").is_empty();
        match &head.framing {
            Framing::Length(length) => assert_eq!((*length, false), (self.length.unwrap_or(0), is_chunked)),
            Framing::Chunked(_) => assert!(is_chunked),
            Framing::UntilClose => panic!("a request without an end"),
        }
    }
}

fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

fn field(line: &[u8]) -> Option<(String, &[u8])> {
    let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
    let is_text = |byte: &u8| !byte.is_ascii_control() || *byte == b'\t';
    let is_valid = !name.is_empty() && name.iter().all(is_token) && value.iter().all(is_text);
    let name = String::from_utf8(name.to_ascii_lowercase()).ok().filter(|_| is_valid)?;
    Some((name, value[1..].trim_ascii()))
}

fn number(digits: &[u8]) -> Option<u64> {
    let digits = digits.trim_ascii();
    digits.iter().all(u8::is_ascii_digit).then(|| str::from_utf8(digits).ok()?.parse().ok())?
}
