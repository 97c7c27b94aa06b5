//! Passwords: what they cost to check, and which are taken.
//!
//! argon2id with what OWASP recommends for it: 19 MiB, two passes, one lane. Whoever checks one bounds how many are
//! checked at the same time; see [`crate::service::login`].

use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version, password_hash::phc,
};
use depot_proto::redact::Secret;

use crate::store::records::PasswordHash;

/// The memory for one check, in KiB.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The fewest and most bytes of a password. What is longer than any person types costs time before argon2 sees it.
const MIN_LEN: usize = 8;
pub(crate) const MAX_LEN: usize = 1024;

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Anyone would find it.
    #[error("a password has at least {MIN_LEN} characters")]
    TooShort,
    /// Nobody would type it.
    #[error("a password has at most {MAX_LEN} bytes")]
    TooLong,
    /// Terminals and clients would send something else.
    #[error("a password has no control characters, line ends among them")]
    Control,
    /// It would be judged as a token.
    #[error("this is a token, or looks like one: choose another password")]
    Token,
    /// There is no memory, or no randomness.
    #[error("the password could not be hashed")]
    Failed,
}

/// Whether a text would be judged as a token wherever a password may stand.
pub(crate) fn is_token(text: &str) -> bool {
    let jwt = depot_proto::claims::jwt_of(text);
    jwt.len() < text.len() || (jwt.starts_with("eyJ") && jwt.split('.').count() == 3)
}

/// What a password will be judged by. Takes 19 MiB, and tens of milliseconds.
pub(crate) fn hash(password: &Secret) -> Result<PasswordHash, PasswordError> {
    let text = password.expose();
    if text.chars().count() < MIN_LEN {
        return Err(PasswordError::TooShort);
    }
    if text.len() > MAX_LEN {
        return Err(PasswordError::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(PasswordError::Control);
    }
    if is_token(text) {
        return Err(PasswordError::Token);
    }
    hash_any(text)
}

fn hash_any(text: &str) -> Result<PasswordHash, PasswordError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| PasswordError::Failed)?;
    let hash = hasher()?.hash_password_with_salt(text.as_bytes(), &salt);
    hash.map(|hash: phc::PasswordHash| PasswordHash::new(hash.to_string())).map_err(|_| PasswordError::Failed)
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|_| PasswordError::Failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Whether this is the password that was hashed; with nothing to compare it with, the same work for a no.
pub(crate) fn verify(password: &Secret, hash: Option<&PasswordHash>) -> bool {
    static NOBODYS: OnceLock<Option<PasswordHash>> = OnceLock::new();
    let (Some(judge), is_known) = (match hash {
        Some(hash) => (Some(hash), true),
        None => (NOBODYS.get_or_init(|| hash_any("nobody's").ok()).as_ref(), false),
    }) else {
        return false;
    };
    let Ok(hasher) = hasher() else { return false };
    // The comparison takes the same time wherever the first difference is.
    let is_right = hasher.verify_password(password.expose().as_bytes(), judge.expose()).is_ok();
    is_right && is_known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let hashed = hash(&secret("correct horse")).unwrap();
        assert!(hashed.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hashed.expose());
        assert!(verify(&secret("correct horse"), Some(&hashed)));
        for other in ["correct horsE", "", "correct horse "] {
            assert!(!verify(&secret(other), Some(&hashed)), "{other}");
        }
        assert_ne!(hash(&secret("correct horse")).unwrap(), hashed, "two hashes have two salts");
        assert!(!verify(&secret("correct horse"), Some(&PasswordHash::new("$argon2id$x".to_owned()))));
    }

    #[test]
    fn nobody_has_a_password() {
        assert!(!verify(&secret("nobody's"), None));
    }

    #[test]
    fn what_cannot_be_a_password_is_refused() {
        let refused = |text: &str| hash(&secret(text)).unwrap_err();
        assert_eq!(refused("seven77"), PasswordError::TooShort);
        assert_eq!(refused(&"x".repeat(1025)), PasswordError::TooLong);
        assert_eq!(refused("a line\nand another"), PasswordError::Control);
        assert_eq!(refused("depot_correct horse"), PasswordError::Token);
        assert_eq!(refused("eyJhbGciOi.x.y"), PasswordError::Token);
    }
}
