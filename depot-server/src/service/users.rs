//! Making, changing, disabling and deleting accounts.
//!
//! Like a token, an account has three homes: a twin in `<data-dir>/state/users/<name>.json`, the journal, and the store.
//! Of copies that differ the deleted one stands, then the one that was changed more often; see
//! [`crate::store::records::standing`]. What the journal says last of an account that a copy forgot is applied at the
//! start: so no loss of the store, and no old twin, brings an account back that was disabled or deleted.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use depot_proto::{Subject, Timestamp};

use super::{
    commit::{CommitError, Committer},
    twins::{self, Unreadable},
};
use crate::{
    clock, private,
    store::{
        Accounts, StoreError,
        records::{AccountChange, Change, Entry, PasswordHash, UserRecord, standing},
    },
};

/// Why an account could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    /// No account has this name.
    #[error("there is no account `{0}`")]
    Unknown(Subject),
    /// An account has the name, or had it.
    #[error(
        "there is, or was, an account `{0}`: choose another name, so that nobody gets what was granted to it"
    )]
    Exists(Subject),
    /// A robot has no password.
    #[error(
        "`{0}` is a robot and has no password: make it a token with `depot-server token create --user {0}`"
    )]
    Robot(Subject),
    /// Nobody can be reached there.
    #[error("the e-mail address is none: give one as in ann@acme.example")]
    Email,
    /// The twin could not be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Twin {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store could not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal could not take it.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<Unreadable> for UsersError {
    fn from(Unreadable { path, source }: Unreadable) -> Self {
        Self::Twin { path, source }
    }
}

/// What a new account is made from.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub(crate) name: Subject,
    pub(crate) email: Option<String>,
    pub(crate) admin: bool,
    pub(crate) robot: bool,
    pub(crate) mirror: bool,
    pub(crate) password: Option<PasswordHash>,
}

/// The longest e-mail address, in bytes (RFC 5321).
const MAX_EMAIL: usize = 254;

/// Refuses what is no e-mail address at all.
pub(crate) fn check_email(email: Option<&str>) -> Result<(), UsersError> {
    let Some(email) = email else { return Ok(()) };
    let is_plain = email.contains('@') && !email.contains(|c: char| c.is_control() || c.is_whitespace());
    if is_plain && email.len() <= MAX_EMAIL { Ok(()) } else { Err(UsersError::Email) }
}

/// What happened to an account, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Disabled(Subject),
    Enabled(Subject),
    Deleted(Subject, Timestamp),
}

/// The accounts there are and were.
pub(crate) struct Users {
    folder: PathBuf,
    accounts: Arc<dyn Accounts>,
    known: RwLock<HashMap<Subject, Arc<UserRecord>>>,
    /// Held by who changes an account: a change is made of what stands.
    changing: Mutex<()>,
}

impl Users {
    /// Brings the store's accounts and their twins together.
    pub(crate) fn open(state: &Path, accounts: Arc<dyn Accounts>) -> Result<Self, UsersError> {
        let folder = state.join("users");
        let mut twins = HashMap::new();
        for user in twins::read::<UserRecord>(&folder)? {
            accounts.put_user(&user)?;
            twins.insert(user.name.clone(), user);
        }
        let known: HashMap<_, _> =
            accounts.users()?.into_iter().map(|user| (user.name.clone(), Arc::new(user))).collect();
        let users = Self { folder, accounts, known: RwLock::new(known), changing: Mutex::new(()) };
        for user in users.all() {
            if twins.get(&user.name) != Some(&*user) {
                users.write_twin(&user)?;
            }
        }
        Ok(users)
    }

    /// An account by its name, whether it is alive or not.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<UserRecord>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The accounts that were not deleted, by name.
    pub(crate) fn list(&self) -> Vec<Arc<UserRecord>> {
        let mut users = self.all();
        users.retain(|user| user.deleted.is_none());
        users
    }

    /// The accounts there are and were, by name.
    pub(crate) fn all(&self) -> Vec<Arc<UserRecord>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut users: Vec<_> = known.values().cloned().collect();
        users.sort_by(|one, two| one.name.cmp(&two.name));
        users
    }

    /// Makes an account.
    pub(crate) fn create(
        &self,
        new: NewUser,
        who: &str,
        committer: &Committer,
    ) -> Result<Arc<UserRecord>, UsersError> {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.get(new.name.as_str()).is_some() {
            return Err(UsersError::Exists(new.name));
        }
        if new.robot && new.password.is_some() {
            return Err(UsersError::Robot(new.name));
        }
        check_email(new.email.as_deref())?;
        let NewUser { name, email, admin, robot, mirror, password } = new;
        let now = clock::now();
        let user = UserRecord {
            name: name.clone(),
            email,
            admin,
            robot,
            mirror,
            disabled: false,
            password,
            created: now,
            changed: now,
            revision: 1,
            deleted: None,
        };
        self.keep(user, Change::UserCreate { name }, who, committer)
    }

    /// Gives an account another password.
    pub(crate) fn set_password(
        &self,
        name: &Subject,
        password: PasswordHash,
        who: &str,
        committer: &Committer,
    ) -> Result<Arc<UserRecord>, UsersError> {
        let change = |user: UserRecord| UserRecord { password: Some(password), ..user };
        self.change(name, AccountChange::Password, who, committer, change)
    }

    /// Lets an account do nothing any more, or again what it might.
    pub(crate) fn set_disabled(
        &self,
        name: &Subject,
        disabled: bool,
        who: &str,
        committer: &Committer,
    ) -> Result<Arc<UserRecord>, UsersError> {
        let how = if disabled { AccountChange::Disabled } else { AccountChange::Enabled };
        self.change(name, how, who, committer, |user| UserRecord { disabled, ..user })
    }

    /// Deletes an account; its name is never given again.
    pub(crate) fn delete(
        &self,
        name: &Subject,
        who: &str,
        committer: &Committer,
    ) -> Result<Arc<UserRecord>, UsersError> {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let user = (*self.alive_or_disabled(name)?).clone();
        let change = Change::UserDelete { name: name.clone() };
        self.keep(user.into_deleted(clock::now()), change, who, committer)
    }

    /// Applies what the journal knows of an account, where its other homes forgot it.
    pub(crate) fn apply_lost(&self, lost: &[Lost]) -> Result<(), UsersError> {
        // Only the last word on being disabled counts.
        let mut disabled: HashMap<&Subject, bool> = HashMap::new();
        for lost in lost {
            match lost {
                Lost::Disabled(name) => drop(disabled.insert(name, true)),
                Lost::Enabled(name) => drop(disabled.insert(name, false)),
                Lost::Deleted(name, at) => {
                    if let Some(user) = self.get(name.as_str()).filter(|user| user.deleted.is_none()) {
                        self.put((*user).clone().into_deleted(*at))?;
                    }
                }
            }
        }
        for (name, _) in disabled.into_iter().filter(|(_, disabled)| *disabled) {
            if let Some(user) = self.get(name.as_str()).filter(|user| user.is_alive()) {
                let revision = user.revision + 1;
                self.put(UserRecord { disabled: true, revision, ..(*user).clone() })?;
            }
        }
        Ok(())
    }

    fn alive_or_disabled(&self, name: &Subject) -> Result<Arc<UserRecord>, UsersError> {
        let user = self.get(name.as_str()).filter(|user| user.deleted.is_none());
        user.ok_or_else(|| UsersError::Unknown(name.clone()))
    }

    fn change(
        &self,
        name: &Subject,
        how: AccountChange,
        who: &str,
        committer: &Committer,
        change: impl FnOnce(UserRecord) -> UserRecord,
    ) -> Result<Arc<UserRecord>, UsersError> {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let user = self.alive_or_disabled(name)?;
        if user.robot && how == AccountChange::Password {
            return Err(UsersError::Robot(name.clone()));
        }
        let user = change((*user).clone());
        let user = UserRecord { changed: clock::now(), revision: user.revision + 1, ..user };
        self.keep(user, Change::UserChange { name: name.clone(), change: how }, who, committer)
    }

    /// Writes an account to all its homes. It is what it is from the first on, even if the others fail.
    fn keep(
        &self,
        user: UserRecord,
        change: Change,
        who: &str,
        committer: &Committer,
    ) -> Result<Arc<UserRecord>, UsersError> {
        self.write_twin(&user)?;
        let user = self.remember(user);
        committer.note(Entry { time: user.changed, who: who.to_owned(), change })?;
        self.accounts.put_user(&user)?;
        Ok(user)
    }

    fn put(&self, user: UserRecord) -> Result<(), UsersError> {
        self.write_twin(&user)?;
        self.accounts.put_user(&user)?;
        self.remember(user);
        Ok(())
    }

    fn remember(&self, user: UserRecord) -> Arc<UserRecord> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let stands = match known.get(&user.name) {
            Some(before) => Arc::new(standing((**before).clone(), user)),
            None => Arc::new(user),
        };
        known.insert(stands.name.clone(), Arc::clone(&stands));
        stands
    }

    fn write_twin(&self, user: &UserRecord) -> Result<(), UsersError> {
        // Names are made of what every file system takes.
        let path = self.folder.join(format!("{}.json", user.name));
        let twin = serde_json::to_vec_pretty(user).map_err(io::Error::from);
        twin.and_then(|twin| private::write(&path, &twin)).map_err(|source| UsersError::Twin { path, source })
    }
}
