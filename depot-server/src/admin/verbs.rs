//! What the admin verbs do.

use super::{ADMIN, AdminAnswer, AdminRequest, MAX_TOKEN_DAYS, Tell, backup, export, gc, scrub};
use crate::{app::Depot, auth::token::NewToken, clock};

/// Performs a verb. May block.
pub(crate) fn perform(depot: &Depot, request: AdminRequest, tell: Tell<'_>) -> AdminAnswer {
    let performed = match request {
        AdminRequest::TokenCreate { subject, name, scopes, days } => {
            create(depot, NewToken { subject, name, scopes, days })
        }
        AdminRequest::TokenList => Ok(AdminAnswer::Tokens { tokens: depot.tokens.list() }),
        AdminRequest::TokenRevoke { id } => revoke(depot, &id),
        AdminRequest::Reindex => depot
            .reindex()
            .map(|(projects, files)| AdminAnswer::Reindexed { projects, files })
            .map_err(|error| error.to_string()),
        AdminRequest::Scrub { quarantine, rate } => scrub::scrub(depot, quarantine, rate, tell),
        AdminRequest::Gc { older_than, dry_run } => gc::gc(&depot.config, older_than, dry_run),
        AdminRequest::Export => export::export(depot, tell),
        AdminRequest::Backup { to, copy } => backup::backup(depot, &to, copy, tell),
    };
    performed.unwrap_or_else(|reason| AdminAnswer::Failed { reason })
}

fn create(depot: &Depot, new: NewToken) -> Result<AdminAnswer, String> {
    if new.subject.trim().is_empty() || new.subject.contains(|c: char| c.is_control()) {
        return Err("a token needs a user: give --user".to_owned());
    }
    if new.scopes.is_empty() {
        return Err("a token needs a scope: give --scope".to_owned());
    }
    if !(1..=MAX_TOKEN_DAYS).contains(&new.days) {
        return Err(format!("a token lives from 1 to {MAX_TOKEN_DAYS} days"));
    }
    let record = new.record(clock::now()).map_err(|error| error.to_string())?;
    let text = depot.authenticator.signer.sign(&record).map_err(|error| error.to_string())?;
    depot.tokens.create(record.clone(), ADMIN, &depot.committer).map_err(|error| error.to_string())?;
    Ok(AdminAnswer::Token { token: text.expose().to_owned(), record })
}

fn revoke(depot: &Depot, id: &str) -> Result<AdminAnswer, String> {
    let mut found = depot.tokens.list();
    found.retain(|token| token.id.starts_with(id));
    let token = match found.as_slice() {
        [token] if !id.is_empty() => token,
        [] => return Err(format!("no token has an id that starts with `{id}`")),
        _ => return Err(format!("several tokens have an id that starts with `{id}`: give more of it")),
    };
    depot.tokens.revoke(&token.id, ADMIN, &depot.committer).map_err(|error| error.to_string())?;
    let record = depot.tokens.get(&token.id).ok_or("the token vanished")?;
    Ok(AdminAnswer::Revoked { record: (*record).clone() })
}
