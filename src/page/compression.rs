//! Compression of the page, part by part: pages keep the parts that they have in common once.

mod memory;

use std::io::{self, Read, Write};
use std::sync::Arc;

use brotli::enc::{BrotliCompressCustomAlloc, BrotliEncoderParams};
use flate2::read::GzDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Of 11. With a lower one, the page would be as large as with gzip. Each higher one doubles the memory of the encoder, and saves
/// some bytes.
const BROTLI_QUALITY: i32 = 5;
/// As a power of two, in bytes: the size of a page with a logo. For a smaller one, the encoder takes tables of 32 MiB.
const BROTLI_WINDOW: i32 = 17;
/// In bytes.
const BROTLI_BUFFER: usize = 4096;
/// What begins a stream of Brotli with this window: its size (RFC 7932, section 9.1), then an empty block, which fills the byte.
const BROTLI_HEADER: [u8; 2] = [1, 3];
/// An empty last block, which ends it (section 9.2).
const BROTLI_END: [u8; 1] = [3];
/// What begins a stream of gzip (RFC 1952, section 2.3), with the slowest compression, and from an unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff];
/// An empty last block (RFC 1951, section 3.2.3).
const DEFLATE_END: [u8; 2] = [3, 0];
/// The checksum and the length.
const GZIP_TRAILER: usize = 8;

/// A text that is compressed so that it may follow any other one in a stream: each coding ends with a byte, and refers to nothing
/// before.
#[derive(Debug)]
pub(super) struct CompressedPart {
    deflate: Box<[u8]>,
    brotli: Box<[u8]>,
    checksum: Crc,
}

impl CompressedPart {
    /// Compresses a text.
    pub(super) fn new(text: &str) -> io::Result<Self> {
        let mut checksum = Crc::new();
        checksum.update(text.as_bytes());
        // Without the capacity that the text did not need.
        let [deflate, brotli] = [deflate(text)?, brotli_part(text)?].map(Vec::into_boxed_slice);
        Ok(Self { deflate, brotli, checksum })
    }

    /// Returns the bytes that it takes.
    pub(super) fn size(&self) -> usize {
        self.deflate.len() + self.brotli.len()
    }
}

fn deflate(text: &str) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    encoder.flush()?;
    Ok(std::mem::take(encoder.get_mut()))
}

fn brotli_part(text: &str) -> io::Result<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW,
        catable: true,
        bare_stream: true,
        ..BrotliEncoderParams::default()
    };
    let mut buffers = [[0; BROTLI_BUFFER]; 2];
    let [input, output] = &mut buffers;
    let mut part = Vec::new();
    BrotliCompressCustomAlloc(
        &mut text.as_bytes(),
        &mut part,
        input,
        output,
        &parameters,
        memory::allocator(),
    )?;
    Ok(part)
}

/// Returns the text of these parts, compressed with gzip (RFC 1952).
pub(super) fn gzip(parts: &[Arc<CompressedPart>]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.deflate.len()).sum();
    let mut stream = Vec::with_capacity(GZIP_HEADER.len() + length + DEFLATE_END.len() + GZIP_TRAILER);
    stream.extend(GZIP_HEADER);
    for part in parts {
        stream.extend_from_slice(&part.deflate);
    }
    stream.extend(DEFLATE_END);
    let checksum = checksum(parts);
    stream.extend(checksum.sum().to_le_bytes());
    stream.extend(checksum.amount().to_le_bytes());
    stream
}

fn checksum(parts: &[Arc<CompressedPart>]) -> Crc {
    let mut checksum = Crc::new();
    for part in parts {
        checksum.combine(&part.checksum);
    }
    checksum
}

/// Returns the text of these parts, compressed with Brotli (RFC 7932).
pub(super) fn brotli(parts: &[Arc<CompressedPart>]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.brotli.len()).sum();
    let mut stream = Vec::with_capacity(BROTLI_HEADER.len() + length + BROTLI_END.len());
    stream.extend(BROTLI_HEADER);
    for part in parts {
        stream.extend_from_slice(&part.brotli);
    }
    stream.extend(BROTLI_END);
    stream
}

/// Returns the text of these parts.
pub(super) fn text(parts: &[Arc<CompressedPart>]) -> Vec<u8> {
    let mut text = Vec::with_capacity(checksum(parts).amount() as usize);
    // What the encoder made is never broken.
    let _ = GzDecoder::new(&gzip(parts)[..]).read_to_end(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_any_order_are_one_text() {
        let numbers = (0..40_000).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        let texts = ["", "a", "ab", "<p>Wir sind bald zurück.</p>", "\n", &numbers, "z"];
        let parts = texts.map(|text| Arc::new(CompressedPart::new(text).unwrap()));
        for order in [&[][..], &[0], &[1], &[2, 1], &[0, 3, 0], &[5, 5, 3], &[6, 5, 4, 3, 2, 1, 0, 6]] {
            let expected: String = order.iter().map(|&index: &usize| texts[index]).collect();
            let parts: Vec<_> = order.iter().map(|&index| Arc::clone(&parts[index])).collect();
            assert_eq!(String::from_utf8(text(&parts)).unwrap(), expected, "{order:?}");
            let mut decompressed = String::new();
            brotli::Decompressor::new(&brotli(&parts)[..], 4096).read_to_string(&mut decompressed).unwrap();
            assert_eq!(decompressed, expected, "{order:?}");
        }
        assert!(parts[5].size() < numbers.len());
    }
}
