//! Who a request comes from, and whether they may do what they ask.
//!
//! A token without an account may what its scopes say. An account may what it is and what its roles on projects say; a
//! token of an account may what both say.

use std::{fmt::Debug, sync::Arc};

use depot_proto::{
    ProjectName, RepositoryName, Role,
    scope::{Action, ProjectPattern},
};

use crate::store::records::{TokenRecord, UserRecord};

/// Who a request comes from.
#[derive(Clone, Debug)]
pub(crate) enum Principal {
    /// Nobody said.
    Anonymous,
    /// The bearer of a valid token, and the account that it was made for.
    Token(Arc<TokenRecord>, Option<Account>),
    /// Who gave the password of an account.
    User(Account),
}

/// Who owns what.
pub(crate) trait Roles: Debug + Send + Sync {
    /// What an account is to a project.
    fn role(&self, repository: &RepositoryName, project: &ProjectName, account: &str) -> Option<Role>;

    /// Whether a project has an owner.
    fn is_owned(&self, repository: &RepositoryName, project: &ProjectName) -> bool;
}

/// An account that is alive.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) user: Arc<UserRecord>,
    roles: Arc<dyn Roles>,
    /// What stands for it where a token's id would.
    id: Arc<str>,
}

/// Why something is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// Credentials are needed, and none were presented.
    #[error("this needs a token: send it as the password of any user name, or as a bearer token")]
    NeedsCredentials,
    /// A password is needed, and a token was presented.
    #[error(
        "this needs the user name and password of an account, or an administrator: a token makes no tokens, and revokes only itself"
    )]
    NeedsPassword,
    /// Only an administrator may.
    #[error("{0} needs an administrator")]
    NeedsAdmin(&'static str),
    /// The credentials do not grant it.
    #[error("this needs `{needed}` on {place}; {who} does not grant it")]
    NotGranted {
        /// The action, or either of several.
        needed: String,
        /// Where.
        place: String,
        /// Whose credentials they are.
        who: String,
    },
}

impl Account {
    pub(crate) fn new(user: Arc<UserRecord>, roles: Arc<dyn Roles>) -> Self {
        let id = format!("user:{}", user.name).into();
        Self { user, roles, id }
    }

    /// Whether it may do this to a project.
    fn may(&self, action: Action, repository: &RepositoryName, project: &ProjectName) -> bool {
        if self.user.admin {
            return true;
        }
        let role = || self.roles.role(repository, project, self.user.name.as_str());
        let is_free = || !self.roles.is_owned(repository, project);
        match action {
            Action::Read => true,
            Action::PushNew => role().is_some() || is_free(),
            Action::Push | Action::Yank => role().is_some(),
            Action::Mirror => self.user.mirror && (role().is_some() || is_free()),
            Action::Delete => role() == Some(Role::Owner),
            Action::Admin => false,
        }
    }

    /// Whether there may be a project to which it may do this.
    fn may_somewhere(&self, action: Action) -> bool {
        match action {
            Action::Admin => self.user.admin,
            Action::Mirror => self.user.admin || self.user.mirror,
            _ => true,
        }
    }

    fn may_everywhere(&self, action: Action) -> bool {
        self.user.admin || action == Action::Read
    }
}

impl Principal {
    /// Whether they are anyone.
    pub(crate) fn is_someone(&self) -> Result<(), Denied> {
        match self {
            Self::Anonymous => Err(Denied::NeedsCredentials),
            Self::Token(..) | Self::User(_) => Ok(()),
        }
    }

    /// What the journal and the log call them.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Token(token, _) => &token.subject,
            Self::User(account) => account.user.name.as_str(),
        }
    }

    /// The id of the token they bear, or what stands for it; empty for those who bear none.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Anonymous => "",
            Self::Token(token, _) => &token.id,
            Self::User(account) => &account.id,
        }
    }

    /// The account behind them.
    pub(crate) fn account(&self) -> Option<&Account> {
        match self {
            Self::Anonymous => None,
            Self::Token(_, account) => account.as_ref(),
            Self::User(account) => Some(account),
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
        let by_token = |token: &TokenRecord, action| {
            token.scopes.iter().any(|scope| scope.allows(action, repository, project))
        };
        self.check(actions, place, by_token, |account, action| account.may(action, repository, project))
    }

    /// Whether they may do one of these to at least some project.
    pub(crate) fn may_in(&self, actions: &[Action], repository: &RepositoryName) -> Result<(), Denied> {
        let place = || format!("repository `{repository}`");
        let by_token = |token: &TokenRecord, action| {
            token.scopes.iter().any(|scope| scope.allows_in(action, repository))
        };
        self.check(actions, place, by_token, Account::may_somewhere)
    }

    /// Whether they may do one of these to every project there is or will be.
    pub(crate) fn may_everywhere(&self, actions: &[Action], repository: &RepositoryName) -> bool {
        let by_token = |token: &TokenRecord, action| {
            let mut scopes = token.scopes.iter().filter(|scope| *scope.projects() == ProjectPattern::All);
            scopes.any(|scope| scope.allows_in(action, repository))
        };
        self.check(actions, String::new, by_token, Account::may_everywhere).is_ok()
    }

    /// Whether they may administer the server, all of it.
    pub(crate) fn may_administer(&self) -> Result<(), Denied> {
        let by_token = |token: &TokenRecord, _| token.scopes.contains(&depot_proto::scope::Scope::admin());
        self.check(&[Action::Admin], || "the whole server".to_owned(), by_token, Account::may_somewhere)
    }

    fn check(
        &self,
        actions: &[Action],
        place: impl Fn() -> String,
        by_token: impl Fn(&TokenRecord, Action) -> bool,
        by_account: impl Fn(&Account, Action) -> bool,
    ) -> Result<(), Denied> {
        let who = match self {
            Self::Anonymous => return Err(Denied::NeedsCredentials),
            Self::Token(token, account) => {
                let granted: Vec<_> =
                    actions.iter().copied().filter(|action| by_token(token, *action)).collect();
                let Some(account) = account.as_ref().filter(|_| !granted.is_empty()) else {
                    if !granted.is_empty() {
                        return Ok(());
                    }
                    return Err(denied(actions, place(), format!("the token ...{}", last_of(&token.id))));
                };
                if granted.iter().any(|action| by_account(account, *action)) {
                    return Ok(());
                }
                account
            }
            Self::User(account) => {
                if actions.iter().any(|action| by_account(account, *action)) {
                    return Ok(());
                }
                account
            }
        };
        Err(denied(actions, place(), format!("the account `{}`", who.user.name)))
    }
}

fn denied(actions: &[Action], place: String, who: String) -> Denied {
    let needed: Vec<_> = actions.iter().map(|action| action.as_str()).collect();
    Denied::NotGranted { needed: needed.join("` or `"), place, who }
}

/// The last digits of a token's id, which are enough to know it by.
fn last_of(id: &str) -> &str {
    &id[id.len().saturating_sub(6)..]
}

#[cfg(test)]
mod tests;
