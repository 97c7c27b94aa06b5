//! What is wanted, as it can be typed.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

/// What is wanted.
#[derive(Clone, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct SourceArgs {
    /// What is wanted, such as `requests`, `"requests~=2.32"` or `six==1.17.0`
    #[arg(value_name = "SPEC")]
    pub(crate) specs: Vec<String>,
    /// The same from set files.
    #[arg(skip)]
    pub(crate) listed: Vec<Listed>,
    /// Read more from standard input, as from a requirements file
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Read more from a requirements file, or by its name from `pylock.toml`, `uv.lock`, `poetry.lock` or
    /// `pyproject.toml`; may be given again
    #[arg(short, long = "requirement", value_name = "FILE")]
    pub(crate) requirements: Vec<PathBuf>,
    /// Want the files of this lock, whatever its name; may be given again
    #[arg(long = "lock", value_name = "FILE")]
    pub(crate) locks: Vec<PathBuf>,
    /// Narrow the versions as this file of constraints says; may be given again
    #[arg(short, long = "constraint", value_name = "FILE")]
    pub(crate) constraints: Vec<PathBuf>,
    /// Take only what is pinned to digests with `--hash`, as a list that pins one thing does
    #[arg(long)]
    pub(crate) require_hashes: bool,
    /// Want this extra of a `pyproject.toml` or lock too; may be given again
    #[arg(long = "extra", value_name = "NAME")]
    pub(crate) extras: Vec<String>,
    /// Want all extras of a `pyproject.toml` or lock
    #[arg(long, conflicts_with = "extras")]
    pub(crate) all_extras: bool,
    /// Want this dependency group of a `pyproject.toml` or lock too; may be given again
    #[arg(long = "group", value_name = "NAME")]
    pub(crate) groups: Vec<String>,
    /// Want all dependency groups of a `pyproject.toml` or lock
    #[arg(long, conflicts_with = "groups")]
    pub(crate) all_groups: bool,
    /// Leave out what builds the project of a `pyproject.toml`
    #[arg(long)]
    pub(crate) no_build_requires: bool,
}

impl SourceArgs {
    /// Whether something is said of what is wanted, such as a constraint, and not only what.
    pub(crate) fn narrows(&self) -> bool {
        let Self { constraints, extras, groups, .. } = self;
        let flags = self.require_hashes || self.all_extras || self.all_groups || self.no_build_requires;
        flags || !(constraints.is_empty() && extras.is_empty() && groups.is_empty())
    }
}

/// Something that a set file wants.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// As it is written.
    pub(crate) text: String,
    /// The set file.
    pub(crate) path: Arc<Path>,
    /// The line in it.
    pub(crate) line: usize,
}

impl SourceArgs {
    /// Adds what another one wants.
    pub(crate) fn add(&mut self, other: Self) {
        self.specs.extend(other.specs);
        self.listed.extend(other.listed);
        self.stdin |= other.stdin;
        self.requirements.extend(other.requirements);
        self.locks.extend(other.locks);
        self.constraints.extend(other.constraints);
        self.require_hashes |= other.require_hashes;
        self.extras.extend(other.extras);
        self.all_extras |= other.all_extras;
        self.groups.extend(other.groups);
        self.all_groups |= other.all_groups;
        self.no_build_requires |= other.no_build_requires;
    }
}
