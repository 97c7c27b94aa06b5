//! Keys of what is kept in memory, made on the stack: looking something up allocates nothing.

use crate::store::records::Serial;

/// The longest key: a repository (64), a project (200), a stored name (250), and what tells them apart.
const MAX_LEN: usize = 544;

/// A key made of names that hold no slash, and of what ends it.
pub(super) struct Key {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl Key {
    /// A key of these names and this end, as of a generation; none if they are too long to be anything that is kept.
    pub(super) fn new(names: &[&str], end: &[u8], generation: Serial) -> Option<Self> {
        let mut key = Self { bytes: [0; MAX_LEN], len: 0 };
        for name in names {
            key.push(name.as_bytes())?;
            key.push(b"/")?;
        }
        key.push(end)?;
        key.push(&generation.to_be_bytes())?;
        Some(key)
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len + bytes.len();
        self.bytes.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_things_have_other_keys() {
        let keys = [
            Key::new(&["a", "bc"], &[], 1),
            Key::new(&["ab", "c"], &[], 1),
            Key::new(&["a", "bc"], &[1], 1),
            Key::new(&["a", "bc"], &[], 2),
        ];
        let keys: Vec<Vec<u8>> = keys.into_iter().map(|key| key.unwrap().as_bytes().to_vec()).collect();
        let mut distinct = keys.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), keys.len());
        assert!(Key::new(&[&"x".repeat(600)], &[], 1).is_none());
    }
}
