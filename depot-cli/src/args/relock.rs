//! `depot python relock`, as it can be typed.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct RelockArgs {
    /// The `uv.lock` or `pylock.toml`
    #[arg(value_name = "LOCK")]
    pub(crate) lock: PathBuf,
    /// The server, or a repository of it, that the addresses shall lead to: `https://depot.example`
    #[arg(long, value_name = "URL", required_unless_present = "back")]
    pub(crate) to: Option<String>,
    /// Rewrite only the addresses that begin with this; may be given again [default: all]
    #[arg(long, value_name = "PREFIX", conflicts_with = "back")]
    pub(crate) from: Vec<String>,
    /// Put back the addresses that it had before
    #[arg(long, conflicts_with = "to")]
    pub(crate) back: bool,
    /// Write the result there, `-` for standard output, and leave the lock as it is
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
