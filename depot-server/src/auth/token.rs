//! Tokens: signing and judging them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use depot_proto::{
    Sha256Digest, Timestamp,
    claims::{self, Claims},
    redact::Secret,
    scope::Scope,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;

use super::keys::Key;
use crate::{clock, random, store::records::TokenRecord};

/// Longer texts are no tokens; one with a hundred scopes is below this.
const MAX_TOKEN_LEN: usize = 16 * 1024;

/// How far the clocks of issuer and judge may differ, in seconds; they are the same machine's.
const LEEWAY: u64 = 5;

/// How many verified signatures are remembered, and for how long: a push presents one token thousands of times, and
/// verifying it takes a tenth of a millisecond each time.
const REMEMBERED: u64 = 1024;
const REMEMBERED_FOR: Duration = Duration::from_mins(1);

/// Why a presented token is worth nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// It is not one of this server's.
    #[error("the token is not valid here: {0}")]
    Invalid(&'static str),
    /// It was revoked.
    #[error("the token was revoked on {0}")]
    Revoked(Timestamp),
}

/// Signs tokens with the newest key and judges them by all.
pub(crate) struct Signer {
    instance: String,
    signing: (String, EncodingKey),
    verifying: HashMap<String, DecodingKey>,
    /// What was signed by us, under the digest of the whole text: never what it is worth, which is asked each time.
    verified: Cache<Sha256Digest, Arc<Claims>>,
}

impl Signer {
    /// A signer for this instance, which is issuer and audience of all its tokens.
    pub(crate) fn new(instance: &str, keys: &[Key]) -> Option<Self> {
        let newest = keys.last()?;
        let judging = keys.iter().map(|key| {
            let public = DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(&key.public)).ok()?;
            Some((key.id.clone(), public))
        });
        Some(Self {
            instance: instance.to_owned(),
            signing: (newest.id.clone(), EncodingKey::from_ed_der(&newest.private)),
            verifying: judging.collect::<Option<_>>()?,
            verified: Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build(),
        })
    }

    /// The text of a token with these facts.
    pub(crate) fn sign(&self, token: &TokenRecord) -> Result<Secret, jsonwebtoken::errors::Error> {
        let seconds = |time: Timestamp| u64::try_from(time.seconds()).unwrap_or_default();
        let claims = Claims {
            iss: self.instance.clone(),
            aud: self.instance.clone(),
            sub: token.subject.clone(),
            iat: seconds(token.created),
            nbf: seconds(token.created),
            exp: seconds(token.expires),
            jti: token.id.clone(),
            scp: token.scopes.clone(),
        };
        let (kid, key) = &self.signing;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(claims::TOKEN_TYPE.to_owned());
        header.kid = Some(kid.clone());
        let jwt = jsonwebtoken::encode(&header, &claims, key)?;
        Ok(format!("{}{jwt}", claims::TOKEN_PREFIX).into())
    }

    /// What is kept of the token with this text, if it is one of this server that is known, alive and unrevoked.
    pub(crate) fn verify(
        &self,
        text: &str,
        known: impl Fn(&str) -> Option<Arc<TokenRecord>>,
    ) -> Result<Arc<TokenRecord>, TokenError> {
        let jwt = claims::jwt_of(text);
        if jwt.len() > MAX_TOKEN_LEN {
            return Err(TokenError::Invalid("it is too long"));
        }
        let digest = Sha256Digest::of(jwt.as_bytes());
        let claims = match self.verified.get(&digest) {
            Some(claims) => timely(&claims).map(|()| claims)?,
            None => {
                let claims = Arc::new(self.decode(jwt)?);
                self.verified.insert(digest, Arc::clone(&claims));
                claims
            }
        };
        let record =
            known(&claims.jti).ok_or(TokenError::Invalid("this server does not know it any more"))?;
        if let Some(at) = record.revoked {
            return Err(TokenError::Revoked(at));
        }
        let ends = u64::try_from(record.expires.seconds()).unwrap_or_default();
        if record.subject != claims.sub || record.scopes != claims.scp || ends != claims.exp {
            return Err(TokenError::Invalid("it is not what was issued under its id"));
        }
        Ok(record)
    }

    /// The id of the token with this text, if one of our keys signed it for now; it may be revoked.
    pub(crate) fn id_of(&self, text: &str) -> Option<String> {
        let jwt = claims::jwt_of(text);
        let claims = (jwt.len() <= MAX_TOKEN_LEN).then(|| self.decode(jwt).ok()).flatten()?;
        Some(claims.jti)
    }

    /// What a text says that one of our keys signed for now.
    fn decode(&self, jwt: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(jwt).map_err(|_| TokenError::Invalid("it is malformed"))?;
        if header.typ.as_deref() != Some(claims::TOKEN_TYPE) {
            return Err(TokenError::Invalid("it is a token of another kind"));
        }
        if has_critical_parts(jwt) {
            return Err(TokenError::Invalid("it asks for something that nobody here knows"));
        }
        // The key, and with it the algorithm, is ours; the header only names which.
        let key = header.kid.as_deref().and_then(|kid| self.verifying.get(kid));
        let key = key.ok_or(TokenError::Invalid("no key of this server signed it"))?;
        Ok(jsonwebtoken::decode::<Claims>(jwt, key, &self.validation()).map_err(refusal)?.claims)
    }

    fn validation(&self) -> Validation {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "nbf", "exp"]);
        validation.set_issuer(&[&self.instance]);
        validation.set_audience(&[&self.instance]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY;
        validation
    }
}

/// Whether the header says that parts of it must be understood (RFC 7515, 4.1.11); none of those parts is.
pub(super) fn has_critical_parts(jwt: &str) -> bool {
    let header = jwt.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let header = header.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    header.is_none_or(|header| header.get("crit").is_some())
}

/// Whether claims that were verified before are still, or already, for now.
fn timely(claims: &Claims) -> Result<(), TokenError> {
    let now = u64::try_from(clock::now().seconds()).unwrap_or_default();
    if claims.exp < now.saturating_sub(LEEWAY) {
        return Err(TokenError::Invalid(EXPIRED));
    }
    if claims.nbf > now + LEEWAY {
        return Err(TokenError::Invalid(IMMATURE));
    }
    Ok(())
}

const EXPIRED: &str = "it has expired";
const IMMATURE: &str = "its time has not come; is the clock right?";

fn refusal(error: jsonwebtoken::errors::Error) -> TokenError {
    use jsonwebtoken::errors::ErrorKind;
    match error.into_kind() {
        ErrorKind::ExpiredSignature => TokenError::Invalid(EXPIRED),
        ErrorKind::ImmatureSignature => TokenError::Invalid(IMMATURE),
        ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => {
            TokenError::Invalid("another server issued it")
        }
        ErrorKind::InvalidSignature => TokenError::Invalid("its signature is wrong"),
        _ => TokenError::Invalid("it is malformed"),
    }
}

/// What a token is made from.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    /// Who will bear it.
    pub(crate) subject: String,
    /// What it is called.
    pub(crate) name: String,
    /// What it grants.
    pub(crate) scopes: Vec<Scope>,
    /// For how many days from now.
    pub(crate) days: u32,
    /// Whether who will bear it is an account.
    pub(crate) account: bool,
}

impl NewToken {
    /// The record of the token to be, with a random id.
    pub(crate) fn record(self, now: Timestamp) -> std::io::Result<TokenRecord> {
        let seconds = now.seconds() + i64::from(self.days) * 24 * 60 * 60;
        Ok(TokenRecord {
            id: random::id()?,
            subject: self.subject,
            name: self.name,
            scopes: self.scopes,
            created: now,
            expires: Timestamp::from_seconds(seconds).unwrap_or(now),
            account: self.account,
            revoked: None,
            minted: None,
        })
    }
}
