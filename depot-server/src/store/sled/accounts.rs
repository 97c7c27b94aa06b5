//! Tokens in sled. Their twins lie in `<data-dir>/state/`; see [`crate::service::tokens`].

use depot_proto::Timestamp;

use super::super::{Accounts, StoreError, records::TokenRecord};

/// The tokens in sled, by id.
pub(super) struct SledAccounts {
    tokens: sled::Tree,
}

impl SledAccounts {
    pub(super) fn new(db: &sled::Db) -> Result<Self, StoreError> {
        Ok(Self { tokens: db.open_tree("tokens")? })
    }

    fn change(
        &self,
        id: &str,
        change: impl Fn(Option<TokenRecord>) -> Option<TokenRecord>,
    ) -> Result<bool, StoreError> {
        let mut before = self.tokens.get(id)?;
        loop {
            let known = before.as_ref().map(|bytes| decode(bytes)).transpose()?;
            let Some(after) = change(known) else { return Ok(false) };
            let after = serde_json::to_vec(&after).map_err(|error| StoreError::io("store", error.into()))?;
            match self.tokens.compare_and_swap(id, before, Some(after))? {
                Ok(()) => return Ok(true),
                Err(changed) => before = changed.current,
            }
        }
    }
}

fn decode(bytes: &[u8]) -> Result<TokenRecord, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Damaged(format!("a token's row: {error}")))
}

impl Accounts for SledAccounts {
    fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        self.tokens.iter().map(|row| decode(&row?.1)).collect()
    }

    fn put_token(&self, token: &TokenRecord) -> Result<(), StoreError> {
        self.change(&token.id, |known| {
            let revoked = known.and_then(|known| known.revoked).or(token.revoked);
            Some(TokenRecord { revoked, ..token.clone() })
        })?;
        Ok(())
    }

    fn revoke_token(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.change(id, |known| {
            let mut token = known?;
            token.revoked.get_or_insert(at);
            Some(token)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{conformance, sled::open::open};

    #[test]
    fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        conformance::accounts(&SledAccounts::new(&open(folder.path()).unwrap()).unwrap());
    }
}
