//! The digests that an uploader says its file has.

use std::io::{self, Read};

use blake2::{Blake2b, digest::consts::U32};
use depot_proto::{Sha256Digest, hex};
use md5::{Digest, Md5};

/// Digests in lower-case hexadecimal digits, those that were said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Digests {
    pub(super) md5: Option<String>,
    pub(super) sha256: Option<String>,
    /// `BLAKE2b` of 32 bytes.
    pub(super) blake2: Option<String>,
}

impl Digests {
    /// The first that is another, by its field; the file has this SHA-256 already, the others are reckoned from its bytes.
    pub(super) fn mismatch(
        &self,
        sha256: Sha256Digest,
        bytes: impl Read,
    ) -> io::Result<Option<&'static str>> {
        if self.sha256.as_ref().is_some_and(|said| *said != sha256.to_string()) {
            return Ok(Some("sha256_digest"));
        }
        if self.md5.is_none() && self.blake2.is_none() {
            return Ok(None);
        }
        let (md5, blake2) = self.reckon(bytes)?;
        let differs = |said: &Option<String>, actual: &str| said.as_ref().is_some_and(|said| said != actual);
        Ok(if differs(&self.md5, &md5) {
            Some("md5_digest")
        } else {
            differs(&self.blake2, &blake2).then_some("blake2_256_digest")
        })
    }

    /// MD5 and `BLAKE2b`, each empty where nobody asks for it.
    fn reckon(&self, mut bytes: impl Read) -> io::Result<(String, String)> {
        let (mut md5, mut blake2) = (Md5::new(), Blake2b::<U32>::new());
        let mut part = vec![0; 64 * 1024];
        loop {
            let length = match bytes.read(&mut part) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if self.md5.is_some() {
                md5.update(&part[..length]);
            }
            if self.blake2.is_some() {
                blake2.update(&part[..length]);
            }
        }
        Ok((hex(&md5.finalize()), hex(&blake2.finalize())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_digest_that_is_said_is_checked() {
        let sha256 = Sha256Digest::of(b"abc");
        let right = Digests {
            md5: Some("900150983cd24fb0d6963f7d28e17f72".to_owned()),
            sha256: Some(sha256.to_string()),
            blake2: Some("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319".to_owned()),
        };
        let mismatch = |digests: &Digests| digests.mismatch(sha256, b"abc".as_slice()).unwrap();
        assert_eq!(mismatch(&Digests::default()), None);
        assert_eq!(mismatch(&right), None);
        let wrong = |digest: &Option<String>| digest.as_ref().map(|digest| digest.replace('9', "8"));
        for (digests, field) in [
            (Digests { md5: wrong(&right.md5), ..right.clone() }, "md5_digest"),
            (Digests { sha256: wrong(&right.blake2), ..right.clone() }, "sha256_digest"),
            (Digests { blake2: wrong(&right.blake2), ..right.clone() }, "blake2_256_digest"),
        ] {
            assert_eq!(mismatch(&digests), Some(field));
        }
    }
}
