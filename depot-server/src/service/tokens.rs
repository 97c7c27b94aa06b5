//! Issuing, listing and revoking tokens.
//!
//! Each token has three homes: a twin in `<data-dir>/state/tokens/<id>.json`, the journal, and the store. A revocation
//! is on disk in the first before anyone is told, and wins wherever any of them knows of it: no loss of the store
//! brings a revoked token back. A token that all of them lost is unknown, and worth nothing.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use depot_proto::{
    ProjectName, RepositoryName, Timestamp,
    scope::{ProjectPattern, Scope},
};

use super::{
    commit::{CommitError, Committer},
    twins::{self, Unreadable},
};
use crate::{
    clock, private,
    store::{
        Accounts, StoreError,
        records::{Change, Entry, TokenRecord},
    },
};

/// Why a token could not be issued or revoked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokensError {
    /// No token has this id.
    #[error("no token has the id `{0}`")]
    Unknown(String),
    /// A token has this id.
    #[error("there is a token with this id")]
    Taken,
    /// The twin could not be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Twin {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store could not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal could not take it.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<Unreadable> for TokensError {
    fn from(Unreadable { path, source }: Unreadable) -> Self {
        Self::Twin { path, source }
    }
}

const DAY: i64 = 24 * 60 * 60;

/// Whether a token that was made for at least a day ends within so many.
pub(crate) fn ends_within(token: &TokenRecord, days: u32, now: Timestamp) -> bool {
    let left = token.expires.seconds() - now.seconds();
    (1..=i64::from(days) * DAY).contains(&left) && token.expires.seconds() - token.created.seconds() >= DAY
}

/// The tokens that were issued.
pub(crate) struct Tokens {
    folder: PathBuf,
    accounts: Arc<dyn Accounts>,
    known: RwLock<HashMap<String, Arc<TokenRecord>>>,
    /// What reserves names, read off the tokens when it is next asked for after one changed.
    reserving: RwLock<Option<Arc<[Scope]>>>,
    /// How often that may have changed since the server was started.
    reserving_version: AtomicU64,
}

impl Tokens {
    /// Brings the store's tokens and their twins together.
    pub(crate) fn open(state: &Path, accounts: Arc<dyn Accounts>) -> Result<Self, TokensError> {
        let folder = state.join("tokens");
        let mut twins = HashMap::new();
        for token in twins::read::<TokenRecord>(&folder)? {
            // A revocation in the store stands; see `Accounts::put_token`.
            accounts.put_token(&token)?;
            twins.insert(token.id.clone(), token);
        }
        let known = accounts.tokens()?.into_iter().map(|token| (token.id.clone(), Arc::new(token))).collect();
        let tokens = Self {
            folder,
            accounts,
            known: RwLock::new(known),
            reserving: RwLock::default(),
            reserving_version: AtomicU64::new(0),
        };
        // A twin that is missing, or older than what the store knows, would outlive the store as it is.
        for token in tokens.list() {
            if twins.get(&token.id) != Some(&*token) {
                tokens.write_twin(&token)?;
            }
        }
        Ok(tokens)
    }

    /// A token by its id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<TokenRecord>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Every token, the newest first.
    pub(crate) fn list(&self) -> Vec<Arc<TokenRecord>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut tokens: Vec<_> = known.values().cloned().collect();
        tokens.sort_by_key(|token| std::cmp::Reverse((token.created, token.id.clone())));
        tokens
    }

    /// The tokens that end within so many days, the first to end first. Those that were made for less than a day are not
    /// spoken of: who made them knows.
    pub(crate) fn ending(&self, days: u32) -> Vec<Arc<TokenRecord>> {
        let now = clock::now();
        let mut tokens = self.list();
        tokens.retain(|token| {
            token.revoked.is_none() && ends_within(token, days, now) && !token.is_bootstrap()
        });
        tokens.sort_by_key(|token| token.expires);
        tokens
    }

    /// Whether a token that is not revoked reserves a name.
    pub(crate) fn reserves(&self, repository: &RepositoryName, project: &ProjectName) -> bool {
        let reserving = self.reserving.read().unwrap_or_else(PoisonError::into_inner).clone();
        let reserving = reserving.unwrap_or_else(|| self.read_reserving());
        reserving.iter().any(|scope| scope.reserves(repository, project))
    }

    /// Another number whenever tokens may reserve other names.
    pub(crate) fn reserving_version(&self) -> u64 {
        self.reserving_version.load(Ordering::Relaxed)
    }

    fn read_reserving(&self) -> Arc<[Scope]> {
        // Held over the reading, so that a change in between is not forgotten.
        let mut reserving = self.reserving.write().unwrap_or_else(PoisonError::into_inner);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let alive = known.values().filter(|token| token.revoked.is_none());
        let scopes = alive.flat_map(|token| &token.scopes);
        let scopes: Arc<[Scope]> =
            scopes.filter(|scope| *scope.projects() != ProjectPattern::All).cloned().collect();
        *reserving = Some(Arc::clone(&scopes));
        scopes
    }

    /// Takes a new token into the allow-list.
    pub(crate) fn create(
        &self,
        token: TokenRecord,
        who: &str,
        committer: &Committer,
    ) -> Result<(), TokensError> {
        self.write_twin(&token)?;
        let change = Change::TokenCreate { id: token.id.clone(), subject: token.subject.clone() };
        committer.note(Entry { time: clock::now(), who: who.to_owned(), change })?;
        self.accounts.put_token(&token)?;
        self.remember(token);
        Ok(())
    }

    /// Takes a new token whose id was not chosen by chance: refused if it is known. Of several at once, one is taken.
    pub(crate) fn create_once(
        &self,
        token: TokenRecord,
        who: &str,
        committer: &Committer,
    ) -> Result<(), TokensError> {
        let id = token.id.clone();
        {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.contains_key(&id) {
                return Err(TokensError::Taken);
            }
            // Its place is taken before it is on disk. Nobody has its text until this returns.
            known.insert(id.clone(), Arc::new(token.clone()));
        }
        self.create(token, who, committer).inspect_err(|_| {
            self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        })
    }

    /// Forgets the minted tokens that ended this many seconds ago, and cannot be minted again. What cannot be removed
    /// stays for the next time.
    pub(crate) fn forget_ended(&self, now: Timestamp, after: i64) {
        let is_over = |token: &TokenRecord| {
            let minted = token.minted.as_ref();
            minted.is_some_and(|minted| token.expires.max(minted.until).seconds() + after < now.seconds())
        };
        let over: Vec<_> = self.list().into_iter().filter(|token| is_over(token)).collect();
        for token in &over {
            // The twin goes last: while it is there, the token comes back with the next start.
            let path = self.folder.join(format!("{}.json", token.id));
            let forgotten = self.accounts.forget_token(&token.id).map_err(|error| error.to_string());
            let removed =
                forgotten.and_then(|()| std::fs::remove_file(&path).map_err(|error| error.to_string()));
            if let Err(error) = removed {
                tracing::warn!(token = %token.id, %error, "a token that has ended could not be forgotten");
                continue;
            }
            self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&token.id);
        }
        if !over.is_empty() {
            self.read_anew();
        }
    }

    /// Revokes a token; on return it is dead, and stays dead.
    pub(crate) fn revoke(&self, id: &str, who: &str, committer: &Committer) -> Result<(), TokensError> {
        let token = self.get(id).ok_or_else(|| TokensError::Unknown(id.to_owned()))?;
        let at = token.revoked.unwrap_or_else(clock::now);
        let revoked = TokenRecord { revoked: Some(at), ..(*token).clone() };
        self.write_twin(&revoked)?;
        // Dead at once, even if the lines below fail: the twin is on disk.
        self.remember(revoked);
        let change = Change::TokenRevoke { id: id.to_owned() };
        committer.note(Entry { time: at, who: who.to_owned(), change })?;
        self.accounts.revoke_token(id, at)?;
        Ok(())
    }

    /// Applies a revocation that the journal knows of, where the token's other homes forgot it.
    pub(crate) fn apply_revocation(&self, id: &str, at: Timestamp) -> Result<(), TokensError> {
        let Some(token) = self.get(id).filter(|token| token.revoked.is_none()) else { return Ok(()) };
        let revoked = TokenRecord { revoked: Some(at), ..(*token).clone() };
        self.write_twin(&revoked)?;
        self.accounts.revoke_token(id, at)?;
        self.remember(revoked);
        Ok(())
    }

    fn remember(&self, token: TokenRecord) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(token.id.clone(), Arc::new(token));
        self.read_anew();
    }

    /// Has what reserves names read off the tokens again.
    fn read_anew(&self) {
        *self.reserving.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.reserving_version.fetch_add(1, Ordering::Relaxed);
    }

    fn write_twin(&self, token: &TokenRecord) -> Result<(), TokensError> {
        // Ids are made here and are hexadecimal, so they are file names.
        let path = self.folder.join(format!("{}.json", token.id));
        let twin = serde_json::to_vec_pretty(token).map_err(io::Error::from);
        twin.and_then(|twin| private::write(&path, &twin))
            .map_err(|source| TokensError::Twin { path, source })
    }
}
