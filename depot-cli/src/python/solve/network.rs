//! Indexes as a supply: pages, metadata beside files, and files where there is none.

use std::{fs::File, sync::Arc};

use depot_dist::{DistError, Limits};
use depot_index::{Client, IndexError, IndexUrl};
use depot_proto::{
    DistributionFilename, DistributionKind, ProjectName, metadata,
    simple::{ProjectPage, ProjectStatus},
};
use depot_tree::Tree;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};

use super::{BuildSystem, Known, Listing, NoListing, NoMetadata, Offer, Supply, offline};
use crate::{
    args::IndexStrategy,
    output::explain,
    python::{fetch::peek, indexes::Indexes},
};

/// Candidates from indexes.
pub(in crate::python) struct NetworkSupply {
    client: Client,
    indexes: Arc<Indexes>,
    strategy: IndexStrategy,
    /// What is in it need not be asked for.
    tree: Arc<Tree>,
    /// Whether what must be downloaded to be read is kept in the tree.
    keeps: bool,
    /// Whether the versions that the tree has are preferred.
    prefers: bool,
}

impl NetworkSupply {
    pub(in crate::python) fn new(
        client: Client,
        indexes: Arc<Indexes>,
        strategy: IndexStrategy,
        tree: Arc<Tree>,
    ) -> Self {
        Self { client, indexes, strategy, tree, keeps: false, prefers: false }
    }

    /// Keeps in the tree what must be downloaded to be read, so that saving it is no second download. It is written to.
    pub(in crate::python) fn keeping(self, keeps: bool) -> Self {
        Self { keeps, ..self }
    }

    /// Prefers the versions that the tree has.
    pub(in crate::python) fn preferring(self, prefers: bool) -> Self {
        Self { prefers, ..self }
    }

    async fn look<T: Send + 'static>(
        &self,
        offer: &Offer,
        read: fn(&mut File, &DistributionFilename) -> Result<T, NoMetadata>,
    ) -> Result<T, NoMetadata> {
        let filename = offer.filename.clone();
        let tree = self.keeps.then_some(&self.tree);
        let seen = peek(&self.client, tree, offer, move |file| read(file, &filename)).await;
        seen.unwrap_or_else(|error| Err(NoMetadata::Failed(explain(&error))))
    }

    async fn pages(&self, project: &ProjectName) -> Result<Vec<(Arc<IndexUrl>, ProjectPage)>, NoListing> {
        if self.strategy == IndexStrategy::FirstIndex {
            return Ok(vec![self.indexes.project(&self.client, project).await?]);
        }
        let asking = self
            .indexes
            .asked()
            .map(|index| async move { (index, self.client.project(index, project).await) });
        let mut pages = Vec::new();
        for (index, answer) in join_all(asking).await {
            match answer {
                Ok(page) => {
                    self.indexes.note(index, &page).await;
                    pages.push((Arc::clone(index), page));
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(NoListing::Failed(explain(&error.into()))),
            }
        }
        if pages.is_empty() { Err(self.indexes.absent(project)) } else { Ok(pages) }
    }

    async fn ask_known(&self, offer: &Offer) -> Result<Known, NoMetadata> {
        if let Some(known) = offline::known_if_same(&self.tree, offer).await {
            return Ok(known);
        }
        match self.client.metadata(&offer.index, offer.filename.project(), &offer.file).await {
            Ok(bytes) if offer.filename.kind() == DistributionKind::Wheel => Known::of_wheel(&bytes),
            Ok(bytes) => {
                let core = metadata::parse(&bytes).map_err(|error| NoMetadata::Bad(error.to_string()))?;
                let known = Known::of_sdist(&core, None)?;
                if known.is_uncertain { self.look(offer, known_of_file).await } else { Ok(known) }
            }
            Err(IndexError::NeedsDownload { .. }) => self.look(offer, known_of_file).await,
            Err(error @ (IndexError::BadFile { .. } | IndexError::BadFilename(_))) => {
                Err(NoMetadata::Bad(explain(&error.into())))
            }
            Err(error) => Err(NoMetadata::Failed(explain(&error.into()))),
        }
    }

    async fn ask_build_system(&self, offer: &Offer) -> Result<BuildSystem, NoMetadata> {
        match offline::build_system_if_same(&self.tree, offer).await {
            Some(system) => Ok(system),
            None => self.look(offer, build_system_of_file).await,
        }
    }
}

impl Supply for NetworkSupply {
    fn listing<'a>(&'a self, project: &'a ProjectName) -> BoxFuture<'a, Result<Listing, NoListing>> {
        async move {
            let mut listing = Listing::default();
            if self.prefers {
                let (tree, project) = (Arc::clone(&self.tree), project.clone());
                let names = tokio::task::spawn_blocking(move || tree.filenames(&project)).await;
                // A folder that cannot be listed is met again when something is put into it.
                listing.saved.extend(names.into_iter().flatten().flatten());
            }
            for (index, page) in self.pages(project).await? {
                listing.quarantined |= !page.status.offers_files();
                if page.status != ProjectStatus::Active {
                    listing.status = page.status;
                }
                let offers = page.files.into_iter().filter_map(|file| {
                    let filename = DistributionFilename::parse(&file.filename, project).ok()?;
                    Some(Offer { filename, file, index: Arc::clone(&index) })
                });
                listing
                    .offers
                    .extend(offers.filter(|offer| offer.filename.kind() != DistributionKind::Legacy));
            }
            Ok(listing)
        }
        .boxed()
    }

    fn known<'a>(&'a self, offer: &'a Offer) -> BoxFuture<'a, Result<Known, NoMetadata>> {
        self.ask_known(offer).boxed()
    }

    fn build_system<'a>(&'a self, offer: &'a Offer) -> BoxFuture<'a, Result<BuildSystem, NoMetadata>> {
        self.ask_build_system(offer).boxed()
    }
}

/// What a distribution says of itself, from its bytes. It blocks.
pub(super) fn known_of_file(file: &mut File, filename: &DistributionFilename) -> Result<Known, NoMetadata> {
    let contents = depot_dist::read(&mut *file, filename, &Limits::default());
    if filename.kind() == DistributionKind::Wheel {
        return Known::of_wheel(&contents.map_err(told)?.raw_metadata);
    }
    match contents {
        Ok(contents) => Known::of_sdist(&contents.metadata, pyproject(file, filename)?.as_deref()),
        // Old sdists have no metadata, or are packed in ways that are not read here. They can be built all the same.
        Err(DistError::Unsupported { .. } | DistError::NoMetadata { .. } | DistError::BadMetadata(_)) => {
            Known::of_pyproject(pyproject(file, filename)?.as_deref())
        }
        Err(error) => Err(told(error)),
    }
}

/// What an sdist needs to be built, from its bytes. It blocks.
pub(super) fn build_system_of_file(
    file: &mut File,
    filename: &DistributionFilename,
) -> Result<BuildSystem, NoMetadata> {
    let pyproject = pyproject(file, filename)?;
    if !BuildSystem::is_of_setuptools(pyproject.as_deref()) {
        return Ok(BuildSystem::of_pyproject(pyproject.as_deref()));
    }
    // What of them cannot be read is not there for this.
    let mut read = |name: &str| in_sdist(file, filename, name).ok().flatten();
    let (setup_cfg, setup_py) = (read("setup.cfg"), read("setup.py"));
    Ok(BuildSystem::of_sdist(pyproject.as_deref(), setup_cfg.as_deref(), setup_py.as_deref()))
}

fn pyproject(file: &mut File, filename: &DistributionFilename) -> Result<Option<Vec<u8>>, NoMetadata> {
    in_sdist(file, filename, "pyproject.toml")
}

/// A file in the top folder of an sdist.
fn in_sdist(
    file: &mut File,
    filename: &DistributionFilename,
    name: &str,
) -> Result<Option<Vec<u8>>, NoMetadata> {
    match depot_dist::read_sdist_file(file, filename, name, &Limits::default()) {
        Err(DistError::Unsupported { .. }) => Ok(None),
        read => read.map_err(told),
    }
}

/// An archive that cannot be read is bad; a disk that cannot be read says nothing about it.
fn told(error: DistError) -> NoMetadata {
    match error {
        DistError::Io(error) => NoMetadata::Failed(error.to_string()),
        error => NoMetadata::Bad(error.to_string()),
    }
}
