//! The keys that a CI system signs with: from a file, or asked of the system itself and kept for a while.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use serde::Deserialize;
use tokio::sync::Mutex;

/// How long keys are kept before they are asked for again.
const KEPT: Duration = Duration::from_hours(1);

/// How long they serve where the issuer does not answer.
const STALE: Duration = Duration::from_hours(24);

/// A key that is not known is looked for again, but no more often than this: anybody can name one.
const AGAIN: Duration = Duration::from_secs(30);

/// The largest document taken, in bytes.
const MAX_DOCUMENT: usize = 512 * 1024;

/// How long an issuer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the key that a token names cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// The issuer has no such key.
    #[error("the job's token names a key that `{issuer}` does not have")]
    Unknown {
        /// Who was asked.
        issuer: String,
    },
    /// The issuer, or the file of its keys, says nothing that can be read.
    #[error("the keys of `{issuer}` cannot be had: {reason}")]
    Unreachable {
        /// Whose keys.
        issuer: String,
        /// What went wrong.
        reason: String,
    },
}

/// A CI system that signs tokens.
pub(super) struct Issuer {
    url: String,
    file: Option<PathBuf>,
    kept: Mutex<Option<Kept>>,
}

/// Keys as they were read.
struct Kept {
    keys: Arc<JwkSet>,
    at: Instant,
    /// Of the file that they come from.
    stamp: Option<SystemTime>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    pub(super) fn new(url: &str, file: Option<PathBuf>) -> Self {
        Self { url: url.to_owned(), file, kept: Mutex::new(None) }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The key of this id; without one, the only key there is.
    pub(super) async fn key(&self, id: Option<&str>) -> Result<Jwk, KeysError> {
        // One asks at a time, and the others find what it brought.
        let mut kept = self.kept.lock().await;
        let age = kept.as_ref().map(|kept| kept.at.elapsed());
        let is_fresh = match &self.file {
            Some(_) => kept.as_ref().is_some_and(|kept| kept.stamp == self.stamp()),
            None => age.is_some_and(|age| age < KEPT),
        };
        if is_fresh
            && let Some(kept) = kept.as_ref()
            && let Some(key) = find(&kept.keys, id)
        {
            return Ok(key.clone());
        }
        if is_fresh && (self.file.is_some() || age.is_some_and(|age| age < AGAIN)) {
            return Err(KeysError::Unknown { issuer: self.url.clone() });
        }
        match self.read().await {
            Ok(keys) => *kept = Some(Kept { keys: Arc::new(keys), at: Instant::now(), stamp: self.stamp() }),
            Err(reason) => {
                tracing::warn!(issuer = %self.url, %reason, "the keys of an issuer cannot be read");
                if kept.is_none() || age.is_some_and(|age| age > STALE) {
                    return Err(KeysError::Unreachable { issuer: self.url.clone(), reason });
                }
            }
        }
        let key = kept.as_ref().and_then(|kept| find(&kept.keys, id)).cloned();
        key.ok_or_else(|| KeysError::Unknown { issuer: self.url.clone() })
    }

    fn stamp(&self) -> Option<SystemTime> {
        std::fs::metadata(self.file.as_ref()?).ok()?.modified().ok()
    }

    async fn read(&self) -> Result<JwkSet, String> {
        let document = match &self.file {
            Some(path) => {
                let read = tokio::fs::read(path).await;
                read.map_err(|error| format!("cannot read `{}`: {error}", path.display()))?
            }
            None => self.ask().await?,
        };
        serde_json::from_slice(&document).map_err(|error| format!("they are no JSON Web Key Set: {error}"))
    }

    /// Asks the issuer where its keys are, and for them (OpenID Connect Discovery 1.0).
    async fn ask(&self) -> Result<Vec<u8>, String> {
        let client = depot_index::connections(None)
            .and_then(|builder| builder.timeout(PATIENCE).connect_timeout(PATIENCE / 2).build())
            .map_err(|error| error.to_string())?;
        let address = format!("{}/.well-known/openid-configuration", self.url);
        let discovery: Discovery = serde_json::from_slice(&get(&client, &address).await?)
            .map_err(|error| format!("`{address}` is no discovery document: {error}"))?;
        if discovery.issuer.trim_end_matches('/') != self.url {
            return Err(format!("`{address}` speaks for another issuer"));
        }
        // Never from https to plain http; an issuer on this machine is asked as it was named.
        let is_guarded = discovery.jwks_uri.starts_with("https://")
            || (self.url.starts_with("http://") && discovery.jwks_uri.starts_with(&self.url));
        if !is_guarded {
            return Err(format!("`{address}` names keys that are not at an https address"));
        }
        get(&client, &discovery.jwks_uri).await
    }
}

async fn get(client: &reqwest::Client, address: &str) -> Result<Vec<u8>, String> {
    let failed = |error: reqwest::Error| format!("`{address}`: {}", error.without_url());
    let mut answer = client.get(address).send().await.map_err(failed)?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(format!("`{address}` answered with status {}", answer.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_DOCUMENT {
            return Err(format!("`{address}` is larger than {MAX_DOCUMENT} bytes"));
        }
    }
    Ok(body)
}

/// The key of this id, if it is one for signatures.
fn find<'a>(keys: &'a JwkSet, id: Option<&str>) -> Option<&'a Jwk> {
    let signs =
        |key: &&Jwk| key.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    let mut fitting = keys.keys.iter().filter(signs).filter(|key| match id {
        Some(id) => key.common.key_id.as_deref() == Some(id),
        None => true,
    });
    let first = fitting.next()?;
    (id.is_some() || fitting.next().is_none()).then_some(first)
}
