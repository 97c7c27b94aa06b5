//! Making and changing accounts.

use depot_proto::Subject;

use super::{ADMIN, AdminAnswer, UserVerb};
use crate::{app::Depot, service::users::NewUser};

pub(super) fn create(depot: &Depot, new: NewUser) -> Result<AdminAnswer, String> {
    let made = depot.users.create(new, ADMIN, &depot.committer).map_err(|error| error.to_string())?;
    Ok(AdminAnswer::User { user: made.without_secret(), revoked: 0 })
}

pub(super) fn list(depot: &Depot) -> AdminAnswer {
    let users = depot.users.list();
    AdminAnswer::Users { users: users.iter().map(|user| user.without_secret()).collect() }
}

pub(super) fn change(depot: &Depot, name: &Subject, change: UserVerb) -> Result<AdminAnswer, String> {
    let (users, committer) = (&depot.users, &depot.committer);
    let changed = match change {
        UserVerb::Password { password } => users.set_password(name, password, ADMIN, committer),
        UserVerb::Disable => users.set_disabled(name, true, ADMIN, committer),
        UserVerb::Enable => users.set_disabled(name, false, ADMIN, committer),
        UserVerb::Delete => {
            let deleted = depot.authenticator.authority.delete_user(name, ADMIN, committer);
            let (user, revoked) = deleted.map_err(|error| error.to_string())?;
            return Ok(AdminAnswer::User { user: user.without_secret(), revoked });
        }
    };
    let user = changed.map_err(|error| error.to_string())?;
    Ok(AdminAnswer::User { user: user.without_secret(), revoked: 0 })
}
