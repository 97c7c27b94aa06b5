//! The other digests that an index lists: what a file is known by where no SHA-256 is listed.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use depot_proto::hex;
use md5::{Digest, Md5, digest::DynDigest};
use sha2::{Sha224, Sha384, Sha512};

/// One that is reckoned.
type Running = Box<dyn DynDigest + Send>;

/// Digests that are reckoned while bytes go by, with what they should come to, in lower-case hexadecimal digits.
#[derive(Default)]
pub(super) struct Digests(Vec<(&'static str, Running, String)>);

impl Digests {
    /// Those of what is listed that are known here; none where a SHA-256 is listed too, as that is known by others.
    pub(super) fn listed(hashes: &BTreeMap<String, String>) -> Self {
        if hashes.contains_key("sha256") {
            return Self::default();
        }
        let known: [(_, fn() -> Running); 4] = [
            ("sha512", || Box::new(Sha512::new())),
            ("sha384", || Box::new(Sha384::new())),
            ("sha224", || Box::new(Sha224::new())),
            ("md5", || Box::new(Md5::new())),
        ];
        let listed = known
            .into_iter()
            .filter_map(|(name, begin)| Some((name, begin(), hashes.get(name)?.to_ascii_lowercase())));
        Self(listed.collect())
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        for (_, digest, _) in &mut self.0 {
            digest.update(bytes);
        }
    }

    /// The first that is another, by its name, once all bytes went by.
    pub(super) fn mismatch(self) -> Option<&'static str> {
        let mut each = self.0.into_iter();
        each.find_map(|(name, digest, listed)| (hex(&digest.finalize()) != listed).then_some(name))
    }

    /// The same of all bytes at once.
    pub(super) fn mismatch_of(mut self, mut bytes: impl Read) -> io::Result<Option<&'static str>> {
        let mut part = vec![0; 64 * 1024];
        loop {
            match bytes.read(&mut part) {
                Ok(0) => return Ok(self.mismatch()),
                Ok(length) => self.update(&part[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_that_is_listed_is_reckoned() {
        let right = [
            ("md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("sha224", "23097D223405D8228642A477BDA255B32AADBCE4BDA0B3F7E36C9DA7"),
            (
                "sha384",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                "sha512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ];
        for (name, digest) in right {
            let listed = |digest: &str| BTreeMap::from([(name.to_owned(), digest.to_owned())]);
            let mismatch = |digest: &str| {
                let digests = Digests::listed(&listed(digest));
                assert!(!digests.is_empty());
                digests.mismatch_of(b"abc".as_slice()).unwrap()
            };
            assert_eq!(mismatch(digest), None);
            assert_eq!(mismatch(&digest.replace('9', "8")), Some(name));
            let mut both = listed(digest);
            both.insert("sha256".to_owned(), "x".to_owned());
            assert!(Digests::listed(&both).is_empty());
        }
        assert!(Digests::listed(&BTreeMap::from([("crc32".to_owned(), "0".to_owned())])).is_empty());
    }
}
