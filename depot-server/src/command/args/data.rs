//! What can be typed about the data directory.

use std::path::PathBuf;

use clap::Args;

use super::{DataDir, OutputFormat};

#[derive(Debug, Args)]
pub(in super::super) struct ScrubArgs {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// Move bytes that are wrong out of the tree, into DATA-DIR/quarantine; uploading the right ones mends the file
    #[arg(long)]
    pub(in super::super) quarantine: bool,
    /// Read no more than this many bytes in a second: 50M is 50 MiB
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
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
}

#[derive(Debug, Args)]
pub(in super::super) struct ImportArgs {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// The file to read, compressed or not; - is standard input
    #[arg(value_name = "FILE")]
    pub(in super::super) file: PathBuf,
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

/// A count of bytes, with K, M or G for powers of 1024.
fn bytes(text: &str) -> Result<u64, String> {
    let suffixes = [(['K', 'k'], 10), (['M', 'm'], 20), (['G', 'g'], 30)];
    let suffix = suffixes.iter().find_map(|(suffix, shift)| Some((text.strip_suffix(suffix)?, *shift)));
    let (digits, shift) = suffix.unwrap_or((text, 0));
    let bytes = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(1 << shift));
    bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "it is no count of bytes: write 1048576, 1024K, 1M or 1G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_bytes_are_read() {
        for (text, read) in [("1", 1), ("1048576", 1 << 20), ("3K", 3072), ("50M", 50 << 20), ("2g", 2 << 30)]
        {
            assert_eq!(bytes(text), Ok(read), "{text}");
        }
        for text in ["", "0", "-1", "M", "1.5M", "1T", "99999999999G", "é", "1é"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
