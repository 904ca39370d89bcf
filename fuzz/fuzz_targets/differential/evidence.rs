//! What the bytes of a message show, without a parser.

use std::net::Ipv6Addr;

use crate::comparison::Case;

impl<'c> Case<'c> {
    /// The lines of the head without line ends. Empty lines before it are left out.
    pub fn lines(&self) -> impl Iterator<Item = &'c [u8]> {
        let lines = self.bytes.split(|byte| *byte == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        lines.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty())
    }

    /// The first line of the head.
    pub fn first_line(&self) -> &'c [u8] {
        self.lines().next().unwrap_or_default()
    }

    /// The target of a request.
    pub fn target(&self) -> &'c [u8] {
        let line = self.first_line();
        let first = line.iter().position(|byte| *byte == b' ').map_or(0, |at| at + 1);
        let last = line.iter().rposition(|byte| *byte == b' ').unwrap_or(line.len());
        line.get(first..last).unwrap_or_default()
    }

    /// The authority of a target in absolute or authority form.
    pub fn authority(&self) -> &'c [u8] {
        let target = self.target();
        if self.first_line().starts_with(b"CONNECT ") {
            return target;
        }
        let scheme = target.windows(3).position(|window| window == b"://");
        let rest = scheme.and_then(|at| target.get(at + 3..)).unwrap_or(target);
        rest.split(|byte| b"/?".contains(byte)).next().unwrap_or_default()
    }

    /// The values of the fields of this name, which is in lower case.
    pub fn values(&self, name: &str) -> Vec<&'c [u8]> {
        let split = |line: &'c [u8]| {
            let (found, value) = line.split_at_checked(name.len())?;
            let is_field = found.eq_ignore_ascii_case(name.as_bytes());
            is_field.then(|| value.strip_prefix(b":").map(<[u8]>::trim_ascii))?
        };
        self.lines().skip(1).filter_map(split).collect()
    }

    /// Returns true if all Content-Length fields together give one length.
    pub fn has_one_length(&self) -> bool {
        let lines = self.values("content-length");
        let lengths = lines.iter().flat_map(|line| line.split(|byte| *byte == b',')).map(|digits| {
            let digits = str::from_utf8(digits).ok()?.trim();
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
        });
        let lengths: Vec<_> = lengths.collect();
        lengths.iter().all(|length| length.is_some() && Some(length) == lengths.first())
    }

    /// The bytes after the head.
    pub fn body(&self) -> &'c [u8] {
        let ends = [&b"\n\r\n"[..], b"\n\n"].into_iter().filter_map(|end| {
            let at = self.bytes.windows(end.len()).position(|window| window == end)?;
            Some(at + end.len())
        });
        ends.min().and_then(|at| self.bytes.get(at..)).unwrap_or_default()
    }

    /// Returns true if a line of the head begins with white space.
    pub fn is_folded(&self) -> bool {
        self.lines().any(|line| matches!(line.first(), Some(b' ' | b'\t')))
    }

    /// Returns true if a control byte is in a line of the head. A tab counts as a space.
    pub fn has_control(&self) -> bool {
        self.lines().flatten().any(|byte| byte.is_ascii_control() && *byte != b'\t')
    }

    /// Returns true if the body has a CR or a LF without the other, a line that begins with white space, or a control byte.
    pub fn has_malformed_lines(&self) -> bool {
        let lines = self.body().split_inclusive(|byte| *byte == b'\n');
        lines.into_iter().any(|line| {
            let text = line.strip_suffix(b"\r\n").unwrap_or(line);
            let has_control = text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
            has_control || matches!(text, [b' ' | b'\t', ..])
        })
    }
}

/// Returns true for the hosts that every parser should accept.
pub fn is_plain_host(host: &[u8]) -> bool {
    let address = str::from_utf8(host).ok().and_then(|text| text.strip_prefix('[')?.strip_suffix(']'));
    if let Some(address) = address {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let end = host.iter().position(|byte| *byte == b':');
    let (name, port) = host.split_at(end.unwrap_or(host.len()));
    let is_name = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(byte));
    let is_port = port.len() <= 5 && port.iter().skip(1).all(u8::is_ascii_digit);
    is_name && is_port && name.iter().any(u8::is_ascii_alphanumeric)
}
