//! `key rotate`: another key signs tokens from here on.

use super::{ADMIN, AdminAnswer};
use crate::{
    app::{Depot, boot},
    auth::{keys, token::Signer},
    clock,
    store::records::{Change, Entry},
};

/// Makes a key. Those of before go on judging the tokens that they signed, unless they are retired: then they are
/// removed, their tokens are revoked, and `admin.token` is made again.
pub(super) fn rotate(depot: &Depot, retire_old: bool) -> Result<AdminAnswer, String> {
    let folder = depot.config.keys();
    let new = keys::add(&folder).map_err(|error| error.to_string())?;
    if retire_old {
        keys::remove_all_but(&folder, &new).map_err(|error| error.to_string())?;
    }
    let all = keys::open(&folder).map_err(|error| error.to_string())?;
    let signer = Signer::new(&depot.instance, &all).ok_or("no key can be used for signing")?;
    depot.authenticator.authority.set_signer(signer);
    let change = Change::KeyRotate { id: new.clone() };
    let entry = Entry { time: clock::now(), who: ADMIN.to_owned(), change };
    depot.committer.note(entry).map_err(|error| error.to_string())?;
    let mut revoked = 0;
    if retire_old {
        for token in depot.tokens.list().iter().filter(|token| token.revoked.is_none()) {
            depot.tokens.revoke(&token.id, ADMIN, &depot.committer).map_err(|error| error.to_string())?;
            revoked += 1;
        }
        boot::bootstrap(depot).map_err(|error| error.to_string())?;
    }
    Ok(AdminAnswer::KeyRotated { id: new, judging: all.len() - 1, revoked })
}
