//! Compression of the page, once for all responses with it.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Of 11. From 7 on, the encoder clears tables of many megabytes, which takes longer than the rest of the page.
const BROTLI_QUALITY: u32 = 6;
/// As a power of two, in bytes: the size of a page with a logo.
const BROTLI_WINDOW: u32 = 17;

/// Compresses with gzip (RFC 1952); `None` if that does not make the text shorter.
pub(super) fn gzip(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).ok()?;
    shorter(encoder.finish().ok()?, text)
}

/// Compresses with Brotli (RFC 7932); `None` if that does not make the text shorter.
pub(super) fn brotli(text: &[u8]) -> Option<Bytes> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, BROTLI_QUALITY, BROTLI_WINDOW);
    encoder.write_all(text).ok()?;
    shorter(encoder.into_inner(), text)
}

fn shorter(compressed: Vec<u8>, text: &[u8]) -> Option<Bytes> {
    (compressed.len() < text.len()).then(|| compressed.into())
}
