//! A gzip stream made of stretches that are compressed apart, so that a change costs one stretch and not the whole.
//!
//! Each stretch is raw deflate that ends in a full flush: it refers to nothing before it and ends on a byte. One header
//! before them, and an empty last block, the checksum and the length after them, make a stream of a single member, which
//! every reader takes (several members are read by some only).

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

use super::GZIP_LEVEL;

/// What a full flush takes more than the data, at most.
const FLUSH: usize = 16;

/// The header of a stream: deflate, no name, no time, no system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A stretch of a page, as it is and compressed.
#[derive(Debug)]
pub(crate) struct Stretch {
    /// The bytes as they are.
    pub(crate) plain: Bytes,
    deflated: Bytes,
    crc: Crc,
}

impl Stretch {
    /// Compresses a stretch.
    pub(crate) fn new(plain: Vec<u8>) -> Self {
        let mut crc = Crc::new();
        crc.update(&plain);
        Self { deflated: deflate(&plain).into(), plain: plain.into(), crc }
    }
}

/// The stretches as one gzip stream, in pieces that share the stretches' memory.
pub(crate) fn gzip<'a>(stretches: impl IntoIterator<Item = &'a Stretch>) -> Vec<Bytes> {
    let mut pieces = vec![Bytes::from_static(&HEAD)];
    let mut crc = Crc::new();
    for stretch in stretches {
        crc.combine(&stretch.crc);
        pieces.push(stretch.deflated.clone());
    }
    // An empty last block, then checksum and length, the latter modulo 2^32.
    let mut tail = vec![3, 0];
    tail.extend(crc.sum().to_le_bytes());
    tail.extend(crc.amount().to_le_bytes());
    pieces.push(tail.into());
    pieces
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(GZIP_LEVEL), false);
    let mut deflated = Vec::with_capacity(plain.len() / 3 + FLUSH);
    loop {
        let read = compress.total_in() as usize;
        let space = deflated.capacity() - deflated.len();
        // It fails only for a dictionary or after its end, and there is neither.
        let _ = compress.compress_vec(&plain[read..], &mut deflated, FlushCompress::Full);
        // A flush is over when it leaves space unused.
        if compress.total_in() as usize == plain.len() && deflated.len() < deflated.capacity() {
            return deflated;
        }
        deflated.reserve(space.max(1024));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn read(pieces: &[Bytes]) -> Vec<u8> {
        let mut read = Vec::new();
        // One that knows a single member only.
        flate2::read::GzDecoder::new(&pieces.concat()[..]).read_to_end(&mut read).unwrap();
        read
    }

    #[test]
    fn stretches_make_one_stream() {
        let texts = [
            "head".to_owned(),
            String::new(),
            "<a>six</a>".repeat(3000),
            (0..2000).map(|number| char::from(b'a' + (number * 7919 % 26) as u8)).collect(),
            "tail".to_owned(),
        ];
        let stretches: Vec<Stretch> =
            texts.iter().map(|text| Stretch::new(text.clone().into_bytes())).collect();
        for count in 0..=stretches.len() {
            assert_eq!(read(&gzip(&stretches[..count])), texts[..count].concat().as_bytes());
        }
        // In another order too: none leans on another.
        let expected: String = texts.iter().rev().map(String::as_str).collect();
        assert_eq!(read(&gzip(stretches.iter().rev())), expected.as_bytes());
    }

    #[test]
    fn bytes_that_cannot_be_compressed_fit_too() {
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(100_000)
        .collect();
        assert_eq!(read(&gzip([&Stretch::new(noise.clone())])), noise);
    }
}
