//! `depot python save`, as it can be typed.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, ValueEnum};

use super::{NetworkArgs, SourceArgs, TargetArgs, TreeArgs};

#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) targets: TargetArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    #[command(flatten)]
    pub(crate) index: IndexArgs,
    /// Take what is wanted, targets, indexes and choice from this set file too
    #[arg(long, value_name = "FILE")]
    pub(crate) set: Option<PathBuf>,
    /// Write a lock of what was saved there (PEP 751)
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) pylock: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// How many downloads run at once
    #[arg(short, long, env = "DEPOT_JOBS", value_name = "N", default_value = "16")]
    pub(crate) jobs: NonZeroUsize,
    /// Write the bill of materials (CycloneDX 1.6, JSON) of what is saved here
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) sbom: Option<PathBuf>,
    /// Say what would be saved, and save nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Which indexes are asked.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct IndexArgs {
    /// The index to save from [env also: `UV_DEFAULT_INDEX`, `PIP_INDEX_URL`] [default: the list's, or PyPI]
    #[arg(
        help_heading = "Indexes",
        short,
        long,
        env = "DEPOT_INDEX_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) index_url: Option<String>,
    /// An index that is asked before it; the first that has a project answers for it. May be given again
    /// [env also: `UV_INDEX`, `PIP_EXTRA_INDEX_URL`]
    #[arg(
        help_heading = "Indexes",
        long,
        env = "DEPOT_EXTRA_INDEX_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) extra_index_url: Vec<String>,
    /// Which of several indexes answers for a project [default: first-index]
    #[arg(help_heading = "Indexes", long, env = "DEPOT_INDEX_STRATEGY", value_enum, value_name = "STRATEGY")]
    pub(crate) index_strategy: Option<IndexStrategy>,
}

/// What is chosen, and what is saved of it.
#[derive(Clone, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that stands for itself")]
pub(crate) struct ChoiceArgs {
    /// Leave out what the packages require
    #[arg(help_heading = "Choice", long)]
    pub(crate) no_deps: bool,
    /// Choose pre-releases too
    #[arg(help_heading = "Choice", long)]
    pub(crate) pre: bool,
    /// Take every version that fits what is named, not only the one that goes with the rest
    #[arg(help_heading = "Choice", long)]
    pub(crate) all_versions: bool,
    /// Take all files of a version, whatever the targets
    #[arg(help_heading = "Choice", long)]
    pub(crate) all_files: bool,
    /// Take the sdist too where a wheel fits
    #[arg(help_heading = "Choice", long)]
    pub(crate) sdist: bool,
    /// Take only wheels: of these projects, with commas between them, or `:all:`. May be given again
    #[arg(help_heading = "Choice", long, value_name = "NAMES")]
    pub(crate) only_binary: Vec<String>,
    /// Take only sdists: of these projects, with commas between them, or `:all:`. May be given again
    #[arg(help_heading = "Choice", long, value_name = "NAMES")]
    pub(crate) no_binary: Vec<String>,
    /// Leave out what was uploaded later: `2026-10-02` (with that day), `2026-10-02T07:15:09Z`, or `7 days` ago
    #[arg(help_heading = "Choice", long, env = "DEPOT_EXCLUDE_NEWER", value_name = "TIME")]
    pub(crate) exclude_newer: Option<String>,
    /// Take only what this policy shows
    #[arg(help_heading = "Choice", long, env = "DEPOT_POLICY", value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Take the newest versions, and not those that the tree has already
    #[arg(help_heading = "Choice", short = 'U', long)]
    pub(crate) upgrade: bool,
    /// Save the provenance of files too (PEP 740), where an index has it
    #[arg(help_heading = "Choice", long)]
    pub(crate) provenance: bool,
}

impl ChoiceArgs {
    /// Whether any of the flags was given; what a variable may say does not count.
    pub(crate) fn is_given(&self) -> bool {
        let flags = [self.no_deps, self.pre, self.all_versions, self.all_files, self.sdist, self.upgrade];
        flags.contains(&true) || !(self.only_binary.is_empty() && self.no_binary.is_empty())
    }

    /// Adds what another one says, whose single values come before.
    pub(crate) fn add(&mut self, other: Self) {
        self.no_deps |= other.no_deps;
        self.pre |= other.pre;
        self.all_versions |= other.all_versions;
        self.all_files |= other.all_files;
        self.sdist |= other.sdist;
        self.upgrade |= other.upgrade;
        self.provenance |= other.provenance;
        self.only_binary.extend(other.only_binary);
        self.no_binary.extend(other.no_binary);
        self.exclude_newer = other.exclude_newer.or(self.exclude_newer.take());
        self.policy = other.policy.or(self.policy.take());
    }
}

/// Which of several indexes answers for a project, by uv's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum IndexStrategy {
    /// The first that has it, alone.
    #[default]
    FirstIndex,
    /// All of them together, as in pip: whoever registers your private name on a public one decides what you get.
    UnsafeBestMatch,
}
