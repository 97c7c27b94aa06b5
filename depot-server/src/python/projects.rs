//! What belongs to projects as a whole: states of life, roles, tombstones. All records there are, in memory; the tree has
//! them too, and is the truth.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use depot_proto::{
    DistributionFilename, ProjectName, ProjectRecord, Sha256Digest, Subject, Timestamp, Tombstone,
    simple::ProjectStatus,
};
use depot_tree::{Tree, TreeError};

use super::{reindex, repository::Repository};
use crate::{
    clock,
    service::commit::CommitError,
    store::records::{Change, Entry, ReleaseRecord},
};

/// The records of a repository's projects.
#[derive(Default)]
pub(crate) struct Projects {
    known: RwLock<Known>,
    /// Held while a record is read, changed and put back.
    changing: Mutex<()>,
    /// Held by publications, shared, from when they are admitted until they are committed, and alone by changes that
    /// refuse uploads from then on. Taken before `changing`, never after.
    publishing: RwLock<()>,
}

#[derive(Default)]
struct Known {
    records: HashMap<ProjectName, Arc<ProjectRecord>>,
    /// Projects whose records cannot be read: nothing is known of their tombstones, so they take nothing.
    damaged: HashSet<ProjectName>,
    /// How often any of this changed since the server was started.
    version: u64,
}

/// Why a file is not taken for what its project is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// A file of this name was deleted.
    #[error(
        "File name was used by a deleted file ('{filename}', deleted {when}); {}",
        keeps(*.mirrored)
    )]
    Deleted {
        /// The file that had the name.
        filename: String,
        /// When it was deleted.
        when: Timestamp,
        /// Whether it was a copy of another index's file.
        mirrored: bool,
    },
    /// The project takes no uploads.
    #[error("project `{project}` is {state}{reason}, and takes no uploads", reason = because(.reason.as_deref()))]
    Closed {
        /// The project.
        project: ProjectName,
        /// Its state of life.
        state: ProjectStatus,
        /// Why.
        reason: Option<String>,
    },
    /// The record cannot be read.
    #[error(
        "the record of project `{0}` cannot be read on the server, so nothing of it is changed: its keeper must mend it"
    )]
    Damaged(ProjectName),
}

/// What a deleted file's name may still be used for.
fn keeps(mirrored: bool) -> &'static str {
    if mirrored {
        "it was a copy of another index's, and only a copy of the same bytes may come again"
    } else {
        "a name never gets bytes again: publish a new version"
    }
}

/// A reason in brackets after what it is the reason of.
pub(super) fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

/// A file that is to be uploaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coming<'a> {
    /// The name that it shall have.
    pub(crate) filename: &'a DistributionFilename,
    /// Whether it is here already.
    pub(crate) is_here: bool,
    /// The digest of its bytes, if it is said to be a copy of another index's file.
    pub(crate) copy: Option<Sha256Digest>,
}

impl Coming<'_> {
    /// Whether it is what a deleted file was: a copy, with its name and bytes.
    fn is_again(&self, tombstone: &Tombstone) -> bool {
        tombstone.mirrored
            && tombstone.filename == self.filename.as_str()
            && self.copy == Some(tombstone.sha256)
    }
}

/// Why a project's record was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    /// For what the project is.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The tree could not take it.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The change could not be committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Projects {
    /// Reads every record there is. One that cannot be read is one project's misfortune, and is said loudly.
    pub(crate) fn read(tree: &Tree) -> Result<Self, TreeError> {
        Ok(Self { known: RwLock::new(Known::read(tree)?), ..Self::default() })
    }

    /// Reads every record again, for who changed some by hand; the projects whose records are others now.
    pub(crate) fn read_again(&self, tree: &Tree) -> Result<Vec<ProjectName>, TreeError> {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Known::read(tree)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let names: HashSet<&ProjectName> = known.records.keys().chain(now.records.keys()).collect();
        let is_other = |name: &&&ProjectName| known.records.get(**name) != now.records.get(**name);
        let changed = names.iter().filter(is_other).map(|name| (*name).clone()).collect();
        *known = Known { version: known.version + 1, ..now };
        Ok(changed)
    }

    /// The record of a project, if it has one that can be read.
    pub(crate) fn get(&self, project: &ProjectName) -> Option<Arc<ProjectRecord>> {
        self.known().records.get(project).cloned()
    }

    /// Whether a project has a record that cannot be read.
    pub(crate) fn is_damaged(&self, project: &ProjectName) -> bool {
        self.known().damaged.contains(project)
    }

    /// Whether a file was deleted, and did not come again.
    pub(crate) fn is_deleted(&self, project: &ProjectName, filename: &str) -> bool {
        self.get(project).is_some_and(|record| record.tombstone(filename).is_some())
    }

    /// Another number whenever a record is another one.
    pub(crate) fn version(&self) -> u64 {
        self.known().version
    }

    /// Every record that can be read.
    pub(crate) fn all(&self) -> Vec<Arc<ProjectRecord>> {
        self.known().records.values().cloned().collect()
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a file may be uploaded, for what its project is. One that is here may come again to an archived project: it
    /// is no news. A copy of another index's file that was deleted may come again: its name means the same bytes.
    pub(crate) fn check(&self, coming: Coming<'_>) -> Result<(), Refused> {
        let known = self.known();
        let project = coming.filename.project();
        if known.damaged.contains(project) {
            return Err(Refused::Damaged(project.clone()));
        }
        let Some(record) = known.records.get(project) else { return Ok(()) };
        let tombstone = record.tombstone(coming.filename.as_str());
        if let Some(Tombstone { filename, when, mirrored, .. }) =
            tombstone.filter(|tombstone| !coming.is_again(tombstone))
        {
            return Err(Refused::Deleted { filename: filename.clone(), when: *when, mirrored: *mirrored });
        }
        match record.state_here() {
            state if state.takes_uploads() => Ok(()),
            ProjectStatus::Archived if coming.is_here => Ok(()),
            state => {
                let reason = record.status.as_ref().and_then(|status| status.reason.clone());
                Err(Refused::Closed { project: project.clone(), state, reason })
            }
        }
    }

    /// The same for a publication of files that goes on now: what admits it does not change until the guard is dropped.
    pub(crate) fn admit<'a>(
        &self,
        files: impl IntoIterator<Item = Coming<'a>>,
    ) -> Result<Admitted<'_>, Refused> {
        let admitted = Admitted { _open: self.publishing.read().unwrap_or_else(PoisonError::into_inner) };
        files.into_iter().try_for_each(|coming| self.check(coming))?;
        Ok(admitted)
    }

    /// Keeps publications out for as long as it lives.
    pub(super) fn close(&self) -> RwLockWriteGuard<'_, ()> {
        self.publishing.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A publication that was admitted.
pub(crate) struct Admitted<'a> {
    _open: RwLockReadGuard<'a, ()>,
}

impl Known {
    fn read(tree: &Tree) -> Result<Self, TreeError> {
        let mut known = Self::default();
        for project in tree.documented_projects()? {
            match tree.project(&project) {
                Ok(Some(record)) => {
                    known.records.insert(project, Arc::new(record));
                }
                Ok(None) => {}
                Err(error @ TreeError::Project { .. }) => {
                    tracing::error!(%project, %error, "a project's record is damaged; the project takes nothing");
                    known.damaged.insert(project);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(known)
    }
}

/// Changes a project's record: in the tree, durably, in memory, and then in the journal, after which the project's pages
/// are made anew. `change` answers with what the journal shall say, or nothing if the record is so already; false is
/// returned then. May block.
///
/// Memory comes before the journal, because a page that is rendered after the serial moved must have the change.
pub(crate) fn change(
    repository: &Repository,
    project: &ProjectName,
    who: &str,
    change: impl FnOnce(&mut ProjectRecord) -> Vec<Change>,
) -> Result<bool, ProjectError> {
    let projects = &repository.projects;
    let _one_at_a_time = projects.changing.lock().unwrap_or_else(PoisonError::into_inner);
    if projects.known().damaged.contains(project) {
        return Err(Refused::Damaged(project.clone()).into());
    }
    let known = projects.get(project);
    let mut record = known.map_or_else(|| ProjectRecord::new(project.clone()), |known| (*known).clone());
    let mut changes = change(&mut record);
    let Some(last) = changes.pop() else { return Ok(false) };
    let note = repository.tree.put_project(&record)?;
    {
        let mut known = projects.known.write().unwrap_or_else(PoisonError::into_inner);
        known.records.insert(project.clone(), Arc::new(record));
        known.version += 1;
    }
    if let Err(error) = commit(repository, project, who, changes, last) {
        // It stands in the tree: the next start must bring it into the journal and onto the pages.
        note.leave_note();
        return Err(error.into());
    }
    Ok(true)
}

/// One line for each change; the project is read again with the last, if any of them shows on its page.
fn commit(
    repository: &Repository,
    project: &ProjectName,
    who: &str,
    changes: Vec<Change>,
    last: Change,
) -> Result<(), CommitError> {
    let note = |change| {
        let entry = Entry { time: clock::now(), who: who.to_owned(), change };
        repository.committer.note(entry).map(drop)
    };
    changes.into_iter().try_for_each(note)?;
    match last {
        Change::Role { .. } | Change::Claim { .. } => note(last),
        last => reindex::reread(repository, project, last, who),
    }
}

/// Makes an account the owner of a project that has none; false if it has some. May block.
pub(crate) fn claim(
    repository: &Repository,
    project: &ProjectName,
    subject: &Subject,
    who: &str,
) -> Result<bool, ProjectError> {
    if repository.projects.get(project).is_some_and(|record| !record.owners.is_empty()) {
        return Ok(false);
    }
    change(repository, project, who, |record| {
        if !record.owners.is_empty() {
            return Vec::new();
        }
        record.owners.insert(subject.clone());
        let (repository, project) = (repository.name.clone(), project.clone());
        vec![Change::Claim { repository, project, subject: subject.clone() }]
    })
}

/// Takes the tombstone of a file away that was deleted and is in the tree again, and commits that it is published; false
/// if it has none. Until then a start removes the file. May block.
pub(super) fn publish_again(
    repository: &Repository,
    filename: &DistributionFilename,
    sha256: Sha256Digest,
    who: &str,
) -> Result<bool, ProjectError> {
    let (project, name) = (filename.project(), filename.as_str());
    if !repository.projects.is_deleted(project, name) {
        return Ok(false);
    }
    change(repository, project, who, |record| {
        if record.tombstone(name).is_none() {
            return Vec::new();
        }
        record.tombstones.retain(|tombstone| tombstone.filename != name);
        let (repository, project) = (repository.name.clone(), project.clone());
        vec![Change::Publish { repository, project, filename: name.to_owned(), sha256 }]
    })
}

/// Puts the record of a project that the tree lost back there, as it is in memory. May block.
pub(super) fn put_back(repository: &Repository, project: &ProjectName) -> Result<(), TreeError> {
    let projects = &repository.projects;
    let _one_at_a_time = projects.changing.lock().unwrap_or_else(PoisonError::into_inner);
    match projects.get(project) {
        Some(record) => repository.tree.put_project(&record).map(drop),
        None => Ok(()),
    }
}

/// Finishes the deletion of files whose tombstones stand: what a crash left of them goes. Called before anything is served.
pub(crate) fn finish_deletions(repository: &Repository) -> Result<(), CommitError> {
    for record in repository.projects.all() {
        for tombstone in &record.tombstones {
            if repository.tree.has_any(&record.name, &tombstone.filename) {
                finish_deletion(repository, &record.name, tombstone)?;
            }
        }
    }
    Ok(())
}

fn finish_deletion(
    repository: &Repository,
    project: &ProjectName,
    tombstone: &Tombstone,
) -> Result<(), CommitError> {
    let Tombstone { filename, sha256, mirrored, .. } = tombstone.clone();
    let listed = repository.packages.releases(&repository.name, project);
    let is_listed = |releases: Vec<ReleaseRecord>| {
        releases.iter().flat_map(|release| &release.files).any(|file| file.filename == filename)
    };
    // What cannot be read is one more reason to read the project again.
    if listed.map_or(true, is_listed) {
        let (repository_name, project) = (repository.name.clone(), project.clone());
        let change = Change::Delete {
            repository: repository_name,
            project: project.clone(),
            filename: filename.clone(),
            sha256,
            mirrored,
        };
        reindex::reread(repository, &project, change, &tombstone.by)?;
    }
    match repository.tree.bury(project, &filename) {
        Ok(()) => tracing::info!(%project, filename, "a deletion that was cut off is finished"),
        // It is listed nowhere; the next start tries again.
        Err(error) => {
            tracing::error!(%project, filename, %error, "a deleted file could not be removed from the disk");
        }
    }
    Ok(())
}
