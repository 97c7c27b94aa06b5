//! Versions (PEP 440) and the key a release is stored under.

use std::{cmp::Ordering, fmt, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A release's version: PEP 440 where the text is that, and otherwise the text itself, as old releases have it.
///
/// PEP 440 versions are equal when PEP 440 says so (`1.0 == 1.0.0`); legacy ones are equal as text and sort before
/// every PEP 440 version.
#[derive(Clone, Debug)]
pub enum Version {
    /// What PEP 440 can read, in its normalized form.
    Pep440(pep440_rs::Version),
    /// What it cannot.
    Legacy(String),
}

impl Version {
    /// Reads any text; one that is not PEP 440 becomes a legacy version.
    pub fn read(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Legacy(text.trim().to_owned()), Self::Pep440)
    }

    /// The PEP 440 version, if this is one.
    pub fn pep440(&self) -> Option<&pep440_rs::Version> {
        match self {
            Self::Pep440(version) => Some(version),
            Self::Legacy(_) => None,
        }
    }

    /// The key that all spellings of this version share.
    pub fn key(&self) -> VersionKey {
        match self {
            Self::Pep440(version) => {
                let release = version.release();
                let end = release.iter().rposition(|&part| part != 0).map_or(1, |last| last + 1);
                VersionKey(version.clone().with_release(release[..end].to_vec()).to_string())
            }
            Self::Legacy(text) => {
                VersionKey(format!("{LEGACY}{}", utf8_percent_encode(text, LEGACY_ESCAPES)))
            }
        }
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Pep440(one), Self::Pep440(two)) => one.cmp(two),
            (Self::Legacy(one), Self::Legacy(two)) => one.cmp(two),
            (Self::Legacy(_), Self::Pep440(_)) => Ordering::Less,
            (Self::Pep440(_), Self::Legacy(_)) => Ordering::Greater,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pep440(version) => version.fmt(f),
            Self::Legacy(text) => f.write_str(text),
        }
    }
}

const LEGACY: &str = "legacy:";
const LEGACY_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// The last part of a release's key: PEP 440 without trailing zeros (`1.0.0` is `1`), or `legacy:` and the text,
/// percent-encoded. It never contains `/`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct VersionKey(String);

impl VersionKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A version with this key.
    pub fn version(&self) -> Version {
        match self.0.strip_prefix(LEGACY) {
            Some(text) => Version::Legacy(percent_decode_str(text).decode_utf8_lossy().into_owned()),
            None => Version::read(&self.0),
        }
    }
}

impl FromStr for VersionKey {
    type Err = std::convert::Infallible;

    /// Reads a key, or the key of the version that the text spells.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with(LEGACY) {
            return Ok(Self(text.to_owned()));
        }
        Ok(Version::read(text).key())
    }
}

impl fmt::Display for VersionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::text::stands_as_text!(VersionKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_version_share_a_key() {
        for (text, key) in [
            ("1.0", "1"),
            ("1.0.0", "1"),
            ("v1.0", "1"),
            ("0", "0"),
            ("0.0.0", "0"),
            ("1!2.0", "1!2"),
            ("1.0-1", "1.post1"),
            ("1.0-ALPHA_2", "1a2"),
            ("1.0+Lab-2", "1+lab.2"),
            ("10.20.0", "10.20"),
            ("dev-r42/x", "legacy:dev-r42%2Fx"),
        ] {
            let version = Version::read(text);
            assert_eq!(version.key().as_str(), key, "{text}");
            assert_eq!(version.key().version(), version, "{text}");
        }
    }

    #[test]
    fn legacy_versions_sort_first() {
        assert!(Version::read("zzz-unreadable") < Version::read("0.dev0"));
        assert!(Version::read("1.9") < Version::read("1.10"));
    }
}
