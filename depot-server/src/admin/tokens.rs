//! Issuing and revoking tokens.

use depot_proto::scope::Scope;

use super::{ADMIN, AdminAnswer};
use crate::app::Depot;

pub(super) fn create(
    depot: &Depot,
    subject: &str,
    name: String,
    scopes: Vec<Scope>,
    days: u32,
) -> Result<AdminAnswer, String> {
    let authority = &depot.authenticator.authority;
    let made = authority.make(subject, name, scopes, days, ADMIN, &depot.committer);
    let (text, record) = made.map_err(|error| error.to_string())?;
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
