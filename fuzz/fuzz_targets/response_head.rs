//! Reads bytes as the head of a response, to HEAD and to another method. The result does not depend on how the head is
//! split or on what follows it, and is the same when the head is written again.

#![no_main]

use downtime::http1::content_length::ContentLength;
use downtime::http1::encode::write_status_line;
use downtime::http1::fields::write_field;
use downtime::http1::framing::Framing;
use downtime::http1::response::{ResponseHead, has_no_body};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    check(input, false);
    check(input, true);
});

fn check(bytes: &[u8], to_head: bool) {
    check_prefixes(bytes, to_head);
    let Ok(Some((length, head))) = ResponseHead::parse(bytes, to_head) else { return };
    assert!(bytes[..length].ends_with(b"\n"));
    check_framing(&head, to_head);
    check_written(&head, to_head);
}

/// Asserts that a head is incomplete up to where it is complete, or malformed from some byte on.
fn check_prefixes(bytes: &[u8], to_head: bool) {
    let mut before = Ok(None);
    for end in 0..=bytes.len() {
        let parsed = ResponseHead::parse(&bytes[..end], to_head);
        let parsed = parsed.map(|found| {
            found.map(|(length, head)| {
                (length, format!("{} {} {}", meaning(&head), head.is_http11, head.keeps_alive))
            })
        });
        if let Ok(Some((length, _))) = &parsed {
            assert!(before == parsed || before == Ok(None) && *length == end, "at {end}");
        }
        assert!(before == Ok(None) || before == parsed, "at {end}: {before:?} {parsed:?}");
        before = parsed;
    }
}

fn content_length(lines: &[&[u8]]) -> ContentLength {
    let mut length = ContentLength::default();
    lines.iter().for_each(|line| length.add(line));
    length
}

/// Asserts that the framing is that of RFC 9112, section 6.3.
fn check_framing(head: &ResponseHead<'_>, to_head: bool) {
    let codings: Vec<_> = head.values("transfer-encoding").collect();
    let lengths: Vec<_> = head.values("content-length").collect();
    match &head.framing {
        Framing::Length(0) if to_head || has_no_body(head.status) => {}
        Framing::Chunked(_) => {
            assert!(codings[0].eq_ignore_ascii_case(b"chunked") && codings.len() == 1 && head.is_http11)
        }
        Framing::Length(found) => {
            assert!(
                codings.is_empty()
                    && content_length(&lengths) == ContentLength::Length(*found)
                    && head.length == Some(*found)
            );
        }
        Framing::UntilClose => assert!(codings.is_empty() && lengths.is_empty() && !head.keeps_alive),
    }
    let is_ambiguous = !codings.is_empty() && !lengths.is_empty();
    assert!(!is_ambiguous || head.length.is_none() && !head.keeps_alive);
    assert!(head.is_http11 || !head.keeps_alive);
    let has_content = !codings.is_empty()
        || !matches!(content_length(&lengths), ContentLength::Absent | ContentLength::Length(0));
    assert!(head.status != 204 || !has_content || !head.keeps_alive);
}

/// Asserts that the head has the same meaning when it is written again.
fn check_written(head: &ResponseHead<'_>, to_head: bool) {
    let mut written = Vec::new();
    write_status_line(&mut written, head.status, head.reason);
    for field in &head.fields {
        write_field(&mut written, field.name, &[field.value]);
    }
    written.extend_from_slice(b"\r\n");
    let again = ResponseHead::parse(&written, to_head).expect("the same head").expect("a whole head");
    assert_eq!(again.0, written.len());
    assert_eq!(meaning(head), meaning(&again.1));
    assert!(!head.is_http11 || head.keeps_alive == again.1.keeps_alive);
}

fn meaning(head: &ResponseHead<'_>) -> String {
    // Its bytes go on behind the head.
    let ResponseHead { status, reason, options, length, framing, idle_timeout, is_dated, .. } = head;
    let fields: Vec<_> =
        head.fields.iter().map(|field| (field.name.to_ascii_lowercase(), field.value)).collect();
    format!("{status} {reason:?} {options:?} {length:?} {framing:?} {idle_timeout:?} {is_dated} {fields:?}")
}
