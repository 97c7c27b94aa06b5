//! `depot python save`, as it can be typed.

use std::num::NonZeroUsize;

use clap::Args;

use super::{NetworkArgs, SourceArgs, TreeArgs};

#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    /// The index to save from [env also: `UV_DEFAULT_INDEX`, `PIP_INDEX_URL`] [default: the list's, or PyPI]
    #[arg(short, long, env = "DEPOT_INDEX_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) index_url: Option<String>,
    /// An index that is asked before it; the first that has a project answers for it. May be given again
    /// [env also: `UV_INDEX`, `PIP_EXTRA_INDEX_URL`]
    #[arg(long, env = "DEPOT_EXTRA_INDEX_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) extra_index_url: Vec<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// How many downloads run at once
    #[arg(short, long, env = "DEPOT_JOBS", value_name = "N", default_value = "16")]
    pub(crate) jobs: NonZeroUsize,
    /// Choose pre-releases too
    #[arg(long)]
    pub(crate) pre: bool,
    /// Save every version that fits, not only the newest
    #[arg(long)]
    pub(crate) all_versions: bool,
    /// Say what would be saved, and save nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
