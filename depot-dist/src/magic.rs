//! What the first bytes of a file tell, before any of it is kept.

use depot_proto::{DistributionFilename, SdistFormat};

const ZIP: &[u8] = b"PK";
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Whether a file that starts with `first_bytes` (two are enough) can be what its name says.
///
/// It tells an error page from an archive where no hash is known; it does not say that the archive is sound. Kinds
/// without a magic number of their own are always believed.
pub fn looks_like(filename: &DistributionFilename, first_bytes: &[u8]) -> bool {
    match filename {
        DistributionFilename::Wheel(_) => first_bytes.starts_with(ZIP),
        DistributionFilename::Sdist(sdist) => match sdist.format {
            SdistFormat::Zip => first_bytes.starts_with(ZIP),
            SdistFormat::TarGz => first_bytes.starts_with(GZIP),
            SdistFormat::Tar | SdistFormat::OtherTar => true,
        },
        DistributionFilename::Legacy(_) => {
            let is_egg = filename.as_str().to_ascii_lowercase().ends_with(".egg");
            !is_egg || first_bytes.starts_with(ZIP)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_does_not_look_like_an_archive() {
        for (filename, good) in [
            ("foo-1.0-py3-none-any.whl", &b"PK\x03\x04"[..]),
            ("foo-1.0.zip", b"PK"),
            ("foo-1.0-py2.7.egg", b"PK"),
            ("foo-1.0.tar.gz", b"\x1f\x8b\x08"),
            ("foo-1.0.tgz", b"\x1f\x8b"),
        ] {
            let filename = DistributionFilename::guess(filename).unwrap();
            assert!(looks_like(&filename, good), "{filename}");
            assert!(!looks_like(&filename, b"<!DOCTYPE html>"), "{filename}");
            assert!(!looks_like(&filename, b""), "{filename}");
        }
        for filename in ["foo-1.0.tar.bz2", "foo-1.0.tar", "foo-1.0.win32.exe"] {
            assert!(looks_like(&DistributionFilename::guess(filename).unwrap(), b"MZ"), "{filename}");
        }
    }
}
