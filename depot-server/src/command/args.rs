//! What can be typed.

mod accounts;
mod audit;
mod data;
mod settings;
mod stats;
mod warm;

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{
    Args, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, builder::Resettable,
};
use depot_proto::{
    accounts::{DEFAULT_DAYS, DEFAULT_SCOPE},
    scope::{ProjectPattern, Scope},
};

use crate::config;

pub(super) use accounts::{KeyVerb, UserNamed, UserVerb};
pub(super) use audit::{AuditShow, AuditVerb, AuditVerify};
pub(super) use data::{BackupArgs, ExportArgs, GcArgs, ImportArgs, ReindexArgs, ScrubArgs};
pub(super) use settings::{DataDir, Given};
pub(super) use stats::StatsArgs;
pub(super) use warm::WarmArgs;

/// A Python package index over a local tree.
#[derive(Debug, Parser)]
#[command(name = "depot-server", version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

impl Arguments {
    /// Reads the arguments, and the variables beside them. A variable that is set and empty says nothing, as one that
    /// is not set: that is how a shell or a unit file takes one back.
    pub(super) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = without_empty_variables(Self::command());
        let matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

fn without_empty_variables(command: Command) -> Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if arg.get_env().is_some_and(is_empty) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Serve packages until told to stop
    Serve(ServeArgs),
    /// Write a configuration file in which every setting is explained
    Init(InitArgs),
    /// Show the settings in force, where each comes from, and which are weaker than recommended
    Config(ConfigArgs),
    /// Issue, list and revoke tokens
    #[command(subcommand)]
    Token(TokenVerb),
    /// Change the keys that sign tokens
    #[command(subcommand)]
    Key(KeyVerb),
    /// Make, list, change and delete accounts
    #[command(subcommand)]
    User(UserVerb),
    /// Show who changed or fetched what, and prove that nobody changed the journal
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Say how often files were downloaded
    Stats(StatsArgs),
    /// Read the repositories again from their trees
    Reindex(ReindexArgs),
    /// Read every file again and compare it with its record
    Scrub(ScrubArgs),
    /// Remove what uploads that died left in tmp/
    Gc(GcArgs),
    /// Write all that is known, but for the bytes of files, into one file
    Export(ExportArgs),
    /// Make a new data directory of such a file
    Import(ImportArgs),
    /// Copy everything that is needed to serve it elsewhere, while it is served
    Backup(BackupArgs),
    /// Bring here what a list of requirements names, so that it installs while other indexes are down
    Warm(WarmArgs),
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Folders of distributions, and roots of other indexes such as `https://index.example/simple/`: what is served at the
    /// root in place of PyPI, the first before the others, after what is published here
    #[arg(value_name = "SOURCE")]
    pub(super) sources: Vec<String>,
    /// Let the files of indexes among the sources pass through without keeping them
    #[arg(long, env = "DEPOT_STREAM_HTTP_RESOURCES", requires = "sources")]
    pub(super) stream_http_resources: bool,
    #[command(flatten)]
    pub(super) given: Given,
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The file to write
    #[arg(long, env = "DEPOT_CONFIG", value_name = "FILE", default_value = crate::config::DEFAULT_NAME)]
    pub(super) config: PathBuf,
    /// Write it in the place of one that is there
    #[arg(long)]
    pub(super) force: bool,
    /// Reserve a name of a project, or the beginning of names and a `*`, as in 'acme-*': no other index is ever asked for it.
    /// Without this flag you are asked, if there is a terminal
    #[arg(long, value_name = "PATTERN", value_parser = parse_reservation)]
    pub(super) reserve: Vec<ProjectPattern>,
}

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    pub(super) given: Given,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: OutputFormat,
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
    #[arg(long, value_name = "SCOPE", default_value = DEFAULT_SCOPE)]
    pub(super) scope: Vec<Scope>,
    /// To which projects scopes are bound that name none: a name, or the beginning of names and a `*`, as in 'acme-*'
    #[arg(long, value_name = "PATTERN")]
    pub(super) project: Vec<ProjectPattern>,
    /// For how many days
    #[arg(long, value_name = "N", default_value_t = DEFAULT_DAYS, value_parser = clap::value_parser!(u32).range(1..=MAX_DAYS))]
    pub(super) expires_days: u32,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: OutputFormat,
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
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: OutputFormat,
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

/// A pattern of names that can be reserved.
fn parse_reservation(text: &str) -> Result<ProjectPattern, String> {
    config::reservation(text).map_err(str::to_owned)
}

/// The longest life of a token, in days.
const MAX_DAYS: i64 = crate::service::issuing::MAX_TOKEN_DAYS as i64;
