//! `depot doctor`, as it can be typed.

use std::{
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
};

use clap::Args;
use depot_proto::ProjectName;

use super::{NetworkArgs, TokenArgs};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The index: the root of its Simple API, such as `https://index.example/simple/`
    pub(crate) url: String,
    /// A project to look at, which the index has; may be given again [default: pip]
    #[arg(short, long = "project", value_name = "NAME")]
    pub(crate) projects: Vec<ProjectName>,
    /// Ask for the list of all projects too, which may be long; never asked of the public index
    #[arg(long)]
    pub(crate) root: bool,
    /// Download no file that is larger than this
    #[arg(long, value_name = "MB", default_value = "20")]
    pub(crate) max_size: NonZeroU32,
    /// Let warnings count as failures in the exit code
    #[arg(long)]
    pub(crate) strict: bool,
    /// Also publish a tiny wheel as this project, then the same again, then other bytes under its name: one wheel stays
    /// there for good
    #[arg(help_heading = "Upload", long, value_name = "PROJECT")]
    pub(crate) upload: Option<ProjectName>,
    /// Where uploads go [default: `legacy/` beside the `simple/` of the index]
    #[arg(help_heading = "Upload", long, value_name = "URL", requires = "upload")]
    pub(crate) upload_url: Option<String>,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    /// Trust the authorities in this file (PEM) too [env also: `PIP_CERT`, `REQUESTS_CA_BUNDLE`]
    #[arg(help_heading = "Network", long, env = "DEPOT_CACERT", value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Give up waiting for an answer, or for its next bytes, after this many seconds [default: 30]
    #[arg(help_heading = "Network", long, env = "DEPOT_TIMEOUT", value_name = "SECONDS")]
    pub(crate) timeout: Option<NonZeroU64>,
}

impl DoctorArgs {
    /// How connections are made. Nothing is tried again: what fails once is what there is to tell.
    pub(crate) fn network(&self) -> NetworkArgs {
        NetworkArgs { cacert: self.cacert.clone(), timeout: self.timeout, retries: 0 }
    }
}
