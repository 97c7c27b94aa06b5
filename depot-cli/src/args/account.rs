//! `depot login`, `logout`, `token`, `whoami` and `use`, as they can be typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use depot_proto::{
    accounts::DEFAULT_DAYS,
    scope::{ProjectPattern, Scope},
};

use super::NetworkArgs;

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The server: `https://depot.example`
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The name of the account; the terminal is asked where this is not given
    #[arg(long, env = "DEPOT_USERNAME", value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Read the password from standard input, and do not ask the terminal for it
    #[arg(long, requires = "username")]
    pub(crate) password_stdin: bool,
    /// Keep a token that is read from standard input, and make none
    #[arg(long, conflicts_with_all = ["username", "password_stdin"])]
    pub(crate) token_stdin: bool,
    /// For how many days the token is
    #[arg(long, value_name = "N", default_value_t = DEFAULT_DAYS)]
    pub(crate) expires_days: u32,
    /// What the token grants, where the account may do so: actions:repository:projects
    #[arg(long, value_name = "SCOPE", default_value = "read+push+push-new+mirror+yank+delete")]
    pub(crate) scope: Vec<Scope>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The server
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Who asks.
#[derive(Clone, Debug, Args)]
pub(crate) struct WhoArgs {
    /// Ask by the password of this account, and not by a token
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Read the password from standard input, and do not ask the terminal for it
    #[arg(long, requires = "username")]
    pub(crate) password_stdin: bool,
    /// Ask by this token [default: that of the login]
    #[arg(long, env = "DEPOT_AUTH_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Ask by the token in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Make a token and print it, this once; a password makes one, or an administrator's token
    Create(TokenCreateArgs),
    /// List one's tokens
    List(TokenListArgs),
    /// Revoke a token; it is dead at once
    Revoke(TokenRevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreateArgs {
    /// The server
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
    /// What it is called in lists
    #[arg(long, value_name = "NAME", default_value = "token")]
    pub(crate) name: String,
    /// What it grants, as actions:repository:projects [default: read+push+push-new+mirror]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<Scope>,
    /// To which projects scopes are bound that name none: a name, or the beginning of names and a `*`, as in 'acme-*'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) project: Vec<ProjectPattern>,
    /// For how many days
    #[arg(long, value_name = "N", default_value_t = DEFAULT_DAYS)]
    pub(crate) expires_days: u32,
    /// Who will bear it, for an administrator to say
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TokenListArgs {
    /// The server
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
    /// Whose, for an administrator to say [default: one's own, or all for an administrator]
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TokenRevokeArgs {
    /// The server
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The token's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WhoamiArgs {
    /// The server [default: every one that there is a login for]
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Args)]
pub(crate) struct UseArgs {
    /// The server, or a repository of it: `https://depot.example`, `https://depot.example/python`
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// Write the user's `pip.conf` [default where no client is named: pip and uv]
    #[arg(long)]
    pub(crate) pip: bool,
    /// Write the user's `uv.toml`
    #[arg(long)]
    pub(crate) uv: bool,
    /// Write the `pyproject.toml` of the project here, for Poetry
    #[arg(long)]
    pub(crate) poetry: bool,
    /// Write the token of the login into `.netrc`, where pip and uv find it
    #[arg(long)]
    pub(crate) netrc: bool,
    /// Show the change, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
