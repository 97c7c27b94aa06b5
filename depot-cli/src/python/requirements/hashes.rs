//! The digests that a requirement is pinned to: a file must have one of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::{self, Read},
};

use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The algorithms that pip takes in a list: the others are broken or not everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

/// Some digests, any of which will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hashes(BTreeSet<(Algorithm, String)>);

/// What an index's list of digests says of a file that is pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// It is one of those meant: the digest that every download is compared with is among the pins.
    Meant,
    /// It is none of them.
    Other,
    /// It cannot be told before its bytes are there.
    Unknown,
}

impl Hashes {
    /// Takes the value of a `--hash` option, such as `sha256:...`.
    pub(crate) fn add(&mut self, value: &str) -> Result<(), String> {
        let Some((name, digest)) = value.split_once(':') else {
            return Err("`--hash` wants the algorithm and the digest, as in `--hash=sha256:...`".to_owned());
        };
        let Some(algorithm) = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name) else {
            return Err(format!("`--hash` knows sha256, sha384 and sha512, and not `{name}`"));
        };
        let digest = digest.to_ascii_lowercase();
        if digest.len() != algorithm.hex_length() || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!(
                "`{digest}` is not a {name} digest, which has {} digits",
                algorithm.hex_length()
            ));
        }
        self.0.insert((algorithm, digest));
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Judges a file by the digests that an index lists for it.
    pub(crate) fn judge(&self, listed: &BTreeMap<String, String>) -> Listed {
        let mut judged = Listed::Other;
        for algorithm in Algorithm::ALL {
            if !self.0.iter().any(|(known, _)| *known == algorithm) {
                continue;
            }
            let digest = listed.get(algorithm.name()).map(|digest| digest.to_ascii_lowercase());
            let is_pinned = |digest| self.0.contains(&(algorithm, digest));
            match digest.map(is_pinned) {
                Some(true) if algorithm == Algorithm::Sha256 => return Listed::Meant,
                // Only sha256 is compared while a file comes, so what is said in others is looked at afterwards.
                Some(true) | None => judged = Listed::Unknown,
                Some(false) => {}
            }
        }
        judged
    }

    /// Whether these bytes have one of the digests.
    pub(crate) fn allow(&self, mut bytes: impl Read) -> io::Result<bool> {
        let (mut sha256, mut sha384, mut sha512) = (Sha256::new(), Sha384::new(), Sha512::new());
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = bytes.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            for (algorithm, hasher) in [
                (Algorithm::Sha256, &mut sha256 as &mut dyn sha2::digest::DynDigest),
                (Algorithm::Sha384, &mut sha384),
                (Algorithm::Sha512, &mut sha512),
            ] {
                if self.0.iter().any(|(known, _)| *known == algorithm) {
                    hasher.update(&buffer[..read]);
                }
            }
        }
        let found = [
            (Algorithm::Sha256, hex(&sha256.finalize())),
            (Algorithm::Sha384, hex(&sha384.finalize())),
            (Algorithm::Sha512, hex(&sha512.finalize())),
        ];
        Ok(found.iter().any(|digest| self.0.contains(digest)))
    }
}

impl fmt::Display for Hashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> =
            self.0.iter().map(|(algorithm, digest)| format!("{}:{digest}", algorithm.name())).collect();
        f.write_str(&shown.join(", "))
    }
}

fn hex(digest: &[u8]) -> String {
    use fmt::Write as _;
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(values: &[String]) -> Hashes {
        let mut hashes = Hashes::default();
        for value in values {
            hashes.add(value).unwrap();
        }
        hashes
    }

    #[test]
    fn a_file_is_judged_by_what_is_listed_or_else_by_its_bytes() {
        let bytes = b"PK bytes";
        let sha256 = hex(&Sha256::digest(bytes));
        let sha512 = hex(&Sha512::digest(bytes));
        let listed = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect()
        };
        let other = "0".repeat(64);
        let by_sha256 = pins(&[format!("sha256:{}", sha256.to_uppercase()), format!("sha256:{other}")]);
        let by_sha512 = pins(&[format!("sha512:{sha512}")]);
        for (hashes, listed, expected) in [
            (&by_sha256, listed(&[("sha256", &sha256)]), Listed::Meant),
            (&by_sha256, listed(&[("sha256", &"1".repeat(64))]), Listed::Other),
            (&by_sha256, listed(&[("md5", "x")]), Listed::Unknown),
            (&by_sha512, listed(&[("sha256", &sha256)]), Listed::Unknown),
            (&by_sha512, listed(&[("sha512", &sha512)]), Listed::Unknown),
            (&by_sha512, listed(&[("sha512", "0"), ("sha256", &sha256)]), Listed::Other),
        ] {
            assert_eq!(hashes.judge(&listed), expected, "{hashes} {listed:?}");
        }
        for hashes in [by_sha256, by_sha512] {
            assert!(hashes.allow(&bytes[..]).unwrap());
            assert!(!hashes.allow(&b"PK BYTES"[..]).unwrap());
        }
    }

    #[test]
    fn what_is_no_pin_says_why() {
        for (value, words) in [
            ("sha256", "--hash=sha256:..."),
            ("md5:abc", "not `md5`"),
            ("blake2b:abc", "not `blake2b`"),
            ("sha256:abc", "64 digits"),
            (&format!("sha256:{}", "x".repeat(64)), "64 digits"),
        ] {
            let error = Hashes::default().add(value).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
