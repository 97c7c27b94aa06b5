//! What can be typed.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Move Python packages to where they are needed.
#[derive(Debug, Parser)]
#[command(name = "depot", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// How results and talk are printed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// How to print the result
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Print nothing but errors and the result
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print more of what is done and why
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Show no progress bar
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}

/// How the result is printed on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Python packages
    #[command(subcommand)]
    Python(Box<PythonVerb>),
    /// Print what a shell needs to complete the names of verbs and flags
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PythonVerb {
    /// Save packages from an index into a local tree
    Save(SaveArgs),
    /// Bring what a server lacks of a saved tree there
    Push(PushArgs),
}

/// Where the tree is.
#[derive(Clone, Debug, Args)]
pub(crate) struct TreeArgs {
    /// The tree of saved packages
    #[arg(long, env = "DEPOT_PYTHON_DIR", value_name = "DIR", default_value = ".depot-storage/python")]
    pub(crate) dir: PathBuf,
}

/// How connections are made. Proxies are those of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
#[derive(Clone, Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Trust the authorities in this file (PEM) too [env also: `PIP_CERT`, `REQUESTS_CA_BUNDLE`]
    #[arg(long, env = "DEPOT_CACERT", value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Give up waiting for an answer, or for its next bytes, after this many seconds [default: 30; for a push 120]
    #[arg(long, env = "DEPOT_TIMEOUT", value_name = "SECONDS")]
    pub(crate) timeout: Option<NonZeroU64>,
    /// How often to try again what may be better the next time
    #[arg(long, env = "DEPOT_RETRIES", value_name = "N", default_value = "5")]
    pub(crate) retries: u32,
}

/// What is wanted.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SourceArgs {
    /// What to save, such as `requests`, `"requests~=2.32"` or `six==1.17.0`
    #[arg(value_name = "SPEC")]
    pub(crate) specs: Vec<String>,
    /// Read more from standard input, as from a requirements file
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Read more from a requirements file; may be given again
    #[arg(short, long = "requirement", value_name = "FILE")]
    pub(crate) requirements: Vec<PathBuf>,
    /// Narrow the versions as this file of constraints says; may be given again
    #[arg(short, long = "constraint", value_name = "FILE")]
    pub(crate) constraints: Vec<PathBuf>,
    /// Save only what is pinned to digests with `--hash`, as a list that pins one thing does
    #[arg(long)]
    pub(crate) require_hashes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    /// The index to save from [env also: `UV_DEFAULT_INDEX`, `PIP_INDEX_URL`] [default: the list's, or PyPI]
    #[arg(short, long, env = "DEPOT_INDEX_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) index_url: Option<String>,
    /// An index that is asked before it; the first that has a project answers for it. May be given again
    /// [env also: `UV_INDEX`, `PIP_EXTRA_INDEX_URL`]
    #[arg(long, env = "DEPOT_EXTRA_INDEX_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) extra_index_url: Vec<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// How many downloads run at once
    #[arg(short, long, env = "DEPOT_JOBS", value_name = "N", default_value = "16")]
    pub(crate) jobs: NonZeroUsize,
    /// Choose pre-releases too
    #[arg(long)]
    pub(crate) pre: bool,
    /// Save every version that fits, not only the newest
    #[arg(long)]
    pub(crate) all_versions: bool,
    /// Say what would be saved, and save nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The server, or a repository of it: `https://depot.example`, `https://depot.example/python`
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The token that allows it
    #[arg(long, env = "DEPOT_AUTH_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// The file that holds the token
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    /// How many uploads run at once
    #[arg(short, long, env = "DEPOT_JOBS", value_name = "N", default_value = "8")]
    pub(crate) jobs: NonZeroUsize,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
