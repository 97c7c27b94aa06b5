//! `depot python list`, `show` and `diff`, as they can be typed.

use std::path::PathBuf;

use clap::Args;

use super::TreeArgs;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only projects of this name, in which `*` stands for anything
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: Option<String>,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The project, or a release of it: `requests`, `requests==2.32.3`
    #[arg(value_name = "PROJECT[==VERSION]")]
    pub(crate) spec: String,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The other side: a folder with a tree, a bundle, or the receipt of one
    #[arg(value_name = "OTHER")]
    pub(crate) other: PathBuf,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
}
