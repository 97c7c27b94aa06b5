//! Who publishes a file of their own first owns the name.

use depot_proto::{ProjectName, scope::Action};

use super::PublishError;
use crate::{
    auth::policy::Principal,
    python::{projects, repository::Repository},
};

/// Makes the account that is about to publish a file of its own the owner of a project that has none. Of two who try at
/// the same time one is refused, before anything of theirs is visible.
pub(super) fn claim(
    repository: &Repository,
    project: &ProjectName,
    principal: &Principal,
) -> Result<(), PublishError> {
    let Some(account) = principal.account() else { return Ok(()) };
    match projects::claim(repository, project, &account.user.name, principal.name()) {
        Ok(true) => Ok(()),
        // Somebody was faster than who was asked for the right to push what is new.
        Ok(false) => Ok(principal.may(&[Action::Push, Action::PushNew], &repository.name, project)?),
        Err(error) => Err(error.into()),
    }
}
