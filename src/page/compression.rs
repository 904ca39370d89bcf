//! Compression of the page, once for all responses with it.

mod memory;

use std::io::{Read, Write};

use brotli::Allocator;
use brotli::enc::writer::CompressorWriterCustomAlloc;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use self::memory::Memory;

/// Of 11. With a lower one, the page would be as large as with gzip. Each higher one doubles the memory of the encoder, and saves
/// some bytes.
const BROTLI_QUALITY: u32 = 5;
/// As a power of two, in bytes: the size of a page with a logo. For a smaller one, the encoder takes tables of 32 MiB.
const BROTLI_WINDOW: u32 = 17;
/// In bytes.
const BROTLI_BUFFER: usize = 4096;

/// Compresses with gzip (RFC 1952); `None` if that does not make the text shorter.
pub(super) fn gzip(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).ok()?;
    shorter(encoder.finish().ok()?, text)
}

/// Returns what [`gzip`] has compressed.
pub(super) fn gunzip(compressed: &[u8]) -> Option<Bytes> {
    let mut text = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut text).ok()?;
    Some(text.into())
}

/// Compresses with Brotli (RFC 7932); `None` if that does not make the text shorter.
pub(super) fn brotli(text: &[u8]) -> Option<Bytes> {
    let buffer = Memory.alloc_cell(BROTLI_BUFFER);
    let mut encoder = CompressorWriterCustomAlloc::new(
        Vec::new(),
        buffer,
        memory::allocator(),
        BROTLI_QUALITY,
        BROTLI_WINDOW,
    );
    encoder.write_all(text).ok()?;
    shorter(encoder.into_inner(), text)
}

fn shorter(compressed: Vec<u8>, text: &[u8]) -> Option<Bytes> {
    // Without the capacity that the text did not need.
    (compressed.len() < text.len()).then(|| compressed.into_boxed_slice().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_text_is_the_text_again() {
        let text = (0..4000).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        let gzip = gzip(text.as_bytes()).unwrap();
        assert_eq!(gunzip(&gzip).unwrap(), text);
        let mut decompressed = String::new();
        let brotli = brotli(text.as_bytes()).unwrap();
        brotli::Decompressor::new(&brotli[..], 4096).read_to_string(&mut decompressed).unwrap();
        assert_eq!(decompressed, text);
        assert!(brotli.len() < text.len() / 2 && gzip.len() < text.len() / 2);
    }

    #[test]
    fn text_that_does_not_become_shorter_is_not_compressed() {
        assert_eq!(gzip(b"Closed."), None);
        assert_eq!(brotli(b"Closed."), None);
    }
}
