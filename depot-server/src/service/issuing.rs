//! Who may have which token issued, listed and revoked.
//!
//! The password of an account is what makes tokens for it: a token makes none, so that whoever finds one cannot outlive
//! its revocation. An administrator makes, sees and revokes all.

use std::sync::Arc;

use depot_proto::{
    Subject,
    accounts::{DEFAULT_DAYS, DEFAULT_SCOPE, TokenFacts, TokenRequest},
    redact::Secret,
    scope::Scope,
};

use super::{authority::Authority, commit::Committer, tokens::TokensError};
use crate::{
    auth::{
        policy::{Denied, Principal},
        token::NewToken,
    },
    clock,
    store::records::TokenRecord,
};

/// The longest life of a token, in days: one that an administrator issues, and one that its bearer asks for.
pub(crate) const MAX_TOKEN_DAYS: u32 = 3650;
const MAX_OWN_DAYS: u32 = 366;

/// The most living tokens that an account has without an administrator's help.
const MAX_OWN_TOKENS: usize = 200;

/// The longest name of a token, in characters.
const MAX_NAME: usize = 100;

/// The most scopes of a token: with these its text is still taken by every client.
const MAX_SCOPES: usize = 50;

/// Why a token is not issued, or not revoked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssueError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Whoever asks may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such token for whoever asks.
    #[error("you have no token with this id")]
    Unknown,
    /// It could not be written.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// It could not be made.
    #[error("the token could not be made: {0}")]
    Failed(String),
}

impl Authority {
    /// Issues a token. May block.
    pub(crate) fn issue(
        &self,
        request: TokenRequest,
        by: &Principal,
        committer: &Committer,
    ) -> Result<(Secret, TokenRecord), IssueError> {
        let is_admin = by.may_administer().is_ok();
        let subject = request.user.as_deref().unwrap_or_else(|| by.name());
        if !is_admin {
            match by {
                Principal::Anonymous => return Err(Denied::NeedsCredentials.into()),
                Principal::Token(..) => return Err(Denied::NeedsPassword.into()),
                Principal::User(account) if !subject.eq_ignore_ascii_case(account.user.name.as_str()) => {
                    return Err(Denied::NeedsAdmin("making a token for someone else").into());
                }
                Principal::User(_) => {}
            }
        }
        let scopes = scopes_of(&request)?;
        if !is_admin && scopes.iter().any(Scope::is_admin) {
            return Err(Denied::NeedsAdmin("a token with the scope `admin`").into());
        }
        let days = request.expires_days.unwrap_or(DEFAULT_DAYS);
        let most = if is_admin { MAX_TOKEN_DAYS } else { MAX_OWN_DAYS };
        if !(1..=most).contains(&days) {
            return Err(IssueError::Invalid(format!(
                "a token lives from 1 to {most} days: give `expires_days` so"
            )));
        }
        let living = self.tokens_of(subject).filter(|token| is_living(token)).count();
        if !is_admin && living >= MAX_OWN_TOKENS {
            let words = format!("`{subject}` has {living} tokens: revoke some first");
            return Err(IssueError::Invalid(words));
        }
        let name = request.name.unwrap_or_else(|| "token".to_owned());
        self.make(subject, name, scopes, days, by.name(), committer)
    }

    /// Makes a token, of which all is decided but whether such a one can be.
    pub(crate) fn make(
        &self,
        subject: &str,
        name: String,
        scopes: Vec<Scope>,
        days: u32,
        who: &str,
        committer: &Committer,
    ) -> Result<(Secret, TokenRecord), IssueError> {
        let invalid = |words: String| Err(IssueError::Invalid(words));
        let is_text = |text: &str| !text.trim().is_empty() && !text.contains(|c: char| c.is_control());
        if !is_text(subject) {
            return invalid("a token needs a user: give --user".to_owned());
        }
        if !is_text(&name) || name.chars().count() > MAX_NAME {
            return invalid(format!("a token has a name of 1 to {MAX_NAME} characters"));
        }
        if scopes.is_empty() || scopes.len() > MAX_SCOPES {
            return invalid(format!("a token has from 1 to {MAX_SCOPES} scopes: give --scope"));
        }
        if !(1..=MAX_TOKEN_DAYS).contains(&days) {
            return invalid(format!("a token lives from 1 to {MAX_TOKEN_DAYS} days"));
        }
        // An account's name in other letters means the account.
        let user = subject.parse::<Subject>().ok().and_then(|name| self.users.get(name.as_str()));
        let (subject, account) = match user {
            Some(user) if user.deleted.is_some() => {
                return invalid(format!("the account `{}` was deleted", user.name));
            }
            Some(user) => (user.name.to_string(), true),
            None => (subject.to_owned(), false),
        };
        let failed = |error: &dyn std::fmt::Display| IssueError::Failed(error.to_string());
        let new = NewToken { subject, name, scopes, days, account };
        let record = new.record(clock::now()).map_err(|error| failed(&error))?;
        if record.is_bootstrap() {
            return invalid(format!("only the server makes tokens named `{}` for this user", record.name));
        }
        let text = self.sign(&record).map_err(|error| failed(&error))?;
        self.tokens.create(record.clone(), who, committer)?;
        Ok((text, record))
    }

    /// The tokens that someone may see, the newest first: their own, or for an administrator all, or those of one user.
    pub(crate) fn visible(
        &self,
        by: &Principal,
        of: Option<&str>,
    ) -> Result<Vec<Arc<TokenRecord>>, IssueError> {
        if matches!(by, Principal::Anonymous) {
            return Err(Denied::NeedsCredentials.into());
        }
        let is_admin = by.may_administer().is_ok();
        let of = match of {
            Some(of) if is_admin || of == by.name() => Some(of),
            Some(_) => return Err(Denied::NeedsAdmin("seeing the tokens of someone else").into()),
            None => (!is_admin).then(|| by.name()),
        };
        Ok(match of {
            Some(of) => self.tokens_of(of).collect(),
            None => self.tokens.list(),
        })
    }

    /// Revokes a token by its id. A token revokes itself, the password of an account all that are for it, and an
    /// administrator any. May block.
    pub(crate) fn revoke(
        &self,
        id: &str,
        by: &Principal,
        committer: &Committer,
    ) -> Result<Arc<TokenRecord>, IssueError> {
        if matches!(by, Principal::Anonymous) {
            return Err(Denied::NeedsCredentials.into());
        }
        let is_admin = by.may_administer().is_ok();
        let token = self.tokens.get(id).filter(|token| is_admin || token.subject == by.name());
        let token = token.ok_or(IssueError::Unknown)?;
        if let Principal::Token(bears, _) = by
            && !is_admin
            && bears.id != token.id
        {
            return Err(Denied::NeedsPassword.into());
        }
        self.tokens.revoke(&token.id, by.name(), committer)?;
        self.tokens.get(id).ok_or(IssueError::Unknown)
    }

    fn tokens_of(&self, subject: &str) -> impl Iterator<Item = Arc<TokenRecord>> {
        self.tokens.list().into_iter().filter(move |token| token.subject == subject)
    }
}

fn is_living(token: &TokenRecord) -> bool {
    token.revoked.is_none() && token.expires > clock::now()
}

/// The scopes that are asked for, bound to the projects that are.
fn scopes_of(request: &TokenRequest) -> Result<Vec<Scope>, IssueError> {
    let given = if request.scopes.is_empty() {
        let scope = DEFAULT_SCOPE
            .parse()
            .map_err(|error: depot_proto::scope::ScopeError| IssueError::Failed(error.to_string()))?;
        vec![scope]
    } else {
        request.scopes.clone()
    };
    Ok(bound(&given, &request.projects))
}

/// Scopes bound to projects: each scope to each of them, where there are some.
pub(crate) fn bound(scopes: &[Scope], projects: &[depot_proto::scope::ProjectPattern]) -> Vec<Scope> {
    if projects.is_empty() {
        return scopes.to_vec();
    }
    let mut bound: Vec<Scope> = Vec::new();
    for scope in scopes.iter().flat_map(|scope| projects.iter().map(|project| scope.within(project))) {
        if !bound.contains(&scope) {
            bound.push(scope);
        }
    }
    bound
}

/// What is told of a token.
pub(crate) fn facts(token: &TokenRecord) -> TokenFacts {
    TokenFacts {
        id: token.id.clone(),
        name: token.name.clone(),
        user: token.subject.clone(),
        scopes: token.scopes.clone(),
        created: token.created,
        expires: token.expires,
        revoked: token.revoked,
    }
}
