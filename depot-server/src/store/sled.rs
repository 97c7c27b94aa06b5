//! Records in sled 0.34: the default, for one node.
//!
//! sled is beta software: its flush is no fsync, damage to its log panics at open or silently loses the tail. Nothing
//! here relies on it. What was acknowledged is in the tree and the journal; this store notes the last serial it
//! holds and a checksum over its rows, so that whatever it lost is noticed at the next start, and caught up from the
//! journal or rebuilt from the tree.

mod accounts;
mod counters;
mod open;
mod packages;
mod value;

use std::{path::Path, sync::Arc};

use accounts::SledAccounts;
use counters::SledCounters;
use packages::SledPackages;

use super::{Accounts as _, Counters, Packages as _, Row, StoreError, Stores};

/// Opens both stores, and puts them aside if they cannot be trusted; see [`super::open`].
pub(super) fn open_stores(folder: &Path, visit: &mut dyn FnMut(Row)) -> Result<Stores, StoreError> {
    let mut rows = Vec::new();
    let stores = match open_trusted(folder, &mut rows) {
        Err(StoreError::Damaged(reason)) => {
            open::put_aside(folder, &reason, "built again from the tree")?;
            rows.clear();
            open_trusted(folder, &mut rows)?
        }
        opened => opened?,
    };
    rows.into_iter().for_each(visit);
    Ok(stores)
}

/// Opens the store of what is counted; see [`super::open_counters`].
pub(super) fn open_counters(folder: &Path) -> Result<Arc<dyn Counters>, StoreError> {
    let open =
        || -> Result<_, StoreError> { Ok(Arc::new(SledCounters::new(&open::open(folder, open::NUMBERS)?)?)) };
    match open() {
        Err(StoreError::Damaged(reason)) => {
            open::put_aside(folder, &reason, "empty: downloads are counted from nothing")?;
            Ok(open()?)
        }
        opened => Ok(opened?),
    }
}

/// Reads every row once: to learn the names, and to know that none was lost.
fn open_trusted(folder: &Path, rows: &mut Vec<Row>) -> Result<Stores, StoreError> {
    let db = open::open(folder, open::RECORDS)?;
    let (packages, accounts) = (SledPackages::new(&db)?, SledAccounts::new(&db)?);
    packages.scan(&mut |row| rows.push(row))?;
    open::quietly(|| accounts.tokens().and_then(|_| accounts.users())).map_err(StoreError::Damaged)??;
    Ok(Stores { packages: Arc::new(packages), accounts: Arc::new(accounts) })
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(source) => Self::io("store", source),
            other => Self::Damaged(other.to_string()),
        }
    }
}
