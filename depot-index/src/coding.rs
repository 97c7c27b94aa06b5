//! Content codings: pages may come compressed.

use std::io::Read;

use bytes::Bytes;
use reqwest::{Response, header::CONTENT_ENCODING};

/// What is said to be understood, in the words of `Accept-Encoding`.
pub(crate) const ACCEPTED: &str = "gzip, zstd";

/// How a body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all, or in a way that nobody asked for: then it cannot be read as a page.
    Identity,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// Why a body cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Undecoded {
    /// It has more bytes than are taken.
    TooLarge,
    /// It ends too early, or is not in the coding that it is said to be in.
    Broken,
}

impl Coding {
    /// How the body of an answer is coded.
    pub(crate) fn of(response: &Response) -> Self {
        let header = response.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        Self::named(header.unwrap_or_default().trim())
    }

    fn named(name: &str) -> Self {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("gzip") || is("x-gzip") {
            Self::Gzip
        } else if is("zstd") {
            Self::Zstd
        } else {
            Self::Identity
        }
    }

    /// The bytes that were coded, if they are no more than `limit`.
    pub(crate) fn decode(self, body: Bytes, limit: u64) -> Result<Bytes, Undecoded> {
        match self {
            Self::Identity => Ok(body),
            Self::Gzip => read(flate2::bufread::MultiGzDecoder::new(&body[..]), limit),
            Self::Zstd => match zstd::Decoder::with_buffer(&body[..]) {
                Ok(decoder) => read(decoder, limit),
                Err(_) => Err(Undecoded::Broken),
            },
        }
    }
}

fn read(decoder: impl Read, limit: u64) -> Result<Bytes, Undecoded> {
    let mut bytes = Vec::new();
    // One more tells whether there is more.
    match decoder.take(limit.saturating_add(1)).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > limit => Err(Undecoded::TooLarge),
        Ok(_) => Ok(bytes.into()),
        Err(_) => Err(Undecoded::Broken),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 3).unwrap()
    }

    #[test]
    fn what_was_coded_comes_back_in_one_piece_or_in_several() {
        let page = b"a page of some words, a page of some words".repeat(9);
        let several = |coded: fn(&[u8]) -> Vec<u8>| [coded(&page[..10]), coded(&page[10..])].concat();
        for (name, coded) in [
            ("gzip", gzip(&page)),
            ("X-GZIP", several(gzip)),
            ("zstd", zstd(&page)),
            ("zstd", several(zstd)),
            ("", page.clone()),
            ("br", page.clone()),
        ] {
            let decoded = Coding::named(name).decode(coded.into(), page.len() as u64).unwrap();
            assert_eq!(decoded, page, "{name}");
        }
    }

    #[test]
    fn what_is_too_large_is_told_from_what_is_broken() {
        let zeros = vec![0; 1 << 20];
        for (coding, coded) in [(Coding::Gzip, gzip(&zeros)), (Coding::Zstd, zstd(&zeros))] {
            let refused =
                |coded: &[u8], limit| coding.decode(Bytes::copy_from_slice(coded), limit).unwrap_err();
            assert_eq!(refused(&coded, (1 << 20) - 1), Undecoded::TooLarge);
            assert_eq!(refused(&coded[..coded.len() - 5], 1 << 20), Undecoded::Broken);
            assert_eq!(refused(b"<html>", 1 << 20), Undecoded::Broken);
            assert_eq!(coding.decode(coded.into(), 1 << 20).unwrap(), zeros);
        }
    }
}
