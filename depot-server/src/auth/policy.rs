//! Who a request comes from, and whether they may do what they ask.

use std::sync::Arc;

use depot_proto::{
    ProjectName, RepositoryName,
    scope::{Action, ProjectPattern},
};

use crate::store::records::TokenRecord;

/// Who a request comes from.
#[derive(Clone, Debug)]
pub(crate) enum Principal {
    /// Nobody said.
    Anonymous,
    /// The bearer of a valid token.
    Token(Arc<TokenRecord>),
}

/// Why something is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// Credentials are needed, and none were presented.
    #[error("this needs a token: send it as the password of any user name, or as a bearer token")]
    NeedsCredentials,
    /// The credentials do not grant it.
    #[error("this needs `{needed}` on {place}; the token ...{token} does not grant it")]
    NotGranted {
        /// The action, or either of several.
        needed: String,
        /// Where.
        place: String,
        /// The last digits of the token's id.
        token: String,
    },
}

impl Principal {
    /// What the journal and the log call them.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Token(token) => &token.subject,
        }
    }

    /// The id of the token they bear; empty for those who bear none.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Anonymous => "",
            Self::Token(token) => &token.id,
        }
    }

    /// Whether they may do one of these to a project.
    pub(crate) fn may(
        &self,
        actions: &[Action],
        repository: &RepositoryName,
        project: &ProjectName,
    ) -> Result<(), Denied> {
        let place = || format!("project `{project}` of repository `{repository}`");
        self.check(actions, place, |token, action| {
            token.scopes.iter().any(|scope| scope.allows(action, repository, project))
        })
    }

    /// Whether they may do one of these to at least some project.
    pub(crate) fn may_in(&self, actions: &[Action], repository: &RepositoryName) -> Result<(), Denied> {
        let place = || format!("repository `{repository}`");
        self.check(actions, place, |token, action| {
            token.scopes.iter().any(|scope| scope.allows_in(action, repository))
        })
    }

    /// Whether they may do one of these to every project there is or will be.
    pub(crate) fn may_everywhere(&self, actions: &[Action], repository: &RepositoryName) -> bool {
        let Self::Token(token) = self else { return false };
        let mut scopes = token.scopes.iter().filter(|scope| *scope.projects() == ProjectPattern::All);
        scopes.any(|scope| actions.iter().any(|action| scope.allows_in(*action, repository)))
    }

    fn check(
        &self,
        actions: &[Action],
        place: impl Fn() -> String,
        granted: impl Fn(&TokenRecord, Action) -> bool,
    ) -> Result<(), Denied> {
        let Self::Token(token) = self else { return Err(Denied::NeedsCredentials) };
        if actions.iter().any(|action| granted(token, *action)) {
            return Ok(());
        }
        let needed: Vec<_> = actions.iter().map(|action| action.as_str()).collect();
        Err(Denied::NotGranted {
            needed: needed.join("` or `"),
            place: place(),
            token: token.id[token.id.len().saturating_sub(6)..].to_owned(),
        })
    }
}
