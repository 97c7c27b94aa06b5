//! What can be typed about the data directory.

use std::path::PathBuf;

use clap::Args;

use super::{DataDir, OutputFormat};
use crate::config::parse_size;

#[derive(Debug, Args)]
pub(in super::super) struct ReindexArgs {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

#[derive(Debug, Args)]
pub(in super::super) struct ScrubArgs {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// Move bytes that are wrong out of the tree, into DATA-DIR/quarantine; uploading the right ones mends the file
    #[arg(long)]
    pub(in super::super) quarantine: bool,
    /// Read no more than this much in a second, such as 50M, which is 50 MiB
    #[arg(long, value_name = "SIZE", value_parser = rate)]
    pub(in super::super) rate: Option<u64>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

#[derive(Debug, Args)]
pub(in super::super) struct GcArgs {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(in super::super) dry_run: bool,
    /// Remove only what was last written this many hours ago
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    pub(in super::super) older_than: u64,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

#[derive(Debug, Args)]
pub(in super::super) struct ExportArgs {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// The file to write, compressed if it ends in .zst; - is standard output
    #[arg(value_name = "FILE")]
    pub(in super::super) file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

#[derive(Debug, Args)]
pub(in super::super) struct ImportArgs {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// The file to read, compressed or not; - is standard input
    #[arg(value_name = "FILE")]
    pub(in super::super) file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

#[derive(Debug, Args)]
pub(in super::super) struct BackupArgs {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// The folder to make; it becomes a data directory that can be served
    #[arg(value_name = "DIR")]
    pub(in super::super) folder: PathBuf,
    /// Copy the bytes of files even where they could be linked
    #[arg(long)]
    pub(in super::super) copy: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

/// A number of bytes that is not none, as sizes stand in the configuration.
fn rate(text: &str) -> Result<u64, String> {
    parse_size(text)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "write a size, such as 50M or \"50 MiB\", or a number of bytes".to_owned())
}
