//! `depot python check`, as it can be typed.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The distributions: files, folders with files in them, or patterns such as `dist/*.whl`
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,
    /// Let a warning count as an error
    #[arg(long)]
    pub(crate) strict: bool,
}
