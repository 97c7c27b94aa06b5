//! `depot python push`, as it can be typed.

use std::num::NonZeroUsize;

use clap::Args;

use super::{NetworkArgs, TokenArgs, TreeArgs};

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The server, or a repository of it: `https://depot.example`, `https://depot.example/python`
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    /// How many uploads run at once
    #[arg(short, long, env = "DEPOT_JOBS", value_name = "N", default_value = "8")]
    pub(crate) jobs: NonZeroUsize,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
