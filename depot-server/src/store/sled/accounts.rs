//! Accounts and tokens in sled. Their twins lie in `<data-dir>/state/`; see [`crate::service::users`] and
//! [`crate::service::tokens`].

use depot_proto::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::super::{
    Accounts, StoreError,
    records::{TokenRecord, UserRecord, standing},
};

/// The tokens in sled by id, and the accounts by name.
pub(super) struct SledAccounts {
    tokens: sled::Tree,
    users: sled::Tree,
}

impl SledAccounts {
    pub(super) fn new(db: &sled::Db) -> Result<Self, StoreError> {
        Ok(Self { tokens: db.open_tree("tokens")?, users: db.open_tree("users")? })
    }
}

/// Changes a row; what it then is, or none if it is left as it was.
fn change<T: Serialize + DeserializeOwned>(
    tree: &sled::Tree,
    key: &str,
    change: impl Fn(Option<T>) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let mut before = tree.get(key)?;
    loop {
        let known = before.as_ref().map(|bytes| decode(bytes)).transpose()?;
        let Some(after) = change(known) else { return Ok(None) };
        let row = serde_json::to_vec(&after).map_err(|error| StoreError::io("store", error.into()))?;
        match tree.compare_and_swap(key, before, Some(row))? {
            Ok(()) => return Ok(Some(after)),
            Err(changed) => before = changed.current,
        }
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    let damaged = |error| StoreError::Damaged(format!("a row of an account or a token: {error}"));
    serde_json::from_slice(bytes).map_err(damaged)
}

impl Accounts for SledAccounts {
    fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        self.tokens.iter().map(|row| decode(&row?.1)).collect()
    }

    fn put_token(&self, token: &TokenRecord) -> Result<(), StoreError> {
        change(&self.tokens, &token.id, |known: Option<TokenRecord>| {
            let revoked = known.and_then(|known| known.revoked).or(token.revoked);
            Some(TokenRecord { revoked, ..token.clone() })
        })?;
        Ok(())
    }

    fn forget_token(&self, id: &str) -> Result<(), StoreError> {
        self.tokens.remove(id)?;
        Ok(())
    }

    fn revoke_token(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let revoked = change(&self.tokens, id, |known: Option<TokenRecord>| {
            let mut token = known?;
            token.revoked.get_or_insert(at);
            Some(token)
        })?;
        Ok(revoked.is_some())
    }

    fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        self.users.iter().map(|row| decode(&row?.1)).collect()
    }

    fn put_user(&self, user: &UserRecord) -> Result<UserRecord, StoreError> {
        let stands = change(&self.users, user.name.as_str(), |known: Option<UserRecord>| {
            Some(known.map_or_else(|| user.clone(), |known| standing(known, user.clone())))
        })?;
        Ok(stands.unwrap_or_else(|| user.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        conformance,
        sled::open::{RECORDS, open},
    };

    #[test]
    fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        conformance::accounts(&SledAccounts::new(&open(folder.path(), RECORDS).unwrap()).unwrap());
    }
}
