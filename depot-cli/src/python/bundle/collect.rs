//! What a bundle is to carry: all of a tree, or what of it the other side lacks.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use depot_proto::{
    DistributionFilename, FileRecord, ProjectName, ProjectRecord, Sha256Digest, Timestamp, Yanked,
    layout::Part,
};
use depot_tree::{OpenedFile, Tree};

use super::{
    manifest::{Blob, Item, Place},
    projects,
    receipt::{Held, Receipt, mark},
};

/// The files that are carried where not all are.
pub(super) type Only = BTreeSet<(ProjectName, String)>;

/// What is to be carried.
pub(super) struct Collected {
    /// In the order of [`Place`].
    pub(super) items: Vec<Item>,
    /// What the base had and the tree has no more.
    pub(super) removed: Vec<Place>,
    /// What the other side has afterwards; it names no bundle yet.
    pub(super) receipt: Receipt,
    pub(super) as_of: Option<Timestamp>,
    /// How many files go with their bytes, and how many bytes these are.
    pub(super) new: (usize, u64),
    /// How many files go without.
    pub(super) changed: usize,
    /// Of how many projects themselves something is told.
    pub(super) projects: usize,
}

/// What is told of a file of the tree.
pub(super) struct Told {
    pub(super) record: FileRecord,
    pub(super) metadata: Option<Vec<u8>>,
    pub(super) provenance: Option<Vec<u8>>,
    first_seen: Option<Timestamp>,
}

/// The content of an item.
pub(super) enum Content {
    /// The bytes of a file.
    Bytes(OpenedFile),
    /// A document.
    Document(Vec<u8>),
}

/// What this tree says of a file to others: what was decided here becomes what is said upstream of them, and when it came
/// here is nobody's affair but this tree's.
pub(super) fn told(tree: &Tree, project: &ProjectName, filename: &str) -> anyhow::Result<Option<Told>> {
    let Some(mut record) = tree.record(project, filename)? else { return Ok(None) };
    DistributionFilename::parse(filename, project)?;
    anyhow::ensure!(
        record.filename == filename,
        "the record of `{filename}` speaks of `{}`",
        record.filename
    );
    record.facts.yanked = record.effective_yank().clone();
    record.yanked_here = Yanked::No;
    record.facts_digest = None;
    let first_seen = record.first_seen.take();
    let is_meant = |metadata: &Vec<u8>| record.core_metadata == Some(Sha256Digest::of(metadata));
    let metadata = tree.metadata(project, filename)?.filter(is_meant);
    if metadata.is_none() {
        record.core_metadata = None;
    }
    let provenance = tree.document(&Place::part(project, filename, Part::Provenance).to_string())?;
    Ok(Some(Told { record, metadata, provenance, first_seen }))
}

impl Told {
    /// The documents that are carried of the file, in the order in which they are.
    fn documents(&self) -> impl Iterator<Item = (Part, Blob)> {
        let record = Some(Blob::of(&self.record.to_document()));
        let blobs = [
            (Part::Metadata, self.metadata.as_deref().map(Blob::of)),
            (Part::Provenance, self.provenance.as_deref().map(Blob::of)),
            (Part::Record, record),
        ];
        blobs.into_iter().filter_map(|(part, blob)| Some((part, blob?)))
    }

    /// What a receipt says of it.
    pub(super) fn held(&self) -> Held {
        let digests: Vec<Sha256Digest> = self.documents().map(|(_, blob)| blob.sha256).collect();
        Held(self.record.sha256, self.record.size, mark(&digests))
    }
}

/// What is told of projects themselves.
fn told_of_projects(tree: &Tree) -> anyhow::Result<Vec<ProjectRecord>> {
    let told = |project: &ProjectName| {
        projects::told(tree, project).with_context(|| format!("cannot carry what is known of `{project}`"))
    };
    tree.documented_projects()?.iter().map(told).collect()
}

/// What a receipt says of them, where there is something to say.
pub(super) fn marks(tree: &Tree) -> anyhow::Result<BTreeMap<ProjectName, String>> {
    let told = told_of_projects(tree)?.into_iter().filter(|told| told.declared.is_some());
    Ok(told.map(|told| (told.name.clone(), projects::mark_of(&told))).collect())
}

/// Looks through the tree, or for these files in it.
pub(super) fn collect(tree: &Tree, base: Option<&Receipt>, only: Option<&Only>) -> anyhow::Result<Collected> {
    let mut collected = Collected {
        items: Vec::new(),
        removed: Vec::new(),
        receipt: Receipt::empty(),
        as_of: None,
        new: (0, 0),
        changed: 0,
        projects: 0,
    };
    for project in tree.projects()? {
        let mut held = BTreeMap::new();
        for filename in tree.filenames(&project)? {
            if only.is_some_and(|only| !only.contains(&(project.clone(), filename.clone()))) {
                continue;
            }
            let told =
                told(tree, &project, &filename).with_context(|| format!("cannot carry `{filename}`"))?;
            let Some(told) = told else { continue };
            let before = base.and_then(|base| base.held(&project, &filename));
            held.insert(filename.clone(), collected.take(&project, &filename, &told, before)?);
        }
        if !held.is_empty() {
            collected.receipt.files.insert(project, held);
        }
    }
    for told in told_of_projects(tree)? {
        let project = &told.name;
        if only.is_some() && !collected.receipt.files.contains_key(project) {
            continue;
        }
        let before = base.and_then(|base| base.projects.get(project));
        // That there is nothing to say any more is to be said.
        if told.declared.is_none() && before.is_none() {
            continue;
        }
        let mark = projects::mark_of(&told);
        if before != Some(&mark) {
            collected.projects += 1;
            let blob = Blob::of(&told.to_document());
            collected.items.push(Item { place: Place::Project(project.clone()), blob });
        }
        collected.receipt.projects.insert(project.clone(), mark);
    }
    collected.removed = removed(base, &collected.receipt);
    Ok(collected)
}

impl Collected {
    fn take(
        &mut self,
        project: &ProjectName,
        filename: &str,
        told: &Told,
        before: Option<&Held>,
    ) -> anyhow::Result<Held> {
        let record = &told.record;
        let items =
            told.documents().map(|(part, blob)| Item { place: Place::part(project, filename, part), blob });
        let held = told.held();
        self.as_of = self.as_of.max(told.first_seen);
        match before {
            Some(before) if before.0 != record.sha256 => anyhow::bail!(
                "the other side has `{filename}` with other bytes (sha256 {}), which stay: it was not saved from the same place",
                before.0
            ),
            Some(before) if *before == held => {}
            Some(_) => {
                self.changed += 1;
                self.items.extend(items);
            }
            None => {
                self.new.0 += 1;
                self.new.1 += record.size;
                let blob = Blob { size: record.size, sha256: record.sha256 };
                self.items.push(Item { place: Place::part(project, filename, Part::Bytes), blob });
                self.items.extend(items);
            }
        }
        Ok(held)
    }
}

fn removed(base: Option<&Receipt>, now: &Receipt) -> Vec<Place> {
    let Some(base) = base else { return Vec::new() };
    let files = base.files.iter().flat_map(|(project, files)| {
        let gone = files.keys().filter(|filename| now.held(project, filename).is_none());
        gone.map(|filename| Place::part(project, filename, Part::Bytes))
    });
    let projects = base.projects.keys().filter(|project| !now.projects.contains_key(*project));
    files.chain(projects.cloned().map(Place::Project)).collect()
}

/// What an item is, read again.
pub(super) fn content(tree: &Tree, place: &Place) -> anyhow::Result<Option<Content>> {
    Ok(match place {
        Place::Part { project, filename, part: Part::Bytes } => {
            tree.open_part(project, filename, Part::Bytes)?.map(Content::Bytes)
        }
        Place::Part { project, filename, part } => told(tree, project, filename)?
            .and_then(|told| match part {
                Part::Metadata => told.metadata,
                Part::Provenance => told.provenance,
                _ => Some(told.record.to_document()),
            })
            .map(Content::Document),
        Place::Project(project) => Some(Content::Document(projects::told(tree, project)?.to_document())),
    })
}
