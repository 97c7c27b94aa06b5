//! `depot why`, as it can be typed.

use clap::Args;

use super::AccessArgs;

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// What is asked about: a project, a version of it, `name==1.2`, or the name of a file
    #[arg(value_name = "SPEC")]
    pub(crate) spec: String,
    /// Where readers read: the server, or a repository of it: `https://depot.example`, `https://depot.example/python`
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}
