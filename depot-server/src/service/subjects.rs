//! Who there is that something can be granted to.

use std::sync::Arc;

use depot_proto::Subject;

use super::{tokens::Tokens, users::Users};
use crate::clock;

/// Everyone whom the server knows by name: accounts, and those whom tokens were made for.
pub(crate) struct Subjects {
    pub(crate) users: Arc<Users>,
    pub(crate) tokens: Arc<Tokens>,
}

impl Subjects {
    /// Whether something that is granted to this name is granted to somebody. Nobody gets the name of a deleted account.
    pub(crate) fn has(&self, subject: &Subject) -> bool {
        if let Some(user) = self.users.get(subject.as_str()) {
            return user.deleted.is_none();
        }
        let now = clock::now();
        let mut tokens = self.tokens.list().into_iter().filter(|token| token.subject == subject.as_str());
        tokens.any(|token| token.revoked.is_none() && token.expires > now)
    }
}
