//! Which bundles were imported into a tree, oldest first: `bundles.json` at its root.
//!
//! The file is worth no more than a short cut. Where it is lost, or does not know the bundle that another one builds on,
//! the tree itself is asked whether all is there.

use depot_proto::{Sha256Digest, layout::BUNDLES};
use depot_tree::Tree;
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "depot.bundles/1";

/// The most that is remembered: a bundle a day for ten years.
const MOST: usize = 3660;

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History {
    schema: String,
    imported: Vec<Sha256Digest>,
}

impl History {
    /// What a tree remembers; nothing where that cannot be read.
    pub(super) fn of(tree: &Tree) -> Self {
        let read = tree.document(BUNDLES).ok().flatten();
        let known = read.and_then(|document| serde_json::from_slice::<Self>(&document).ok());
        known
            .filter(|known| known.schema == SCHEMA)
            .unwrap_or_else(|| Self { schema: SCHEMA.to_owned(), imported: Vec::new() })
    }

    pub(super) fn has(&self, bundle: Sha256Digest) -> bool {
        self.imported.contains(&bundle)
    }

    /// Whether a newer one was imported after this: what it tells of files is old by now.
    pub(super) fn is_passed(&self, bundle: Sha256Digest) -> bool {
        self.has(bundle) && self.imported.last() != Some(&bundle)
    }

    /// Remembers a bundle, all of which is in the tree.
    pub(super) fn remember(mut self, tree: &Tree, bundle: Sha256Digest) -> anyhow::Result<()> {
        if self.has(bundle) {
            return Ok(());
        }
        self.imported.push(bundle);
        let surplus = self.imported.len().saturating_sub(MOST);
        self.imported.drain(..surplus);
        let mut document = serde_json::to_vec(&self)?;
        document.push(b'\n');
        Ok(tree.put_bundles(&document)?)
    }
}
