//! Reads a stream of messages with the gateway's parser, hyper's and h11's. Where the gateway's result is another, the
//! difference must be a known one, which was judged.
//!
//! Needs python3 with h11 (Debian: python3-h11).

#![no_main]

mod by_h11;
mod by_hyper;
mod comparison;
mod differences;
mod evidence;
mod gateway;
mod message;

use libfuzzer_sys::fuzz_target;

use self::comparison::{Parser, check};
use self::message::Stream;

fuzz_target!(|input: &[u8]| {
    let Some(stream) = Stream::from_input(input) else { return };
    let ours = gateway::read(&stream);
    for at in 0..=stream.bytes.len() {
        assert_eq!(gateway::read(&stream.cut_at(at)), ours, "cut at {at}");
    }
    assert_eq!(gateway::read(&stream.byte_by_byte()), ours, "byte by byte");
    check(&stream, &ours, Parser::Hyper, &by_hyper::read(&stream));
    check(&stream, &ours, Parser::H11, &by_h11::read(&stream));
});
