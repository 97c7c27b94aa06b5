//! A saved tree as a supply: its records, the metadata beside its wheels and its sdists, and no network.

use std::{fs::File, sync::Arc};

use depot_index::IndexUrl;
use depot_proto::{
    DistributionFilename, DistributionKind, FileRecord, Origin, ProjectName, Target, layout::Part,
};
use depot_tree::Tree;
use futures_util::{FutureExt as _, future::BoxFuture};

use super::{
    BuildSystem, Known, Listing, NoListing, NoMetadata, Offer, Problem, Solution, Supply,
    network::{build_system_of_file, known_of_file},
    solve,
};
use crate::{output::explain, python::statuses::status_of};

/// Stands for the index of a file that was not copied from one; nothing is ever asked of it.
const NO_INDEX: &str = "http://tree.invalid/";

/// How many files are read at once.
const READERS: usize = 4;

/// Solves from what a tree has, by the same rules as from an index. The files of the solution are those of the tree.
pub(in crate::python) async fn solve_offline(
    tree: Arc<Tree>,
    problem: &Problem,
    targets: &[Target],
) -> Vec<Solution> {
    solve(Arc::new(TreeSupply { tree, heeds_states: false }), problem, targets, READERS).await
}

/// A saved tree as a supply, for many problems. What its index has quarantined is not offered, as no server offers it.
pub(in crate::python) fn saved_supply(tree: Arc<Tree>) -> Arc<dyn Supply> {
    Arc::new(TreeSupply { tree, heeds_states: true })
}

struct TreeSupply {
    tree: Arc<Tree>,
    /// Whether the states of projects (PEP 792) count.
    heeds_states: bool,
}

impl Supply for TreeSupply {
    fn listing<'a>(&'a self, project: &'a ProjectName) -> BoxFuture<'a, Result<Listing, NoListing>> {
        let (tree, project) = (Arc::clone(&self.tree), project.clone());
        let heeds_states = self.heeds_states;
        let read = move || {
            let listing = listing(&tree, &project)?;
            let status = status_of(&tree, &project).map(|status| status.status).unwrap_or_default();
            let quarantined = heeds_states && !status.offers_files();
            Ok(Listing { quarantined, status, ..listing })
        };
        blocking(read, NoListing::Failed).boxed()
    }

    fn known<'a>(&'a self, offer: &'a Offer) -> BoxFuture<'a, Result<Known, NoMetadata>> {
        let (tree, filename) = (Arc::clone(&self.tree), offer.filename.clone());
        blocking(move || known(&tree, &filename, None), NoMetadata::Failed).boxed()
    }

    fn build_system<'a>(&'a self, offer: &'a Offer) -> BoxFuture<'a, Result<BuildSystem, NoMetadata>> {
        let (tree, filename) = (Arc::clone(&self.tree), offer.filename.clone());
        let read = move || build_system_of_file(&mut open(&tree, &filename)?, &filename);
        blocking(read, NoMetadata::Failed).boxed()
    }
}

async fn blocking<T: Send + 'static, E: Send + 'static>(
    read: impl FnOnce() -> Result<T, E> + Send + 'static,
    failed: fn(String) -> E,
) -> Result<T, E> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| Err(failed(error.to_string())))
}

fn listing(tree: &Tree, project: &ProjectName) -> Result<Listing, NoListing> {
    let failed = |error: depot_tree::TreeError| NoListing::Failed(explain(&error.into()));
    let mut listing = Listing::default();
    for name in tree.filenames(project).map_err(failed)? {
        let Ok(filename) = DistributionFilename::parse(&name, project) else { continue };
        if filename.kind() == DistributionKind::Legacy {
            continue;
        }
        let Some(record) = tree.record(project, &name).map_err(failed)? else { continue };
        // A record whose bytes were lost is no file that anybody could install.
        if !tree.has_bytes(project, &name, record.size) {
            continue;
        }
        let index = index_of(&record)?;
        listing.offers.push(Offer { filename, file: record.to_page_file(String::new()), index });
    }
    if listing.offers.is_empty() {
        return Err(NoListing::Absent(format!("the tree has no file of `{project}`")));
    }
    Ok(listing)
}

fn index_of(record: &FileRecord) -> Result<Arc<IndexUrl>, NoListing> {
    let named = match &record.facts.origin {
        Some(Origin::Mirrored { index, .. }) => index.parse().ok(),
        _ => None,
    };
    let index: Result<IndexUrl, _> = named.map_or_else(|| NO_INDEX.parse(), Ok);
    index.map(Arc::new).map_err(|error| NoListing::Failed(error.to_string()))
}

/// What a file of the tree says of itself; its metadata beside it counts where it is that of the record.
fn known(
    tree: &Tree,
    filename: &DistributionFilename,
    record: Option<FileRecord>,
) -> Result<Known, NoMetadata> {
    let (project, name) = (filename.project(), filename.as_str());
    let failed = |error: depot_tree::TreeError| NoMetadata::Failed(explain(&error.into()));
    let record = match record {
        Some(record) => Some(record),
        None => tree.record(project, name).map_err(failed)?,
    };
    let digest = record.and_then(|record| record.core_metadata);
    if filename.kind() == DistributionKind::Wheel
        && let Some(digest) = digest
        && let Some(bytes) = tree.metadata(project, name).map_err(failed)?
        && depot_proto::Sha256Digest::of(&bytes) == digest
    {
        return Known::of_wheel(&bytes);
    }
    known_of_file(&mut open(tree, filename)?, filename)
}

fn open(tree: &Tree, filename: &DistributionFilename) -> Result<File, NoMetadata> {
    match tree.open_part(filename.project(), filename.as_str(), Part::Bytes) {
        Ok(Some(opened)) => Ok(opened.file),
        Ok(None) => Err(NoMetadata::Failed(format!("the bytes of `{filename}` are not in the tree"))),
        Err(error) => Err(NoMetadata::Failed(explain(&error.into()))),
    }
}

/// The record of a file of an index that the tree has with the very same bytes.
fn same(tree: &Tree, offer: &Offer) -> Option<FileRecord> {
    let sha256 = offer.file.sha256()?;
    let record = tree.record(offer.filename.project(), offer.filename.as_str()).ok()??;
    let is_there = tree.has_bytes(offer.filename.project(), offer.filename.as_str(), record.size);
    (record.sha256 == sha256 && is_there).then_some(record)
}

/// What a file of an index says of itself, where the tree has it; none where the index must be asked.
pub(super) async fn known_if_same(tree: &Arc<Tree>, offer: &Offer) -> Option<Known> {
    let (tree, offer) = (Arc::clone(tree), offer.clone());
    let read = move || {
        let record = same(&tree, &offer)?;
        known(&tree, &offer.filename, Some(record)).ok()
    };
    tokio::task::spawn_blocking(read).await.ok().flatten()
}

/// What an sdist of an index needs to be built, where the tree has it; none where the index must be asked.
pub(super) async fn build_system_if_same(tree: &Arc<Tree>, offer: &Offer) -> Option<BuildSystem> {
    let (tree, offer) = (Arc::clone(tree), offer.clone());
    let read = move || {
        same(&tree, &offer)?;
        let mut file = open(&tree, &offer.filename).ok()?;
        build_system_of_file(&mut file, &offer.filename).ok()
    };
    tokio::task::spawn_blocking(read).await.ok().flatten()
}
