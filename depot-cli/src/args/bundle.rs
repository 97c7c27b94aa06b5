//! `depot python bundle`, as it can be typed.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, Subcommand};

use super::{NeedsArgs, NetworkArgs, TokenArgs, TreeArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum BundleVerb {
    /// Pack a saved tree, or what of it is new, into a file to carry
    Create(Box<CreateArgs>),
    /// Make the pair of keys that bundles are signed and trusted with
    Keygen(KeygenArgs),
    /// Say what is in a bundle
    Inspect(InspectArgs),
    /// Bring what a bundle carries into a tree, or to a server: all of it is checked first
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The file to write, `week47.tar.zst`; of volumes, `week47.001.tar.zst` and so on
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// What to carry of the tree: what is named, with all that it requires, and without any all of it
    #[command(flatten)]
    pub(crate) needs: NeedsArgs,
    /// Carry only what is new or changed since this receipt, of an import there or of an earlier bundle
    #[arg(long, value_name = "RECEIPT", conflicts_with = "base")]
    pub(crate) since: Option<PathBuf>,
    /// Carry only what is new or changed since this bundle, of volumes the first
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) base: Option<PathBuf>,
    /// Cut it into volumes of at most this size, such as `4GiB` or `700MB`
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_size: Option<u64>,
    /// Sign it with this private key
    #[arg(long, value_name = "KEY")]
    pub(crate) sign: Option<PathBuf>,
    /// Write down here what the other side has once it was imported: for the next --since
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// The file of the private key; the public one is beside it, with `.pub` after its name
    #[arg(short, long, value_name = "KEY", default_value = "depot-bundle.key")]
    pub(crate) output: PathBuf,
}

/// Which signatures are believed.
#[derive(Clone, Debug, Args)]
pub(crate) struct TrustArgs {
    /// Take only what is signed with this key: the file of the public key, or `ed25519:...`. May be given again
    #[arg(long, env = "DEPOT_BUNDLE_KEY", value_name = "KEY")]
    pub(crate) trust: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The bundle, or any of its volumes
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Read all of it, and compare every item with the manifest
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The bundle, or all of its volumes in any order
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    /// Where to bring it: a server, `https://depot.example`, or the folder of a tree [default: that of --dir]
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// How many files are published at once
    #[arg(short, long, env = "DEPOT_JOBS", value_name = "N", default_value = "8")]
    pub(crate) jobs: NonZeroUsize,
    /// Write the receipt here, to carry back for the next --since
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Check everything, say what would be imported, and import nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Reads `4GiB`, `4G`, which is the same, `700 MB` or a number of bytes.
fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        "t" | "tib" => Some(1_u64 << 40),
        "kb" => Some(1000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "tb" => Some(1_000_000_000_000),
        _ => None,
    };
    let number = number.parse::<u64>().ok().filter(|number| *number > 0);
    number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| "a size is a number with a unit, such as `4GiB` or `700MB`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [("4GiB", 4 << 30), ("4g", 4 << 30), ("700 MB", 700_000_000), ("512", 512)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "0", "-1", "1.5G", "4 GiX", "99999999999TB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
