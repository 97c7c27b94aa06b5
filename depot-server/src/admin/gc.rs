//! `gc`: removes left-overs from `tmp/`, and nothing else.

use std::time::Duration;

use depot_proto::RepositoryName;

use super::{AdminAnswer, Swept};
use crate::config::Config;

pub(super) fn gc(config: &Config, older_than: u64, dry_run: bool) -> Result<AdminAnswer, String> {
    sweep(config, older_than, dry_run).map(|swept| AdminAnswer::Swept { swept })
}

/// Sweeps the `tmp/` of the repositories, served or not.
pub(crate) fn sweep(config: &Config, older_than: u64, dry_run: bool) -> Result<Swept, String> {
    let root = config.repository(RepositoryName::default_hosted().as_str());
    let found = depot_tree::gc(&root, Duration::from_secs(older_than), dry_run);
    let found = found.map_err(|error| error.to_string())?;
    let (removed, bytes, young, needed) = (found.removed, found.bytes, found.young, found.needed);
    Ok(Swept { removed, bytes, young, needed })
}
