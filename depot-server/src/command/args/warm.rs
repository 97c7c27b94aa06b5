//! What can be typed about warming.

use std::path::PathBuf;

use clap::Args;
use depot_proto::RepositoryName;

use super::{Given, OutputFormat};

#[derive(Debug, Args)]
pub(in super::super) struct WarmArgs {
    /// Requirements, such as `requests` or `numpy==2.1.*`
    #[arg(value_name = "NAME", required_unless_present = "requirement")]
    pub(in super::super) names: Vec<String>,
    /// A list of requirements, or by its name a pyproject.toml, pylock.toml, uv.lock or poetry.lock; may be given several times
    #[arg(short, long, value_name = "FILE")]
    pub(in super::super) requirement: Vec<PathBuf>,
    /// A list of versions that what is required is bound to
    #[arg(short, long, value_name = "FILE")]
    pub(in super::super) constraint: Vec<PathBuf>,
    /// The repository or group that shows it [default: the group at the root]
    #[arg(long, value_name = "NAME")]
    pub(in super::super) repository: Option<RepositoryName>,
    /// A Python that installs it: 3.12, 3.13t or pypy3.10; may be given several times [default: those that get fixes]
    #[arg(long, value_name = "VERSION")]
    pub(in super::super) python: Vec<String>,
    /// A platform that installs it: linux, linux-aarch64, musllinux, macos, windows or a tag; may be given several times
    /// [default: that of this machine]
    #[arg(long, value_name = "PLATFORM")]
    pub(in super::super) platform: Vec<String>,
    /// Leave out what the requirements require in turn
    #[arg(long)]
    pub(in super::super) no_deps: bool,
    /// Bring all files of what is chosen, and not only those that these Pythons install on these platforms
    #[arg(long)]
    pub(in super::super) all_files: bool,
    /// Let pre-releases do
    #[arg(long)]
    pub(in super::super) pre: bool,
    #[command(flatten)]
    pub(in super::super) given: Given,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}
