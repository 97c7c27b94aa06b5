//! Checking user names and passwords.
//!
//! A check costs 19 MiB and tens of milliseconds on purpose, so only a few run at the same time, one that was right is
//! remembered for a minute, and whoever fails too often is not looked at for a while. An unknown name, a robot and an
//! account that is disabled cost what a wrong password costs and are answered alike.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use depot_proto::{Subject, redact::Secret};
use moka::sync::Cache;
use tokio::sync::Semaphore;

use super::{
    throttle::{Throttle, Trier},
    users::Users,
};
use crate::{
    auth::password,
    store::records::{PasswordHash, UserRecord},
};

/// How long one waits for its turn.
const TURN: Duration = Duration::from_secs(20);

/// How long a password that was right is remembered, and how many are.
const REMEMBERED_FOR: Duration = Duration::from_mins(1);
const REMEMBERED: u64 = 4096;

/// The longest name that is counted by itself, in bytes.
const LONGEST_NAME: usize = 256;

/// Why nobody is logged in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LoginError {
    /// It is not said which.
    #[error(
        "the user name or the password is wrong: give those of an account, or a token as the password of any user"
    )]
    Wrong,
    /// Too many failures.
    #[error("too many failed logins: try again in {} s; a token works meanwhile", .0.as_secs().max(1))]
    Throttled(Duration),
    /// Too many logins at the same time.
    #[error("too many logins are under way: try again in a moment")]
    Busy,
    /// The check could not be made.
    #[error("the password could not be checked")]
    Failed,
}

/// What was right: of which password, by a digest that only this process can make, and of the account as it then was.
type Right = [u8; 32];

/// Checks passwords.
pub(crate) struct Logins {
    users: Arc<Users>,
    throttle: Throttle,
    turns: Arc<Semaphore>,
    key: hmac::Key,
    remembered: Cache<Right, u64>,
    checks: Arc<AtomicU64>,
}

impl Logins {
    /// A checker of these accounts, that takes turns with all others who hash.
    pub(crate) fn new(users: Arc<Users>, turns: Arc<Semaphore>) -> std::io::Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
        Ok(Self {
            users,
            throttle: Throttle::new(),
            turns,
            key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            remembered: Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build(),
            checks: Arc::default(),
        })
    }

    /// The account that this is the password of.
    pub(crate) async fn check(
        &self,
        name: &str,
        given: Secret,
        client: Option<IpAddr>,
    ) -> Result<Arc<UserRecord>, LoginError> {
        // What is longer is nobody's; it is not hashed, and costs its sender the tries.
        let is_too_long = given.expose().len() > password::MAX_LEN;
        let name = name.get(..LONGEST_NAME.min(name.len())).unwrap_or_default();
        let user = name.parse::<Subject>().ok().and_then(|name| self.users.get(name.as_str()));
        let user = user.filter(|user| user.is_alive() && user.password.is_some());
        let digest = self.digest(name, &given);
        if let Some(user) = &user
            && self.remembered.get(&digest) == Some(user.revision)
        {
            return Ok(Arc::clone(user));
        }
        let triers = [Some(Trier::Name(name.to_ascii_lowercase())), client.map(Trier::at)];
        self.refuse_throttled(&triers)?;
        let turn = tokio::time::timeout(TURN, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| LoginError::Busy)?.map_err(|_| LoginError::Failed)?;
        // Others of theirs may have failed while this one waited.
        self.refuse_throttled(&triers)?;
        let hash = user.as_ref().and_then(|user| user.password.clone());
        let given = if is_too_long { Secret::from(String::new()) } else { given };
        let is_right = self.compare(given, hash).await?;
        match user {
            Some(user) if is_right && !is_too_long => {
                self.remembered.insert(digest, user.revision);
                // It may have changed while it was checked.
                let now = self.users.get(user.name.as_str());
                now.filter(|now| now.revision == user.revision).ok_or(LoginError::Wrong)
            }
            _ => {
                let now = Instant::now();
                triers.into_iter().flatten().for_each(|trier| self.throttle.failed(trier, now));
                Err(LoginError::Wrong)
            }
        }
    }

    async fn compare(&self, given: Secret, hash: Option<PasswordHash>) -> Result<bool, LoginError> {
        let checks = Arc::clone(&self.checks);
        let compared = tokio::task::spawn_blocking(move || {
            checks.fetch_add(1, Ordering::Relaxed);
            password::verify(&given, hash.as_ref())
        });
        compared.await.map_err(|_| LoginError::Failed)
    }

    fn refuse_throttled(&self, triers: &[Option<Trier>]) -> Result<(), LoginError> {
        let now = Instant::now();
        let wait = triers.iter().flatten().filter_map(|trier| self.throttle.wait(trier, now)).max();
        wait.map_or(Ok(()), |wait| Err(LoginError::Throttled(wait)))
    }

    fn digest(&self, name: &str, given: &Secret) -> Right {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(name.len() as u64).to_le_bytes());
        context.update(name.as_bytes());
        context.update(given.expose().as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

#[cfg(test)]
mod tests;
