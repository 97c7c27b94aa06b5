//! What a token says, and its text form.

use serde::{Deserialize, Serialize};

use crate::scope::Scope;

/// What a token starts with, so that people and secret scanners know it; a bare JWT is accepted too.
pub const TOKEN_PREFIX: &str = "depot_";

/// The user name that goes with a token in HTTP Basic by custom; any is accepted.
pub const TOKEN_USER: &str = "__token__";

/// The JWT header's `typ`.
pub const TOKEN_TYPE: &str = "depot+jwt";

/// The claims of a token. Every one is required: a missing or mistyped claim makes the token worthless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it: the server's instance id.
    pub iss: String,
    /// For whom: the same instance id.
    pub aud: String,
    /// Who bears it: a user or a robot.
    pub sub: String,
    /// Issued at, in seconds since the Unix epoch.
    pub iat: u64,
    /// Not valid before.
    pub nbf: u64,
    /// Not valid from this second on.
    pub exp: u64,
    /// The token's id, which can be revoked.
    pub jti: String,
    /// What it grants.
    pub scp: Vec<Scope>,
}

/// The JWT in a token's text form.
pub fn jwt_of(token: &str) -> &str {
    token.strip_prefix(TOKEN_PREFIX).unwrap_or(token)
}
