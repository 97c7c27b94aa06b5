//! What a job shows: a JWT of its CI system, judged by that system's key and made for this server.

use depot_proto::{Sha256Digest, Timestamp};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation, jwk::Jwk};
use serde_json::{Map, Value};

use super::super::token::has_critical_parts;
use crate::clock;

/// Longer texts are no tokens of CI systems; GitHub's are below 3 KiB.
const MAX_LEN: usize = 16 * 1024;

/// How far the clocks of issuer and judge may differ, in seconds.
const LEEWAY: u64 = 30;

/// The longest life of a token that is taken, in seconds: its use must be remembered for as long.
const MAX_LIFE: u64 = 7 * 24 * 60 * 60;

/// Claims that say nothing about the job, or are of no use in a rule.
const SILENT: [&str; 8] = ["iss", "aud", "iat", "nbf", "exp", "jti", "sub", "run_id"];

/// Why a token proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdentityError {
    /// It is no JWT, or says something that it must not.
    #[error("the job's token is worth nothing here: {0}")]
    Worthless(&'static str),
    /// Nobody trusts who made it.
    #[error("the job's token comes from `{0}`, which no publisher here names")]
    UnknownIssuer(String),
    /// It was made for someone else.
    #[error(
        "the job's token is made for `{made_for}`: ask for the audience `{audience}`, and for no other beside it"
    )]
    WrongAudience {
        /// What it says.
        made_for: String,
        /// What it should say.
        audience: String,
    },
}

/// What a token says of itself, before anybody has verified it: good for choosing the key, and for nothing else.
#[derive(Debug)]
pub(super) struct Shown {
    issuer: String,
    key_id: Option<String>,
    algorithm: Algorithm,
}

impl Shown {
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }
}

/// Who a job is, verified.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    issuer: String,
    subject: String,
    id: String,
    ends: Timestamp,
    claims: Map<String, Value>,
}

impl Identity {
    /// Who says so.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The token's `sub`.
    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    /// When the token ends: until then its use must be remembered.
    pub(crate) fn ends(&self) -> Timestamp {
        self.ends
    }

    /// What stands for this very token: the same for each use of it, and for no other. 32 hexadecimal digits.
    pub(crate) fn fingerprint(&self) -> String {
        let whole = format!("oidc\0{}\0{}", self.issuer, self.id);
        Sha256Digest::of(whole.as_bytes()).to_string()[..32].to_owned()
    }

    /// What a claim says, in words; several for a list, none if it is absent.
    pub(super) fn claim(&self, name: &str) -> Vec<String> {
        match self.claims.get(name) {
            Some(Value::Array(values)) => values.iter().filter_map(text_of).collect(),
            Some(value) => text_of(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// The claims that rules can be made of, for who must find out why none fits.
    pub(super) fn telling_claims(&self) -> String {
        let claims = self.claims.iter().filter(|(name, _)| !SILENT.contains(&name.as_str()));
        let mut words: Vec<_> =
            claims.filter_map(|(name, value)| Some(format!("{name}={}", text_of(value)?))).collect();
        words.insert(0, format!("sub={}", self.subject));
        words.join(", ").chars().take(2000).filter(|c| !c.is_control()).collect()
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Looks at a token without believing it.
pub(super) fn look(token: &str) -> Result<Shown, IdentityError> {
    let malformed = IdentityError::Worthless("it is no signed JWT");
    if token.len() > MAX_LEN {
        return Err(IdentityError::Worthless("it is too long"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| malformed.clone())?;
    if has_critical_parts(token) {
        return Err(IdentityError::Worthless("it asks for something that nobody here knows"));
    }
    let claims = jsonwebtoken::dangerous::insecure_decode_claims::<Map<String, Value>>(token)
        .map_err(|_| malformed.clone())?;
    let issuer = claims.get("iss").and_then(Value::as_str).ok_or(malformed)?;
    Ok(Shown { issuer: issuer.trim_end_matches('/').to_owned(), key_id: header.kid, algorithm: header.alg })
}

/// Verifies a token by the key that its issuer has under its key id.
pub(super) fn verify(
    token: &str,
    shown: &Shown,
    key: &Jwk,
    audience: &str,
) -> Result<Identity, IdentityError> {
    let worthless = IdentityError::Worthless;
    // The key says which algorithms it is for; a shared secret has no place in a set of public keys.
    let decoding =
        DecodingKey::from_jwk(key).map_err(|_| worthless("its key is of a kind that is not known"))?;
    if decoding.family() == AlgorithmFamily::Hmac || decoding.family() != shown.algorithm.family() {
        return Err(worthless("its algorithm is not that of its key"));
    }
    let stated = key.common.key_algorithm.map(|algorithm| algorithm.to_string());
    if stated.is_some_and(|stated| stated != format!("{:?}", shown.algorithm)) {
        return Err(worthless("its algorithm is not that of its key"));
    }
    let mut validation = Validation::new(shown.algorithm);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY;
    // Audience and issuer are compared below, where a list with others beside ours is refused.
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &decoding, &validation);
    let claims = decoded.map_err(|error| refusal(&error))?.claims;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss").map(|issuer| issuer.trim_end_matches('/')) != Some(shown.issuer()) {
        return Err(worthless("its issuer is not who signed it"));
    }
    let made_for: Vec<_> = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().map(|one| one.as_str().unwrap_or("?").to_owned()).collect(),
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    };
    if made_for != [audience] {
        let made_for = made_for.join("`, `").chars().take(200).collect();
        return Err(IdentityError::WrongAudience { made_for, audience: audience.to_owned() });
    }
    let number = |name: &str| claims.get(name).and_then(Value::as_u64);
    let (Some(issued), Some(ends)) = (number("iat"), number("exp")) else {
        return Err(worthless("it does not say when it was issued and when it ends"));
    };
    let now = u64::try_from(clock::now().seconds()).unwrap_or_default();
    if issued > now + LEEWAY {
        return Err(worthless("its time has not come; is the clock right?"));
    }
    if ends.saturating_sub(issued) > MAX_LIFE {
        return Err(worthless("it lives for more than a week"));
    }
    let subject = text("sub").filter(|subject| !subject.is_empty());
    let subject = subject.ok_or(worthless("it does not say whose it is"))?.to_owned();
    // Without an id of its own, its text is its id.
    let id = text("jti").filter(|id| !id.is_empty());
    let id = id.map_or_else(|| signed_part(token), ToOwned::to_owned);
    let ends = i64::try_from(ends).ok().and_then(Timestamp::from_seconds);
    let ends = ends.ok_or(worthless("it does not say when it ends"))?;
    Ok(Identity { issuer: shown.issuer.clone(), subject, id, ends, claims })
}

/// The digest of what was signed. The signature itself is left out: one text can have many that are right.
fn signed_part(token: &str) -> String {
    let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
    Sha256Digest::of(signed.as_bytes()).to_string()
}

fn refusal(error: &jsonwebtoken::errors::Error) -> IdentityError {
    use jsonwebtoken::errors::ErrorKind;
    IdentityError::Worthless(match error.kind() {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "its time has not come; is the clock right?",
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::MissingRequiredClaim(_) => "a claim that every such token has is missing",
        _ => "it is malformed",
    })
}
