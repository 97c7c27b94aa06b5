//! What can be typed about accounts.

use clap::{Args, Subcommand};
use depot_proto::Subject;

use super::{DataDir, OutputFormat};

#[derive(Debug, Subcommand)]
pub(in super::super) enum UserVerb {
    /// Make an account; its name is never given to another
    Create(UserCreate),
    /// List the accounts
    List(UserList),
    /// Give an account another password
    Passwd(UserPasswd),
    /// Let an account, and its tokens, do nothing until it is enabled again
    Disable(UserNamed),
    /// Let an account do again what it might
    Enable(UserNamed),
    /// Delete an account and revoke its tokens, for good
    Delete(UserNamed),
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Args)]
pub(in super::super) struct UserCreate {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// Its name
    #[arg(long, value_name = "NAME")]
    pub(in super::super) username: Subject,
    /// Read the password from standard input, and do not ask the terminal for it
    #[arg(long, conflicts_with = "robot")]
    pub(in super::super) password_stdin: bool,
    /// Where to reach its keeper
    #[arg(long, value_name = "ADDRESS")]
    pub(in super::super) email: Option<String>,
    /// Let it do everything
    #[arg(long)]
    pub(in super::super) admin: bool,
    /// Make it one without a password, that works by tokens alone
    #[arg(long)]
    pub(in super::super) robot: bool,
    /// Let it say that files are mirrored: pushing what was saved from another index needs that
    #[arg(long)]
    pub(in super::super) mirror: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

#[derive(Debug, Subcommand)]
pub(in super::super) enum KeyVerb {
    /// Sign tokens with a new key from here on; the keys of before judge what they signed until it ends
    Rotate(KeyRotate),
}

#[derive(Debug, Args)]
pub(in super::super) struct KeyRotate {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// Remove the keys of before, and revoke every token there is; `admin.token` is made again
    #[arg(long)]
    pub(in super::super) retire_old: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

#[derive(Debug, Args)]
pub(in super::super) struct UserList {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

#[derive(Debug, Args)]
pub(in super::super) struct UserPasswd {
    #[command(flatten)]
    pub(in super::super) named: UserNamed,
    /// Read the password from standard input, and do not ask the terminal for it
    #[arg(long)]
    pub(in super::super) password_stdin: bool,
}

#[derive(Debug, Args)]
pub(in super::super) struct UserNamed {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// The account's name
    #[arg(long, value_name = "NAME")]
    pub(in super::super) username: Subject,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}
