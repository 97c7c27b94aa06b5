//! The verbs for Python packages.

pub(crate) mod bundle;
mod carried;
pub(crate) mod check;
mod choice;
pub(crate) mod diff;
mod failed;
mod fetch;
mod indexes;
mod inputs;
pub(crate) mod list;
mod locks;
mod needs;
pub(crate) mod prune;
pub(crate) mod publish;
pub(crate) mod push;
pub(crate) mod releases;
pub(crate) mod relock;
mod requirements;
mod resolve;
pub(crate) mod save;
pub(crate) mod sbom;
mod select;
mod server;
mod set;
pub(crate) mod show;
mod solve;
mod statuses;
mod targets;
pub(crate) mod verify;
mod visible;
mod whole;
pub(crate) mod why;

use std::path::Path;

use depot_proto::document;
use depot_tree::Tree;

/// The address of the repository that a URL means, which may be written down: without credentials.
pub(crate) fn mount(url: &str) -> anyhow::Result<url::Url> {
    server::mount_without_credentials(url)
}

/// Opens the tree in this folder for reading; one must be there.
fn saved_tree(dir: &Path) -> anyhow::Result<Tree> {
    anyhow::ensure!(
        dir.join(depot_proto::layout::FILES).is_dir(),
        "there is no saved tree in `{}`: save one first, or name it with --dir",
        dir.display()
    );
    Ok(Tree::open_read_only(dir))
}
