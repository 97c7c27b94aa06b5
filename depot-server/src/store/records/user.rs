//! What is kept of an account.

use std::fmt;

use depot_proto::{Subject, Timestamp};
use serde::{Deserialize, Serialize};

/// The hash of a password, in PHC form: what it was made with, its salt, and the hash. It prints as `***`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct PasswordHash(String);

impl PasswordHash {
    pub(crate) fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The text, for who compares a password with it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An account: a person, or a robot.
#[expect(clippy::struct_excessive_bools, reason = "each is apart from the others, and a key of the document")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserRecord {
    /// Its name, which no other account ever gets.
    pub(crate) name: Subject,
    /// Where to reach its keeper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// Whether it may do everything.
    #[serde(default)]
    pub(crate) admin: bool,
    /// Whether it has no password, and works by tokens alone.
    #[serde(default)]
    pub(crate) robot: bool,
    /// Whether it may say that files are mirrored.
    #[serde(default)]
    pub(crate) mirror: bool,
    /// Whether it may do nothing for now, and none of its tokens.
    #[serde(default)]
    pub(crate) disabled: bool,
    /// What its password is judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<PasswordHash>,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// When it was last changed.
    pub(crate) changed: Timestamp,
    /// How often it was changed: of two copies the one with more changes is right.
    #[serde(default)]
    pub(crate) revision: u64,
    /// When it was deleted. The record stays, so that nobody gets its name and what was granted to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<Timestamp>,
}

impl UserRecord {
    /// Whether it may do anything.
    pub(crate) fn is_alive(&self) -> bool {
        !self.disabled && self.deleted.is_none()
    }

    /// The same without what its password is judged by.
    pub(crate) fn without_secret(&self) -> Self {
        Self { password: None, ..self.clone() }
    }

    /// Deleted: what is left is the name, and that nobody gets it again.
    pub(crate) fn into_deleted(self, at: Timestamp) -> Self {
        Self {
            email: None,
            admin: false,
            mirror: false,
            disabled: true,
            password: None,
            changed: at,
            revision: self.revision + 1,
            deleted: Some(self.deleted.unwrap_or(at)),
            ..self
        }
    }
}

/// Which of two copies of an account stands; the shared rule of every home. A deletion is never taken back; else the one
/// that was changed more often is right, and of two that were changed as often the one that may less.
pub(crate) fn standing(known: UserRecord, other: UserRecord) -> UserRecord {
    let rank = |user: &UserRecord| (user.deleted.is_some(), user.revision, user.disabled, !user.admin);
    if rank(&other) > rank(&known) { other } else { known }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(revision: u64, disabled: bool) -> UserRecord {
        let at = Timestamp::from_seconds(1).unwrap();
        UserRecord {
            name: "ann".parse().unwrap(),
            email: None,
            admin: false,
            robot: false,
            mirror: false,
            disabled,
            password: Some(PasswordHash::new("$argon2id$secret".to_owned())),
            created: at,
            changed: at,
            revision,
            deleted: None,
        }
    }

    #[test]
    fn of_two_copies_the_deleted_one_stands_then_the_newer_then_the_one_that_may_less() {
        let later = Timestamp::from_seconds(9).unwrap();
        assert_eq!(standing(user(2, false), user(1, true)), user(2, false));
        assert_eq!(standing(user(1, true), user(2, false)), user(2, false));
        assert_eq!(standing(user(1, false), user(1, true)), user(1, true));
        assert_eq!(standing(user(1, true), user(1, false)), user(1, true));
        let deleted = user(1, false).into_deleted(later);
        assert_eq!(standing(deleted.clone(), user(9, false)), deleted);
        assert_eq!(standing(user(9, false), deleted.clone()), deleted);
        assert!(!deleted.is_alive() && deleted.password.is_none());
    }

    #[test]
    fn a_hash_is_not_printed() {
        assert!(!format!("{:?}", user(1, false)).contains("secret"));
    }
}
