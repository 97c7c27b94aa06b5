//! A hosted repository: a tree, and what the server knows of it.

use std::{sync::Arc, time::Duration};

use depot_proto::{DistributionFilename, FileRecord, ProjectName, RepositoryName, VersionKey};
use depot_tree::Tree;
use moka::{policy::EvictionPolicy, sync::Cache};

use super::{
    projects::Projects,
    publish::{Policy, Rooms},
};
use crate::{
    auth::policy::Principal,
    service::{commit::Committer, names::Names},
    store::{Packages, StoreError, records::Serial},
};

/// Announcements that wait for their bytes, in bytes of their documents: more push out the oldest, whose senders see by
/// the answer to their bytes that the facts must be told again.
const MAX_ANNOUNCED: u64 = 32 << 20;
const ANNOUNCED_FOR: Duration = Duration::from_hours(1);

/// A hosted repository.
pub(crate) struct Repository {
    /// Its name, which is also the first part of every key.
    pub(crate) name: RepositoryName,
    /// The files.
    pub(crate) tree: Arc<Tree>,
    /// The largest file taken, in bytes.
    pub(crate) max_file_size: u64,
    /// What is asked of files beside the rules.
    pub(crate) policy: Policy,
    pub(crate) packages: Arc<dyn Packages>,
    pub(crate) names: Arc<Names>,
    pub(crate) committer: Arc<Committer>,
    /// The room that publications under way were promised.
    pub(super) rooms: Rooms,
    /// What belongs to projects as a whole.
    pub(crate) projects: Projects,
    announced: Cache<Announced, Arc<FileRecord>>,
}

/// What an announcement is kept under: by whose token it came matters, so that nobody's bytes are judged by another's
/// words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Announced {
    project: ProjectName,
    filename: String,
    token: String,
}

impl Repository {
    pub(crate) fn new(
        name: RepositoryName,
        tree: Arc<Tree>,
        max_file_size: u64,
        packages: Arc<dyn Packages>,
        names: Arc<Names>,
        committer: Arc<Committer>,
        projects: Projects,
    ) -> Self {
        let weight = |_: &Announced, record: &Arc<FileRecord>| {
            u32::try_from(record.to_document().len() + 256).unwrap_or(u32::MAX)
        };
        let announced = Cache::builder().max_capacity(MAX_ANNOUNCED).weigher(weight);
        let announced = announced.time_to_live(ANNOUNCED_FOR).eviction_policy(EvictionPolicy::lru()).build();
        Self {
            name,
            tree,
            max_file_size,
            policy: Policy::default(),
            packages,
            names,
            committer,
            rooms: Rooms::default(),
            projects,
            announced,
        }
    }

    /// The same, asking this of files.
    pub(crate) fn asking(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The serial of a project's last change; none if it is not here.
    pub(crate) fn serial(&self, project: &ProjectName) -> Option<Serial> {
        self.serial_of(project.as_str())
    }

    /// The same by the normalized name; none for a text that is not one.
    pub(crate) fn serial_of(&self, project: &str) -> Option<Serial> {
        self.names.serial(&self.name, project)
    }

    /// The serial of the repository's last change.
    pub(crate) fn last_serial(&self) -> Serial {
        self.names.last(&self.name)
    }

    /// The record of a file, if it is here.
    pub(crate) fn file(&self, filename: &DistributionFilename) -> Result<Option<FileRecord>, StoreError> {
        let release = self.release(filename.project(), &filename.version().key())?;
        Ok(release.and_then(|files| files.into_iter().find(|file| file.filename == filename.as_str())))
    }

    /// The files of a release, if it is here.
    pub(crate) fn release(
        &self,
        project: &ProjectName,
        version: &VersionKey,
    ) -> Result<Option<Vec<FileRecord>>, StoreError> {
        // Names are in memory: most questions about what is not here never reach the store.
        if self.serial(project).is_none() {
            return Ok(None);
        }
        Ok(self.packages.release(&self.name, project, version)?.map(|release| release.files))
    }

    /// Remembers what someone said of bytes that are still to come.
    pub(super) fn announce(&self, project: &ProjectName, by: &Principal, record: FileRecord) {
        let filename = record.filename.clone();
        let key = Announced { project: project.clone(), filename, token: by.id().to_owned() };
        self.announced.insert(key, Arc::new(record));
    }

    /// What they said of this file.
    pub(crate) fn announced(
        &self,
        filename: &DistributionFilename,
        by: &Principal,
    ) -> Option<Arc<FileRecord>> {
        let (project, filename) = (filename.project().clone(), filename.as_str().to_owned());
        self.announced.get(&Announced { project, filename, token: by.id().to_owned() })
    }

    pub(super) fn forget_announced(&self, filename: &DistributionFilename, by: &Principal) {
        let (project, filename) = (filename.project().clone(), filename.as_str().to_owned());
        self.announced.invalidate(&Announced { project, filename, token: by.id().to_owned() });
    }
}
