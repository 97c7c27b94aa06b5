//! Records in sled 0.34: the default, for one node.
//!
//! sled is beta software: its flush is no fsync, damage to its log panics at open or silently loses the tail. Nothing
//! here relies on it. What was acknowledged is in the tree and the journal; this store notes the last serial it
//! holds and a checksum over its rows, so that whatever it lost is noticed at the next start, and caught up from the
//! journal or rebuilt from the tree.

mod accounts;
mod open;
mod packages;

pub(crate) use accounts::SledAccounts;
pub(crate) use open::{Opened, open};
pub(crate) use packages::SledPackages;

use super::StoreError;

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(source) => Self::io("store", source),
            other => Self::Damaged(other.to_string()),
        }
    }
}
