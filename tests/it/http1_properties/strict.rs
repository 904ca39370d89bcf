//! A reader of HTTP/1.1 that is independent of the gateway's and takes only what can be understood in one way
//! (RFC 9112, sections 2 to 7).

/// A field, its name in lower case.
pub(crate) type Field = (String, Vec<u8>);

/// A whole message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    /// The words of the first line: three of a request, at least two of a response.
    pub(crate) line: Vec<Vec<u8>>,
    pub(crate) fields: Vec<Field>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The values of all fields of a name, which is in lower case.
    pub(crate) fn values(&self, name: &str) -> Vec<&[u8]> {
        self.fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_slice()).collect()
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> u16 {
        std::str::from_utf8(&self.line[1]).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// Returns true if the connection is to close after the message.
    pub(crate) fn closes(&self) -> bool {
        let options = self.values("connection").join(&b',').to_ascii_lowercase();
        let has = |option: &[u8]| options.split(|byte| *byte == b',').any(|part| part.trim_ascii() == option);
        let is_http10 = self.line.iter().any(|word| word == b"HTTP/1.0");
        has(b"close") || is_http10 && !has(b"keep-alive")
    }
}

/// Reads requests up to one that is not whole, or not clear, or after which the connection closes.
pub(crate) fn requests(bytes: &[u8]) -> Vec<Message> {
    let (mut rest, mut requests) = (bytes, Vec::new());
    while let Some(request) = request(&mut rest) {
        let closes = request.closes();
        requests.push(request);
        if closes {
            break;
        }
    }
    requests
}

/// Takes a request. Returns `None` if it is not whole or not clear.
pub(crate) fn request(rest: &mut &[u8]) -> Option<Message> {
    let mut message = head(rest, |_| false)?;
    let [method, _, version] = message.line.as_slice() else { return None };
    let is_http11 = matches!(version.as_slice(), [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9']);
    let is_valid =
        !method.is_empty() && method.iter().copied().all(is_token) && (is_http11 || version == b"HTTP/1.0");
    let (lengths, codings) = (message.values("content-length"), message.values("transfer-encoding"));
    message.body = match (lengths.as_slice(), codings.as_slice()) {
        _ if !is_valid => return None,
        ([], []) => Vec::new(),
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") && is_http11 => chunks(rest)?,
        (lengths, []) => take(rest, length(lengths)?)?,
        _ => return None,
    };
    Some(message)
}

/// Takes a response to this method, after any interim ones. Bytes until the end are a body only if the connection has
/// `ended`. Returns `None` if it is not whole or not clear.
pub(crate) fn response(rest: &mut &[u8], method: &[u8], ended: bool) -> Option<Message> {
    let mut message = head(rest, has_foreign_name)?;
    let is_http11 = message.line[0] == b"HTTP/1.1";
    let is_status = message.line.get(1)?.len() == 3 && message.status() >= 100;
    if !is_status || message.status() == 101 || !is_http11 && message.line[0] != b"HTTP/1.0" {
        return None;
    }
    let (lengths, codings) = (message.values("content-length"), message.values("transfer-encoding"));
    message.body = match (message.status(), lengths.as_slice(), codings.as_slice()) {
        (100..=199, ..) => return response(rest, method, ended),
        (204 | 304, ..) => Vec::new(),
        _ if method == b"HEAD" => Vec::new(),
        (.., [coding]) => (coding.eq_ignore_ascii_case(b"chunked") && is_http11).then(|| chunks(rest))??,
        (_, [], []) => ended.then(|| std::mem::take(rest).to_vec())?,
        (_, lengths, []) => take(rest, length(lengths)?)?,
        _ => return None,
    };
    Some(message)
}

/// Reads a head, and skips empty lines before it and the fields that are to be left out.
fn head(rest: &mut &[u8], is_left_out: impl Fn(&[u8]) -> bool) -> Option<Message> {
    let mut first = line(rest)?;
    while first.is_empty() {
        first = line(rest)?;
    }
    let words = first.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
    let mut message = Message { line: words, fields: Vec::new(), body: Vec::new() };
    loop {
        match line(rest)? {
            [] => return Some(message),
            line if is_left_out(line) => {}
            line => message.fields.push(field(line)?),
        }
    }
}

/// Takes a line of a head. Its end may be a LF alone.
fn line<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let at = rest.iter().position(|byte| *byte == b'\n')?;
    let (line, behind) = rest.split_at(at);
    *rest = &behind[1..];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn field(line: &[u8]) -> Option<Field> {
    let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
    let is_valid =
        !name.is_empty() && name.iter().copied().all(is_token) && value.iter().copied().all(is_text);
    let name = String::from_utf8(name.to_ascii_lowercase()).ok().filter(|_| is_valid)?;
    Some((name, value[1..].trim_ascii().to_vec()))
}

/// Returns true for a field that would be valid if all bytes of its name were ASCII.
fn has_foreign_name(line: &[u8]) -> bool {
    let Some(at) = line.iter().position(|byte| *byte == b':') else { return false };
    let (name, value) = line.split_at(at);
    let is_foreign = !name.is_ascii() && name.iter().all(|byte| is_token(*byte) || !byte.is_ascii());
    is_foreign && value.iter().copied().all(is_text)
}

fn is_text(byte: u8) -> bool {
    !byte.is_ascii_control() || byte == b'\t'
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The length that these lines give, if it is one.
fn length(lines: &[&[u8]]) -> Option<usize> {
    let joined = lines.join(&b',');
    let number = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits.trim_ascii()).ok()?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let numbers: Option<Vec<usize>> = joined.split(|byte| *byte == b',').map(number).collect();
    let numbers = numbers?;
    numbers.iter().all(|number| *number == numbers[0]).then_some(numbers[0])
}

fn take(rest: &mut &[u8], length: usize) -> Option<Vec<u8>> {
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken.to_vec())
}

/// Reads chunks and the trailer section. The lines end with CR LF only.
fn chunks(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = strict_line(rest)?;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, behind) = line.split_at(digits);
        let spaces = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let is_valid = spaces == behind.len() || behind[spaces] == b';' && !behind.contains(&0);
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok().filter(|_| is_valid)?;
        if size == 0 {
            break;
        }
        body.extend(take(rest, size)?);
        *rest = rest.strip_prefix(b"\r\n")?;
    }
    loop {
        match strict_line(rest)? {
            [] => return Some(body),
            line => drop(field(line)?),
        }
    }
}

fn strict_line<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let at = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let (line, behind) = rest.split_at(at);
    *rest = behind.strip_prefix(b"\r\n")?;
    Some(line)
}
