//! Digests in the order of the page, which a map forgets and pip goes by.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

#[derive(Deserialize)]
struct Page {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    hashes: First,
}

/// The first key of an object.
#[derive(Default)]
struct First(Option<String>);

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FirstVisitor)
    }
}

struct FirstVisitor;

impl<'de> Visitor<'de> for FirstVisitor {
    type Value = First;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("digests by their names")
    }

    fn visit_unit<E>(self) -> Result<First, E> {
        Ok(First(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<First, A::Error> {
        let mut first = None;
        while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
            first.get_or_insert(name);
        }
        Ok(First(first))
    }
}

/// The algorithm of the first digest of each file.
pub(super) fn first_digests(page: &[u8]) -> Vec<String> {
    let files = serde_json::from_slice::<Page>(page).map(|page| page.files).unwrap_or_default();
    files.into_iter().filter_map(|file| file.hashes.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digest_is_the_first_of_the_page() {
        let page =
            br#"{"files": [{"hashes": {"zzz": "1", "sha256": "2"}}, {"hashes": {}}, {"hashes": null}, {},
            {"hashes": {"sha256": "2", "aaa": [1, {}]}}]}"#;
        assert_eq!(first_digests(page), ["zzz", "sha256"]);
        assert_eq!(first_digests(b"{}"), [""; 0]);
    }
}
