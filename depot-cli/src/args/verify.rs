//! `depot python verify`, as it can be typed.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{NeedsArgs, NetworkArgs};

#[derive(Debug, Args)]
#[command(mut_arg("specs", |arg| arg.value_name("SET|SPEC|URL").help(
    "What must install: a set file (`depot-set.toml`), or requirements such as `requests` or `\"requests~=2.32\"` \
     [default: every release in the tree]; and the URL of a server, if it shall be asked and not the tree"
)))]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) needs: NeedsArgs,
    /// Really install it, and build the sdists, without any network and in an environment that is thrown away: with the
    /// Python on PATH
    #[arg(long)]
    pub(crate) install: bool,
    /// Download the files from the server, and compare every byte
    #[arg(long)]
    pub(crate) download: bool,
    /// The token that reads from the server
    #[arg(long, env = "DEPOT_AUTH_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// The file that holds the token
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// How many files are read, or asked for, at once
    #[arg(short, long, env = "DEPOT_JOBS", value_name = "N", default_value = "8")]
    pub(crate) jobs: NonZeroUsize,
}

impl VerifyArgs {
    /// The folder of the tree.
    pub(crate) fn dir(&self) -> &Path {
        &self.needs.tree.dir
    }

    /// Takes the URLs, and the names of set files, out of what else was named: a URL is known by its scheme, a set file by
    /// its ending.
    pub(crate) fn take_urls_and_sets(&mut self) -> Vec<String> {
        let mut urls = Vec::new();
        let needs = &mut self.needs;
        for text in std::mem::take(&mut needs.sources.specs) {
            if is_url(&text) {
                urls.push(text);
            } else if Path::new(&text).extension().is_some_and(|extension| extension == "toml") {
                needs.set.push(text.into());
            } else {
                needs.sources.specs.push(text);
            }
        }
        urls
    }
}

fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https"))
}
