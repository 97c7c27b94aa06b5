//! What is wanted, as it can be typed.

use std::path::PathBuf;

use clap::Args;

/// What is wanted.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SourceArgs {
    /// What to save, such as `requests`, `"requests~=2.32"` or `six==1.17.0`
    #[arg(value_name = "SPEC")]
    pub(crate) specs: Vec<String>,
    /// Read more from standard input, as from a requirements file
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Read more from a requirements file; may be given again
    #[arg(short, long = "requirement", value_name = "FILE")]
    pub(crate) requirements: Vec<PathBuf>,
    /// Narrow the versions as this file of constraints says; may be given again
    #[arg(short, long = "constraint", value_name = "FILE")]
    pub(crate) constraints: Vec<PathBuf>,
    /// Save only what is pinned to digests with `--hash`, as a list that pins one thing does
    #[arg(long)]
    pub(crate) require_hashes: bool,
}
