//! `depot python prune` and `sbom`, as they can be typed.

use std::path::PathBuf;

use clap::Args;

use super::{ChoiceArgs, SourceArgs, TargetArgs, TreeArgs};

/// What is needed of a tree.
#[derive(Clone, Debug, Args)]
pub(crate) struct NeedsArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) targets: TargetArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Take what is wanted, targets and choice from this set file too. May be given again: each set stands for itself, and
    /// what is typed is added to each
    #[arg(long, value_name = "FILE")]
    pub(crate) set: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
}

impl NeedsArgs {
    /// Whether anything was named.
    pub(crate) fn is_given(&self) -> bool {
        let SourceArgs { specs, stdin, requirements, locks, .. } = &self.sources;
        *stdin || !(specs.is_empty() && requirements.is_empty() && locks.is_empty() && self.set.is_empty())
    }
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    pub(crate) needs: NeedsArgs,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SbomArgs {
    #[command(flatten)]
    pub(crate) needs: NeedsArgs,
    /// Write it here, and not to standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
