//! `depot python verify`, as it can be typed.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Args;

use super::{NetworkArgs, SourceArgs, TargetArgs, TreeArgs};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// What must install, such as `requests` or `"requests~=2.32"` [default: every release in the tree]; and the URL of a
    /// server, if it shall be asked and not the tree
    #[arg(value_name = "SPEC|URL")]
    what: Vec<String>,
    /// What must install too: a requirements file, or by its name a lock; may be given again
    #[arg(short, long = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,
    /// What must be there too: the files of this lock, whatever its name; may be given again
    #[arg(long = "lock", value_name = "FILE")]
    locks: Vec<PathBuf>,
    /// Narrow the versions as this file of constraints says; may be given again
    #[arg(short, long = "constraint", value_name = "FILE")]
    constraints: Vec<PathBuf>,
    /// Want this extra of a lock too; may be given again
    #[arg(long = "extra", value_name = "NAME")]
    extras: Vec<String>,
    /// Want this dependency group of a lock too; may be given again
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
    /// Choose pre-releases too
    #[arg(long)]
    pub(crate) pre: bool,
    /// Really install it, and build the sdists, without any network and in an environment that is thrown away: with the
    /// Python on PATH
    #[arg(long)]
    pub(crate) install: bool,
    /// Download the files from the server, and compare every byte
    #[arg(long)]
    pub(crate) download: bool,
    #[command(flatten)]
    pub(crate) targets: TargetArgs,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// How many files are read, or asked for, at once
    #[arg(short, long, env = "DEPOT_JOBS", value_name = "N", default_value = "8")]
    pub(crate) jobs: NonZeroUsize,
}

impl VerifyArgs {
    /// The URLs among what was named.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.what.iter().map(String::as_str).filter(|text| is_url(text))
    }

    /// What was named but the URLs; nothing if nothing was.
    pub(crate) fn sources(&self) -> Option<SourceArgs> {
        let sources = SourceArgs {
            specs: self.what.iter().filter(|text| !is_url(text)).cloned().collect(),
            requirements: self.requirements.clone(),
            locks: self.locks.clone(),
            constraints: self.constraints.clone(),
            extras: self.extras.clone(),
            groups: self.groups.clone(),
            ..SourceArgs::default()
        };
        let is_named =
            !(sources.specs.is_empty() && sources.requirements.is_empty() && sources.locks.is_empty());
        is_named.then_some(sources)
    }

    /// Whether something was said that means nothing where nothing is named.
    pub(crate) fn narrows(&self) -> bool {
        !(self.constraints.is_empty() && self.extras.is_empty() && self.groups.is_empty())
    }
}

fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https"))
}
