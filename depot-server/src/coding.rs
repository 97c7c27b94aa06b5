//! Content codings: which one a client gets, and the bytes in it.

pub(crate) mod stretches;

use std::io::{self, Write as _};

use flate2::{Compression, write::GzEncoder};

/// How hard gzip tries: the default, where a page of 24 KB takes a third of a millisecond. Pages are compressed once
/// and sent many times.
const GZIP_LEVEL: u32 = 6;

/// How hard zstd tries: at 3 a page is smaller than gzip makes it, in a third of the time.
const ZSTD_LEVEL: i32 = 3;

/// A content coding that pages are sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

impl Coding {
    /// The name in `Content-Encoding`; none for bytes as they are.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// The coding to answer with, for the values of `Accept-Encoding`: the one of the best quality, of equals the one
    /// that is shortest on the way. Who asks for nothing, or for nothing that is here, gets the bytes as they are.
    pub(crate) fn negotiate<'a>(accepted: impl Iterator<Item = &'a str>) -> Self {
        Self::choose(accepted, true)
    }

    /// The same where there is no zstd.
    pub(crate) fn negotiate_gzip<'a>(accepted: impl Iterator<Item = &'a str>) -> Self {
        Self::choose(accepted, false)
    }

    fn choose<'a>(accepted: impl Iterator<Item = &'a str>, has_zstd: bool) -> Self {
        let (mut gzip, mut zstd, mut identity, mut any) = (None, None, None, None);
        for entry in accepted.flat_map(|line| line.split(',')) {
            let (name, quality) = read_entry(entry);
            let slot = if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                &mut gzip
            } else if name.eq_ignore_ascii_case("zstd") {
                &mut zstd
            } else if name.eq_ignore_ascii_case("identity") {
                &mut identity
            } else if name == "*" {
                &mut any
            } else {
                continue;
            };
            *slot = Some(quality);
        }
        // What is not named is not wanted, but for the bytes as they are, which are always the last resort.
        let compressed = |slot: Option<f32>| slot.or(any).unwrap_or(0.0);
        let (gzip, zstd) = (compressed(gzip), if has_zstd { compressed(zstd) } else { 0.0 });
        let identity = identity.unwrap_or(0.0);
        if zstd > 0.0 && zstd >= gzip && zstd >= identity {
            Self::Zstd
        } else if gzip > 0.0 && gzip >= identity {
            Self::Gzip
        } else {
            Self::Identity
        }
    }

    /// The bytes in this coding.
    pub(crate) fn encode(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(bytes.to_vec()),
            Self::Gzip => {
                let mut encoder =
                    GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(GZIP_LEVEL));
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Self::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL),
        }
    }
}

/// A coding's name and its quality; one that cannot be read counts as not wanted.
fn read_entry(entry: &str) -> (&str, f32) {
    let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
    let quality = parameters.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().unwrap_or(0.0))
    });
    (name.trim(), quality.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn clients_get_the_shortest_coding_of_those_they_like_best() {
        for (accepted, coding) in [
            ("gzip, deflate", Coding::Gzip),
            ("gzip, deflate, zstd", Coding::Zstd),
            ("gzip, deflate, br, zstd", Coding::Zstd),
            ("gzip;q=1.0, zstd;q=0.5", Coding::Gzip),
            ("GZIP", Coding::Gzip),
            ("x-gzip", Coding::Gzip),
            ("identity", Coding::Identity),
            ("identity;q=1, gzip;q=0.5", Coding::Identity),
            ("gzip;q=0", Coding::Identity),
            ("gzip;q=0, *", Coding::Zstd),
            ("*;q=0", Coding::Identity),
            ("*", Coding::Zstd),
            ("identity;q=0, gzip;q=0.1", Coding::Gzip),
            ("identity;q=0", Coding::Identity),
            ("br", Coding::Identity),
            ("gzip; Q=x", Coding::Identity),
            ("", Coding::Identity),
        ] {
            assert_eq!(Coding::negotiate([accepted].into_iter()), coding, "{accepted}");
        }
        assert_eq!(Coding::negotiate(["deflate", "gzip"].into_iter()), Coding::Gzip);
        assert_eq!(Coding::negotiate([].into_iter()), Coding::Identity);
        for (accepted, coding) in
            [("zstd", Coding::Identity), ("zstd, gzip;q=0", Coding::Identity), ("gzip, zstd", Coding::Gzip)]
        {
            assert_eq!(Coding::negotiate_gzip([accepted].into_iter()), coding, "{accepted}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same() {
        let text = "<a href=\"six/\">six</a><br>\n".repeat(1000);
        let gzip = Coding::Gzip.encode(text.as_bytes()).unwrap();
        let mut read = String::new();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
        let zstd = Coding::Zstd.encode(text.as_bytes()).unwrap();
        assert_eq!(zstd::bulk::decompress(&zstd, text.len()).unwrap(), text.as_bytes());
        assert_eq!(Coding::Identity.encode(text.as_bytes()).unwrap(), text.as_bytes());
    }
}
