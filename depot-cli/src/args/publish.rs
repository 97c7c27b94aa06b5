//! `depot python publish`, as it can be typed.

use clap::Args;

use super::AccessArgs;
use crate::exit::UsageError;

#[derive(Debug, Args)]
#[command(override_usage = "depot python publish [OPTIONS] <FILE>... [URL]")]
pub(crate) struct PublishArgs {
    /// The distributions: files, folders with files in them, or patterns such as `dist/*`; and last the server, or a
    /// repository of it: `https://depot.example`, `https://depot.example/python`
    #[arg(value_name = "FILE", required = true, num_args = 1..)]
    what: Vec<String>,
    /// The server, where none is named last
    #[arg(long, env = "DEPOT_PUBLISH_URL", value_name = "URL")]
    publish_url: Option<String>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Let a warning count as an error
    #[arg(long)]
    pub(crate) strict: bool,
    /// Check the files, ask the server, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl PublishArgs {
    /// The distributions, and the server.
    pub(crate) fn read(&self) -> Result<(&[String], &str), UsageError> {
        let usage = |words: &str| Err(UsageError(words.to_owned()));
        let (files, url) = match self.what.split_last() {
            Some((last, files)) if last.contains("://") => (files, Some(last.as_str())),
            _ => (&self.what[..], self.publish_url.as_deref()),
        };
        match url {
            _ if files.is_empty() => usage("name the files to publish before the server, such as dist/*"),
            None => usage("name the server last, such as https://depot.example, or set DEPOT_PUBLISH_URL"),
            Some(url) => Ok((files, url)),
        }
    }
}
