//! Issuing and revoking tokens.

use depot_proto::{Subject, scope::Scope};

use super::{ADMIN, AdminAnswer, MAX_TOKEN_DAYS};
use crate::{app::Depot, auth::token::NewToken, clock};

pub(super) fn create(
    depot: &Depot,
    subject: String,
    name: String,
    scopes: Vec<Scope>,
    days: u32,
) -> Result<AdminAnswer, String> {
    if subject.trim().is_empty() || subject.contains(|c: char| c.is_control()) {
        return Err("a token needs a user: give --user".to_owned());
    }
    if scopes.is_empty() {
        return Err("a token needs a scope: give --scope".to_owned());
    }
    if !(1..=MAX_TOKEN_DAYS).contains(&days) {
        return Err(format!("a token lives from 1 to {MAX_TOKEN_DAYS} days"));
    }
    // An account's name in other letters means the account.
    let user = subject.parse::<Subject>().ok().and_then(|name| depot.users.get(name.as_str()));
    let (subject, account) = match user {
        Some(user) if user.deleted.is_some() => {
            return Err(format!("the account `{}` was deleted", user.name));
        }
        Some(user) => (user.name.to_string(), true),
        None => (subject, false),
    };
    let new = NewToken { subject, name, scopes, days, account };
    let record = new.record(clock::now()).map_err(|error| error.to_string())?;
    if record.is_bootstrap() {
        return Err(format!(
            "only the server makes tokens named `{}` for this user: give another --token-name",
            record.name
        ));
    }
    let text = depot.authenticator.authority.sign(&record).map_err(|error| error.to_string())?;
    depot.tokens.create(record.clone(), ADMIN, &depot.committer).map_err(|error| error.to_string())?;
    Ok(AdminAnswer::Token { token: text.expose().to_owned(), record })
}

pub(super) fn revoke(depot: &Depot, id: &str) -> Result<AdminAnswer, String> {
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
