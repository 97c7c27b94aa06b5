//! Minting: a token of this server for what a CI job shows, once for each thing that is shown.
//!
//! A minted token's id is the fingerprint of what it was minted for, so that the allow-list of tokens, which no crash
//! forgets, is also the list of what was used. It is kept there until what was shown has ended, and a day longer.

use std::sync::Arc;

use depot_proto::{Timestamp, redact::Secret};

use super::{
    commit::Committer,
    tokens::{Tokens, TokensError},
};
use crate::{
    auth::{
        oidc::{Identity, Oidc, OidcError, Publisher},
        token::{Signer, TokenError},
    },
    clock,
    store::records::{Minted, TokenRecord},
};

/// How long after its end a minted token is remembered, in seconds.
const REMEMBERED: i64 = 24 * 60 * 60;

/// Why nothing was minted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MintError {
    /// What was shown gives no right to a token.
    #[error(transparent)]
    Refused(#[from] OidcError),
    /// It was used before.
    #[error("the job's token was used before: each serves once, so ask the CI system for a new one")]
    Used,
    /// The token could not be written down.
    #[error(transparent)]
    Tokens(TokensError),
    /// The token could not be signed.
    #[error("a token could not be signed: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// What a job gets.
pub(crate) struct NewlyMinted {
    /// The token's text.
    pub(crate) token: Secret,
    /// When it ends.
    pub(crate) expires: Timestamp,
}

/// Gives a token for what a job shows.
pub(crate) async fn mint(
    oidc: &Oidc,
    signer: &Signer,
    tokens: &Arc<Tokens>,
    committer: &Arc<Committer>,
    shown: &str,
) -> Result<NewlyMinted, MintError> {
    let (identity, publisher) = oidc.recognize(shown).await?;
    let record = record(&identity, &publisher, clock::now());
    // Signed first: what cannot be signed must not be used up.
    let token = signer.sign(&record)?;
    let (expires, who) = (record.expires, record.subject.clone());
    let (tokens, committer) = (Arc::clone(tokens), Arc::clone(committer));
    let created = tokio::task::spawn_blocking(move || {
        tokens.forget_ended(clock::now(), REMEMBERED);
        tokens.create_once(record, &who, &committer)
    });
    match created.await {
        Ok(Ok(())) => {}
        Ok(Err(TokensError::Taken)) => return Err(MintError::Used),
        Ok(Err(error)) => return Err(MintError::Tokens(error)),
        Err(error) => {
            let source = std::io::Error::other(error);
            return Err(MintError::Tokens(TokensError::Twin { path: "state/tokens".into(), source }));
        }
    }
    tracing::info!(publisher = %publisher.name, job = identity.subject(), "a job got a token");
    Ok(NewlyMinted { token, expires })
}

fn record(identity: &Identity, publisher: &Publisher, now: Timestamp) -> TokenRecord {
    let expires = now.seconds() + i64::from(publisher.minutes) * 60;
    TokenRecord {
        id: identity.fingerprint(),
        subject: format!("oidc:{}", publisher.name),
        name: publisher.name.clone(),
        scopes: publisher.scopes.clone(),
        created: now,
        expires: Timestamp::from_seconds(expires).unwrap_or(now),
        account: false,
        revoked: None,
        minted: Some(Minted {
            issuer: identity.issuer().to_owned(),
            subject: identity.subject().to_owned(),
            until: identity.ends(),
        }),
    }
}

/// Why a token was not ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BurnError {
    /// It is no valid token.
    #[error(transparent)]
    Invalid(#[from] TokenError),
    /// It was issued, not minted: whoever issued it ends it.
    #[error("the token was not minted for a job: it is revoked by whoever issued it")]
    NotMinted,
    /// The revocation could not be written down.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

/// Ends a minted token before its time. May block.
pub(crate) fn burn(
    signer: &Signer,
    tokens: &Tokens,
    committer: &Committer,
    token: &str,
) -> Result<(), BurnError> {
    let record = signer.verify(token, |id| tokens.get(id))?;
    if record.minted.is_none() {
        return Err(BurnError::NotMinted);
    }
    Ok(tokens.revoke(&record.id, &record.subject, committer)?)
}
