//! Trusted publishing: a CI job shows who it is by a token that its CI system signed (OpenID Connect), and gets a token of
//! this server for what was agreed on. No secret of this server lies in the CI system.
//!
//! [`publishers`] says whom to trust with what, [`issuer`] has the keys that the CI systems sign with, [`identity`]
//! judges what a job shows.

mod identity;
mod issuer;
mod publishers;
mod reserving;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use depot_proto::{ProjectName, RepositoryName};

use crate::followed::{Stamp, stamp};

pub(crate) use identity::{Identity, IdentityError};
pub(crate) use issuer::KeysError;
pub(crate) use publishers::{Publisher, PublishersError};

use issuer::Issuer;
use publishers::Publishers;
use reserving::Reserving;

/// Why a job gets nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    /// What it shows proves nothing.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The keys of its issuer cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// It is who it says, and nobody agreed to that.
    #[error(
        "the token of `{subject}` is genuine, but no publisher is configured for it ({nearest}): its claims are {claims}"
    )]
    NoPublisher {
        /// The token's `sub`.
        subject: String,
        /// What keeps it from the publisher of the same issuer that is nearest to it.
        nearest: String,
        /// The claims that rules are made of.
        claims: String,
    },
}

/// Who is trusted, as the file of publishers says it now.
pub(crate) struct Oidc {
    audience: String,
    offline: bool,
    path: PathBuf,
    current: RwLock<Current>,
    reserving: Reserving,
}

/// What was read of the file, and which file that was.
struct Current {
    publishers: Arc<Publishers>,
    issuers: Arc<Vec<Issuer>>,
    seen: Option<Stamp>,
}

impl Oidc {
    /// Reads the file of publishers. With `offline` no issuer is asked for its keys: each needs a file of them.
    pub(crate) fn open(path: &Path, audience: String, offline: bool) -> Result<Self, PublishersError> {
        let seen = stamp(path);
        let (publishers, issuers) = read(path, offline)?;
        let reserving = Reserving::new(path.to_owned(), seen, &publishers);
        let current = RwLock::new(Current { publishers, issuers, seen });
        Ok(Self { audience, offline, path: path.to_owned(), current, reserving })
    }

    /// Whether jobs may publish under a pattern of names to which this one belongs, and not under every name.
    pub(crate) fn reserves(&self, repository: &RepositoryName, project: &ProjectName) -> bool {
        self.reserving.reserves(repository, project)
    }

    /// A number that differs where other names are reserved.
    pub(crate) fn reserving_version(&self) -> u64 {
        self.reserving.version()
    }

    /// Looks whether other names are reserved by now. May block.
    pub(crate) fn look(&self) {
        self.reserving.look();
    }

    /// The audience that a job's token must be made for: this server, and no other.
    pub(crate) fn audience(&self) -> &str {
        &self.audience
    }

    /// Who shows this token, and the publisher that was agreed on for them.
    pub(crate) async fn recognize(&self, token: &str) -> Result<(Identity, Publisher), OidcError> {
        let (publishers, issuers) = self.current();
        let shown = identity::look(token)?;
        let issuer = issuers.iter().find(|issuer| issuer.url() == shown.issuer());
        let issuer = issuer.ok_or_else(|| IdentityError::UnknownIssuer(shown.issuer().to_owned()))?;
        let key = issuer.key(shown.key_id()).await?;
        let identity = identity::verify(token, &shown, &key, &self.audience)?;
        match publishers.of(&identity) {
            Ok(publisher) => Ok((identity, publisher.clone())),
            Err(nearest) => {
                let (subject, claims) = (identity.subject().to_owned(), identity.telling_claims());
                Err(OidcError::NoPublisher { subject, nearest, claims })
            }
        }
    }

    /// The publishers of now: the file is read again when it has changed. One that cannot be read changes nothing.
    fn current(&self) -> (Arc<Publishers>, Arc<Vec<Issuer>>) {
        let now = stamp(&self.path);
        {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if current.seen == now {
                return (Arc::clone(&current.publishers), Arc::clone(&current.issuers));
            }
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.seen != now {
            match read(&self.path, self.offline) {
                Ok((publishers, issuers)) => {
                    (current.publishers, current.issuers) = (publishers, issuers);
                    tracing::info!(path = %self.path.display(), "the publishers were read again");
                }
                Err(error) => tracing::error!(%error, "the new publishers are not used"),
            }
            current.seen = now;
        }
        (Arc::clone(&current.publishers), Arc::clone(&current.issuers))
    }
}

fn read(path: &Path, offline: bool) -> Result<(Arc<Publishers>, Arc<Vec<Issuer>>), PublishersError> {
    let publishers = Publishers::read(path)?;
    let mut issuers = Vec::new();
    for url in publishers.issuers() {
        let keys = publishers.key_file(url);
        if offline && keys.is_none() {
            return Err(PublishersError::Offline { path: path.to_owned(), issuer: url.to_owned() });
        }
        issuers.push(Issuer::new(url, keys));
    }
    Ok((Arc::new(publishers), Arc::new(issuers)))
}
