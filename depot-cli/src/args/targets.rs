//! For which Pythons and machines, as it can be typed.

use clap::Args;

/// For which Pythons and machines.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct TargetArgs {
    /// For this Python: `3.12`, `3.12.4`, `3.13t` (free-threaded), `pypy3.10`, `3.11,3.12`, `>=3.10,<3.13`. May be given
    /// again [default: the one on PATH, or the newest]
    #[arg(help_heading = "Targets", long, value_name = "VERSION", conflicts_with_all = ["target", "universal"])]
    pub(crate) python: Vec<String>,
    /// For this platform: `linux`, `linux-aarch64`, `musllinux`, `musllinux-aarch64`, `macos`, `macos-x86_64`, `windows`,
    /// or a tag such as `manylinux_2_28_x86_64`. May be given again [default: this one]
    #[arg(help_heading = "Targets", long, value_name = "NAME", conflicts_with_all = ["target", "universal"])]
    pub(crate) platform: Vec<String>,
    /// The oldest glibc that it shall run with [default: 2.28; of this platform its own]
    #[arg(help_heading = "Targets", long, value_name = "VERSION", conflicts_with = "target")]
    pub(crate) glibc: Option<String>,
    /// For this Python on this platform: `cp312-manylinux_2_28_x86_64`, or `host`, the one on PATH. May be given again
    #[arg(help_heading = "Targets", long, value_name = "TAG")]
    pub(crate) target: Vec<String>,
    /// For all supported Pythons on the usual platforms
    #[arg(help_heading = "Targets", long, conflicts_with = "target")]
    pub(crate) universal: bool,
}

impl TargetArgs {
    /// Whether any of it was typed.
    pub(crate) fn is_given(&self) -> bool {
        let Self { python, platform, glibc, target, universal } = self;
        *universal || glibc.is_some() || [python, platform, target].iter().any(|given| !given.is_empty())
    }
}
