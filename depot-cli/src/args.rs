//! What can be typed: what all verbs share, and a file for each of the others.

mod account;
mod bundle;
mod check;
mod doctor;
mod look;
mod needs;
mod publish;
mod push;
mod releases;
mod relock;
mod save;
mod sources;
mod targets;
mod verify;
mod why;

use std::{num::NonZeroU64, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use self::{
    account::{
        LoginArgs, LogoutArgs, TokenCreateArgs, TokenListArgs, TokenRevokeArgs, TokenVerb, UseArgs, WhoArgs,
        WhoamiArgs,
    },
    bundle::{BundleVerb, CreateArgs, ImportArgs, InspectArgs, KeygenArgs, TrustArgs},
    check::CheckArgs,
    doctor::DoctorArgs,
    look::{DiffArgs, ListArgs, ShowArgs},
    needs::{NeedsArgs, PruneArgs, SbomArgs},
    publish::PublishArgs,
    push::PushArgs,
    releases::{AccessArgs, DeleteArgs, MeantArgs, StatusArgs, UnyankArgs, YankArgs},
    relock::RelockArgs,
    save::{ChoiceArgs, IndexArgs, IndexStrategy, SaveArgs},
    sources::{Listed, SourceArgs},
    targets::TargetArgs,
    verify::VerifyArgs,
    why::WhyArgs,
};

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
    /// Look whether an index, this product or another, has what pip, uv, Poetry and twine need
    #[command(after_long_help = DOCTOR_EXAMPLES)]
    Doctor(Box<DoctorArgs>),
    /// Log in at a server: make a token by name and password, and keep it
    Login(Box<LoginArgs>),
    /// Log out at a server: revoke the token of the login, and forget it
    Logout(LogoutArgs),
    /// Say who one is at a server, what one may do, and until when
    Whoami(Box<WhoamiArgs>),
    /// Make, list and revoke tokens at a server
    #[command(subcommand)]
    Token(Box<TokenVerb>),
    /// Tell pip, uv or Poetry of a server, in their own files
    Use(UseArgs),
    /// Say whether readers of a server see something, from which repository, or by which rule not
    Why(WhyArgs),
    /// Print what a shell needs to complete the names of verbs and flags
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Verb {
    /// Whether the same command goes on where it was stopped. Others change nothing before they end.
    pub(crate) fn goes_on(&self) -> bool {
        match self {
            Self::Python(verb) => matches!(
                &**verb,
                PythonVerb::Save(_)
                    | PythonVerb::Push(_)
                    | PythonVerb::Publish(_)
                    | PythonVerb::Prune(_)
                    | PythonVerb::Bundle(BundleVerb::Import(_))
            ),
            _ => false,
        }
    }
}

/// What is wanted most, to begin with.
const SAVE_EXAMPLES: &str = "\
Examples:
  depot python save \"requests~=2.32\" -r requirements.txt          for the Python on PATH
  depot python save pandas --python 3.12 --platform windows        for another machine
  depot python save -r uv.lock --pylock pylock.toml                what a lock names
  depot python save --set depot-set.toml                           what is wanted every week

Then `depot python verify` proves that it installs, and `depot python push URL` or `depot python bundle` carries it. Exit code \
3: some of it could not be had, and the rest is saved.";

/// What is asked of an index most.
const DOCTOR_EXAMPLES: &str = "\
Examples:
  depot doctor https://index.example/simple/ -p requests            what is wrong with it, and whom that hurts
  depot doctor https://index.example/simple/ -p requests --strict   for CI: warnings too
  depot doctor https://me:secret@index.example/simple/ -p requests --upload doctor-test

Exit code 3: it has failures; 1: it could not be looked at.";

#[derive(Debug, Subcommand)]
pub(crate) enum PythonVerb {
    /// Save packages, and all that they require, from an index into a local tree
    #[command(after_long_help = SAVE_EXAMPLES)]
    Save(Box<SaveArgs>),
    /// Bring what a server lacks of a saved tree there
    Push(PushArgs),
    /// Publish wheels and source distributions of one's own: all files of a release at once, or none
    Publish(PublishArgs),
    /// Judge distributions by the rules of a server: exit code 1 if one of them is refused
    Check(CheckArgs),
    /// Yank releases on a server: installers pass them over unless they are named exactly
    Yank(YankArgs),
    /// Take yanks back that were made on the server
    Unyank(UnyankArgs),
    /// Delete releases from a server for good: their file names never get bytes again
    Delete(DeleteArgs),
    /// Show or set the state of life of a project on a server
    Status(StatusArgs),
    /// Prove that a saved tree, or a server, has what installs: exit code 1 if something is missing or wrong
    Verify(Box<VerifyArgs>),
    /// Let the addresses in a `uv.lock` or `pylock.toml` lead to a server, and back
    Relock(RelockArgs),
    /// Delete from a saved tree what is not needed any more
    Prune(PruneArgs),
    /// Write the bill of materials (CycloneDX) of what is asked for and in a saved tree
    Sbom(SbomArgs),
    /// Carry packages where no network goes
    #[command(subcommand)]
    Bundle(BundleVerb),
    /// List the releases in a saved tree
    List(ListArgs),
    /// Show what a saved tree knows of a project's files
    Show(ShowArgs),
    /// Compare a saved tree with another one, or with a bundle or its receipt: exit code 1 if they differ
    Diff(DiffArgs),
}

/// Where the tree is.
#[derive(Clone, Debug, Args)]
pub(crate) struct TreeArgs {
    /// The tree of saved packages
    #[arg(long, env = "DEPOT_PYTHON_DIR", value_name = "DIR", default_value = ".depot-storage/python")]
    pub(crate) dir: PathBuf,
}

/// What a server asks for.
#[derive(Clone, Debug, Args)]
pub(crate) struct TokenArgs {
    /// The token that allows it, for a server
    #[arg(long, env = "DEPOT_AUTH_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// The file that holds the token
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// How connections are made. Proxies are those of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
#[derive(Clone, Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Trust the authorities in this file (PEM) too [env also: `PIP_CERT`, `REQUESTS_CA_BUNDLE`]
    #[arg(help_heading = "Network", long, env = "DEPOT_CACERT", value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Give up waiting for an answer, or for its next bytes, after this many seconds [default: 30; for a push 120]
    #[arg(help_heading = "Network", long, env = "DEPOT_TIMEOUT", value_name = "SECONDS")]
    pub(crate) timeout: Option<NonZeroU64>,
    /// How often to try again what may be better the next time
    #[arg(help_heading = "Network", long, env = "DEPOT_RETRIES", value_name = "N", default_value = "5")]
    pub(crate) retries: u32,
}
