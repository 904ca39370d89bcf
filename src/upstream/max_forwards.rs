//! Max-Forwards, which limits how often OPTIONS and TRACE are forwarded (RFC 9110, section 7.6.2).

use http::Method;

use crate::http1::content_length::decimal;
use crate::http1::refusal::Refusal;
use crate::http1::request::RequestHead;

const REPEATED: Refusal = Refusal::bad_request("the request has more than one Max-Forwards field");

/// Returns how often the request may still be forwarded; `None` if it sets no such limit, or has a method that has none.
///
/// # Errors
/// It has several limits. Each server on its way could choose another one.
pub fn max_forwards(head: &RequestHead<'_>) -> Result<Option<u64>, Refusal> {
    if !matches!(head.method, Method::OPTIONS | Method::TRACE) {
        return Ok(None);
    }
    let mut values = head.values("max-forwards");
    let first = values.next();
    if values.next().is_some() {
        return Err(REPEATED);
    }
    Ok(first.and_then(decimal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_limits_options_and_trace() {
        for (method, fields, expected) in [
            ("OPTIONS", "Max-Forwards: 0\r\n", Ok(Some(0))),
            ("TRACE", "max-forwards: 70\r\n", Ok(Some(70))),
            ("OPTIONS", "", Ok(None)),
            ("OPTIONS", "Max-Forwards: +1\r\n", Ok(None)),
            ("OPTIONS", "Max-Forwards: 2, 0\r\n", Ok(None)),
            ("OPTIONS", "Max-Forwards: 99999999999999999999\r\n", Ok(None)),
            ("OPTIONS", "Max-Forwards: 2\r\nMax-Forwards: 0\r\n", Err(REPEATED)),
            ("TRACE", "Max-Forwards: 2\r\nMax-Forwards: 2\r\n", Err(REPEATED)),
            ("TRACE", "Max-Forwards: x\r\nmax-forwards: 2\r\n", Err(REPEATED)),
            ("GET", "Max-Forwards: 0\r\n", Ok(None)),
            ("POST", "Max-Forwards: 2\r\nMax-Forwards: 0\r\n", Ok(None)),
        ] {
            let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            let head = RequestHead::parse(head.as_bytes()).unwrap();
            assert_eq!(max_forwards(&head), expected, "{method} {fields:?}");
        }
    }
}
