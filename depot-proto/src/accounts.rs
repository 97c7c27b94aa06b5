//! What is said at `/api/` about accounts and tokens.

use serde::{Deserialize, Serialize};

use crate::{
    Subject, Timestamp,
    scope::{ProjectPattern, Scope},
};

/// Where tokens are issued, listed and revoked.
pub const TOKENS_PATH: &str = "/api/tokens";

/// Where accounts are made, listed, changed and deleted.
pub const USERS_PATH: &str = "/api/users";

/// Where one is told who one is.
pub const WHOAMI_PATH: &str = "/api/whoami";

/// Tells the bearer of a token that ends soon when that is.
pub const EXPIRES_HEADER: &str = "x-depot-token-expires";

/// How many days before its end a token is spoken of.
pub const WARN_DAYS: u32 = 14;

/// For how many days a token is, where nobody says.
pub const DEFAULT_DAYS: u32 = 90;

/// What a token grants, where nobody says.
pub const DEFAULT_SCOPE: &str = "read+push+push-new+mirror";

/// Asks for a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// What it is called in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For how many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_days: Option<u32>,
    /// What it grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// To which projects the scopes are bound that name none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<ProjectPattern>,
    /// Who will bear it, for an administrator to say; else whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFacts {
    /// Its id, by which it is revoked.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Who bears it.
    pub user: String,
    /// What it grants.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Timestamp>,
}

/// A token that was issued, with its text, which is said this once.
#[derive(Clone, Serialize, Deserialize)]
pub struct IssuedToken {
    /// The text.
    pub token: String,
    /// What is known of it.
    #[serde(flatten)]
    pub facts: TokenFacts,
}

/// Tokens, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenList {
    /// What is known of them.
    pub tokens: Vec<TokenFacts>,
}

/// Which token to revoke: one of both.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRevocation {
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// How someone showed who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// By a token.
    Token,
    /// By the password of an account.
    Password,
}

/// Who one is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoAmI {
    /// The name.
    pub user: String,
    /// How that is known.
    pub by: Shown,
    /// Whether it is an account; a token may also be for a name that is none.
    pub account: bool,
    /// Whether one may administer the server.
    pub admin: bool,
    /// The token, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenFacts>,
}

/// Asks for an account.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRequest {
    /// Its name.
    pub name: Subject,
    /// Where to reach its keeper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether it may do everything.
    #[serde(default)]
    pub admin: bool,
    /// Whether it has no password, and works by tokens alone.
    #[serde(default)]
    pub robot: bool,
    /// Whether it may say that files are mirrored.
    #[serde(default)]
    pub mirror: bool,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Asks for an account to be another.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserUpdate {
    /// Its new password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Whether it may do nothing for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// What is known of an account.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the document")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFacts {
    /// Its name.
    pub name: Subject,
    /// Where to reach its keeper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether it may do everything.
    pub admin: bool,
    /// Whether it has no password.
    pub robot: bool,
    /// Whether it may say that files are mirrored.
    pub mirror: bool,
    /// Whether it may do nothing for now.
    pub disabled: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// Accounts, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserList {
    /// What is known of them.
    pub users: Vec<UserFacts>,
}
