//! What can be typed.

use std::{net::IpAddr, path::PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand, builder::BoolishValueParser};
use depot_proto::scope::Scope;

use crate::{config::Config, telemetry::LogFormat};

/// A Python package index over a local tree.
#[derive(Debug, Parser)]
#[command(name = "depot-server", version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Serve packages until told to stop
    Serve(ServeArgs),
    /// Issue, list and revoke tokens
    #[command(subcommand)]
    Token(TokenVerb),
    /// Read the repositories again from their trees
    Reindex(DataDir),
}

#[derive(Debug, Args)]
pub(super) struct DataDir {
    /// The folder of everything the server keeps [default: the user's data directory + /depot]
    #[arg(long, env = "DEPOT_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl DataDir {
    pub(super) fn resolve(&self) -> anyhow::Result<PathBuf> {
        self.data_dir.clone().map_or_else(super::default_data_dir, Ok)
    }
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// The address to listen on: a loopback one, with a proxy that speaks TLS in front of it for others
    #[arg(long, env = "DEPOT_HOST", value_name = "ADDR", default_value = "127.0.0.1", value_parser = loopback)]
    pub(super) host: IpAddr,
    /// The port to listen on; 0 takes a free one
    #[arg(long, env = "DEPOT_PORT", value_name = "N", default_value_t = Config::DEFAULT_PORT)]
    pub(super) port: u16,
    /// The largest file taken, in bytes
    #[arg(long, env = "DEPOT_MAX_FILE_SIZE", value_name = "BYTES", default_value_t = Config::DEFAULT_MAX_FILE_SIZE)]
    pub(super) max_file_size: u64,
    /// Let nobody read without a token
    #[arg(long, env = "DEPOT_PRIVATE", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub(super) private: bool,
    /// What to log: error, warn, info, debug, trace, or a filter
    #[arg(long, env = "DEPOT_LOG", value_name = "LEVEL", default_value = "info")]
    pub(super) log: String,
    /// How to log
    #[arg(long, env = "DEPOT_LOG_FORMAT", value_enum, default_value_t)]
    pub(super) log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenVerb {
    /// Issue a token and print it, this once
    Create(TokenCreate),
    /// List the tokens
    List(TokenList),
    /// Revoke a token; it is dead at once
    Revoke(TokenRevoke),
}

#[derive(Debug, Args)]
pub(super) struct TokenCreate {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// Who will bear it: a person or a robot
    #[arg(long, value_name = "NAME")]
    pub(super) user: String,
    /// What it is called in lists
    #[arg(long, value_name = "NAME", default_value = "token")]
    pub(super) token_name: String,
    /// What it grants, as actions:repository:projects; read, push-new, push, mirror, yank, delete and admin are actions
    #[arg(long, value_name = "SCOPE", default_value = "read+push+push-new+mirror")]
    pub(super) scope: Vec<Scope>,
    /// For how many days
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=MAX_DAYS))]
    pub(super) expires_days: u32,
}

#[derive(Debug, Args)]
pub(super) struct TokenList {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: OutputFormat,
}

#[derive(Debug, Args)]
pub(super) struct TokenRevoke {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// The token's id, or enough of its beginning
    #[arg(value_name = "ID")]
    pub(super) id: String,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// The longest life of a token, in days.
const MAX_DAYS: i64 = crate::admin::MAX_TOKEN_DAYS as i64;

/// Plain http is for this machine alone: whoever listens further must say who may read, and over what.
fn loopback(text: &str) -> Result<IpAddr, String> {
    let host: IpAddr = text.parse().map_err(|_| "it is not an IP address".to_owned())?;
    if host.is_loopback() {
        return Ok(host);
    }
    Err("it is not a loopback address: put a proxy that speaks TLS in front of one".to_owned())
}
