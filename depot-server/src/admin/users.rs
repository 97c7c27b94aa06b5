//! Making and changing accounts.

use depot_proto::Subject;

use super::{ADMIN, AdminAnswer, UserVerb};
use crate::{
    app::Depot,
    service::users::{NewUser, UsersError},
};

/// The longest e-mail address, in bytes (RFC 5321).
const MAX_EMAIL: usize = 254;

pub(super) fn create(depot: &Depot, new: NewUser) -> Result<AdminAnswer, String> {
    if let Some(email) = &new.email {
        let is_plain = email.contains('@') && !email.contains(|c: char| c.is_control() || c.is_whitespace());
        if !is_plain || email.len() > MAX_EMAIL {
            return Err("the e-mail address is none: give one as in ann@acme.example".to_owned());
        }
    }
    let made = depot.users.create(new, ADMIN, &depot.committer).map_err(|error| error.to_string())?;
    Ok(AdminAnswer::User { user: made.without_secret(), revoked: 0 })
}

pub(super) fn list(depot: &Depot) -> AdminAnswer {
    let users = depot.users.list();
    AdminAnswer::Users { users: users.iter().map(|user| user.without_secret()).collect() }
}

pub(super) fn change(depot: &Depot, name: &Subject, change: UserVerb) -> Result<AdminAnswer, String> {
    let (users, committer) = (&depot.users, &depot.committer);
    let mut revoked = 0;
    let changed = match change {
        UserVerb::Password { password } => users.set_password(name, password, ADMIN, committer),
        UserVerb::Disable => users.set_disabled(name, true, ADMIN, committer),
        UserVerb::Enable => users.set_disabled(name, false, ADMIN, committer),
        UserVerb::Delete => {
            // From here on the tokens are worth nothing; that they are revoked is for who reads the list.
            let deleted = users.delete(name, ADMIN, committer);
            if deleted.is_ok() {
                revoked = revoke_all(depot, name)?;
            }
            deleted
        }
    };
    let user = changed.map_err(|error: UsersError| error.to_string())?;
    Ok(AdminAnswer::User { user: user.without_secret(), revoked })
}

/// Revokes the tokens of an account, and says how many.
fn revoke_all(depot: &Depot, name: &Subject) -> Result<usize, String> {
    let mut tokens = depot.tokens.list();
    tokens.retain(|token| token.subject == name.as_str() && token.revoked.is_none() && !token.is_bootstrap());
    for token in &tokens {
        depot.tokens.revoke(&token.id, ADMIN, &depot.committer).map_err(|error| error.to_string())?;
    }
    Ok(tokens.len())
}
