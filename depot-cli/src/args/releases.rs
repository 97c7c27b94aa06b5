//! `depot python yank`, `unyank`, `delete` and `status`, as they can be typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use depot_proto::simple::ProjectStatus;

use super::NetworkArgs;
use crate::exit::UsageError;

/// How a server is asked.
#[derive(Clone, Debug, Args)]
pub(crate) struct AccessArgs {
    /// The token that allows it
    #[arg(long, env = "DEPOT_AUTH_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// The file that holds the token
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// What is meant, and where.
#[derive(Clone, Debug, Args)]
pub(crate) struct MeantArgs {
    /// Versions, `name==1.2`, or names of files; and last the server, or a repository of it: `https://depot.example`,
    /// `https://depot.example/python`
    #[arg(value_name = "SPEC", required = true, num_args = 1..)]
    what: Vec<String>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

impl MeantArgs {
    /// What clap cannot see: flags may stand between the specs and the server.
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        if self.what.len() > 1 {
            return Ok(());
        }
        Err(UsageError("name what is meant, and last the server, such as https://depot.example".to_owned()))
    }

    /// What is meant.
    pub(crate) fn specs(&self) -> &[String] {
        &self.what[..self.what.len().saturating_sub(1)]
    }

    /// The server.
    pub(crate) fn url(&self) -> &str {
        self.what.last().map_or("", String::as_str)
    }
}

#[derive(Debug, Args)]
#[command(override_usage = "depot python yank [OPTIONS] <SPEC>... <URL>")]
pub(crate) struct YankArgs {
    #[command(flatten)]
    pub(crate) meant: MeantArgs,
    /// Why, for those who look at its page
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
#[command(override_usage = "depot python unyank [OPTIONS] <SPEC>... <URL>")]
pub(crate) struct UnyankArgs {
    #[command(flatten)]
    pub(crate) meant: MeantArgs,
}

#[derive(Debug, Args)]
#[command(override_usage = "depot python delete [OPTIONS] <SPEC>... <URL>")]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pub(crate) meant: MeantArgs,
    /// Do it without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    pub(crate) project: String,
    /// The server, or a repository of it: `https://depot.example`, `https://depot.example/python`
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The state to give it; without this flag its state is shown
    #[arg(long, value_enum, value_name = "STATE")]
    pub(crate) set: Option<State>,
    /// Why, for those who look at its page
    #[arg(long, value_name = "TEXT", requires = "set")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

/// A state of life, as it can be typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum State {
    /// Nothing special
    Active,
    /// It takes no more uploads
    Archived,
    /// It is unsafe: no files are offered, and no uploads taken
    Quarantined,
    /// Another project should be used instead
    Deprecated,
}

impl From<State> for ProjectStatus {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Archived => Self::Archived,
            State::Quarantined => Self::Quarantined,
            State::Deprecated => Self::Deprecated,
        }
    }
}
