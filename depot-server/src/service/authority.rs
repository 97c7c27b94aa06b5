//! Who stands behind a credential, now: tokens are looked up each time, and so are the accounts they were made for.

use std::sync::{Arc, PoisonError, RwLock};

use depot_proto::{Subject, redact::Secret};
use tokio::sync::Semaphore;

use super::{
    commit::Committer,
    tokens::{Tokens, TokensError},
    users::{Users, UsersError},
};
use crate::{
    auth::{
        policy::{Account, Principal, Roles},
        token::{Signer, TokenError},
    },
    store::records::{TokenRecord, UserRecord},
};

/// Judges tokens, and knows accounts and their roles.
pub(crate) struct Authority {
    signer: RwLock<Arc<Signer>>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) users: Arc<Users>,
    pub(crate) roles: Arc<dyn Roles>,
    /// For whoever hashes a password: each needs much memory.
    pub(crate) turns: Arc<Semaphore>,
}

/// The most passwords that are hashed at the same time, of as many as there are cores: 76 MiB.
pub(super) const MOST_AT_ONCE: usize = 4;

/// Why an account was not deleted with all that is its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeleteError {
    /// The account itself.
    #[error(transparent)]
    Users(#[from] UsersError),
    /// It is deleted, and its tokens are worth nothing; that they are revoked could not be noted.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

impl Authority {
    pub(crate) fn new(signer: Signer, tokens: Arc<Tokens>, users: Arc<Users>, roles: Arc<dyn Roles>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = Arc::new(Semaphore::new(cores.clamp(1, MOST_AT_ONCE)));
        Self { signer: RwLock::new(Arc::new(signer)), tokens, users, roles, turns }
    }

    /// What signs and judges tokens now.
    pub(crate) fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.signer.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets another one sign and judge from here on.
    pub(crate) fn set_signer(&self, signer: Signer) {
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(signer);
    }

    /// Deletes an account and revokes its tokens; how many there were. May block.
    pub(crate) fn delete_user(
        &self,
        name: &Subject,
        who: &str,
        committer: &Committer,
    ) -> Result<(Arc<UserRecord>, usize), DeleteError> {
        // From here on the tokens are worth nothing; that they are revoked is for who reads the list.
        let deleted = self.users.delete(name, who, committer)?;
        let mut tokens = self.tokens.list();
        tokens.retain(|token| {
            token.subject == name.as_str() && token.revoked.is_none() && !token.is_bootstrap()
        });
        for token in &tokens {
            self.tokens.revoke(&token.id, who, committer)?;
        }
        Ok((deleted, tokens.len()))
    }

    /// Who bears this text, if it is a token of this server that is known, alive and unrevoked, and so is its account.
    pub(crate) fn bearer(&self, text: &str) -> Result<Principal, TokenError> {
        let token = self.signer().verify(text, |id| self.tokens.get(id))?;
        let account = self.account(&token)?;
        Ok(Principal::Token(token, account))
    }

    /// The account that a token is for. Tokens may also be for names that are no account's; one that was made for an
    /// account is worth nothing without it.
    fn account(&self, token: &TokenRecord) -> Result<Option<Account>, TokenError> {
        if token.is_bootstrap() {
            return Ok(None);
        }
        match self.users.get(&token.subject) {
            Some(user) if user.deleted.is_some() => Err(TokenError::Invalid("its account was deleted")),
            Some(user) if user.disabled => Err(TokenError::Invalid("its account is disabled")),
            Some(user) => Ok(Some(Account::new(user, Arc::clone(&self.roles)))),
            None if token.account => Err(TokenError::Invalid("its account is not known here any more")),
            None => Ok(None),
        }
    }

    /// Someone who gave the password of this account.
    pub(crate) fn user(&self, user: Arc<UserRecord>) -> Principal {
        Principal::User(Account::new(user, Arc::clone(&self.roles)))
    }

    /// The text of a token with these facts.
    pub(crate) fn sign(&self, token: &TokenRecord) -> Result<Secret, jsonwebtoken::errors::Error> {
        self.signer().sign(token)
    }
}
