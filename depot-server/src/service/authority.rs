//! Who stands behind a credential, now: tokens are looked up each time, and so are the accounts they were made for.

use std::sync::Arc;

use depot_proto::redact::Secret;

use super::{tokens::Tokens, users::Users};
use crate::{
    auth::{
        policy::{Account, Principal, Roles},
        token::{Signer, TokenError},
    },
    store::records::{TokenRecord, UserRecord},
};

/// Judges tokens, and knows accounts and their roles.
pub(crate) struct Authority {
    pub(crate) signer: Signer,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) users: Arc<Users>,
    pub(crate) roles: Arc<dyn Roles>,
}

impl Authority {
    /// Who bears this text, if it is a token of this server that is known, alive and unrevoked, and so is its account.
    pub(crate) fn bearer(&self, text: &str) -> Result<Principal, TokenError> {
        let token = self.signer.verify(text, |id| self.tokens.get(id))?;
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
        self.signer.sign(token)
    }
}
