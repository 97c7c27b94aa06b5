//! What the admin verbs do.

use super::{AdminAnswer, AdminRequest, Tell, backup, export, gc, keys, scrub, tokens, users, warm};
use crate::{app::Depot, python::statistics::Asker, service::users::NewUser};

/// Performs a verb. May block.
pub(crate) fn perform(depot: &Depot, request: AdminRequest, tell: Tell<'_>) -> AdminAnswer {
    let performed = match request {
        AdminRequest::TokenCreate { subject, name, scopes, days } => {
            tokens::create(depot, &subject, name, scopes, days)
        }
        AdminRequest::TokenList => Ok(AdminAnswer::Tokens { tokens: depot.tokens.list() }),
        AdminRequest::TokenRevoke { id } => tokens::revoke(depot, &id),
        AdminRequest::UserCreate { name, email, admin, robot, mirror, password } => {
            users::create(depot, NewUser { name, email, admin, robot, mirror, password })
        }
        AdminRequest::UserList => Ok(users::list(depot)),
        AdminRequest::UserChange { name, change } => users::change(depot, &name, change),
        AdminRequest::KeyRotate { retire_old } => keys::rotate(depot, retire_old),
        AdminRequest::Stats { query } => {
            if let Some(statistics) = &depot.hosted.statistics {
                statistics.settle();
            }
            let answer = depot.known.answer(Asker::Keeper, &query);
            answer.map(|stats| AdminAnswer::Stats { stats }).map_err(|error| error.to_string())
        }
        AdminRequest::Reindex => depot
            .reindex()
            .map(|(projects, files)| AdminAnswer::Reindexed { projects, files })
            .map_err(|error| error.to_string()),
        AdminRequest::Scrub { quarantine, rate } => scrub::scrub(depot, quarantine, rate, tell),
        AdminRequest::Gc { older_than, dry_run } => gc::gc(&depot.config, older_than, dry_run),
        AdminRequest::Export => export::export(depot, tell),
        AdminRequest::Warm { repository, wish } => warm::warm(depot, repository.as_ref(), wish, tell),
        AdminRequest::Backup { to, copy } => backup::backup(depot, &to, copy, tell),
    };
    performed.unwrap_or_else(|reason| AdminAnswer::Failed { reason })
}
