//! Which names the hosted repository owns: it alone answers for them, and nobody else is asked.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use depot_proto::{Origin, ProjectName, RepositoryName, scope::ProjectPattern, why::Owning};
use moka::sync::Cache;

use crate::{
    auth::oidc::Oidc,
    python::repository::Repository,
    service::{alarms::Alarms, tokens::Tokens},
    store::{StoreError, records::Serial},
};

/// The projects whose answer is remembered.
const REMEMBERED: u64 = 100_000;

/// What reserves names.
pub(crate) struct Reserved {
    /// The configuration.
    pub(crate) patterns: Vec<ProjectPattern>,
    /// Tokens that may publish under some names and not under all.
    pub(crate) tokens: Arc<Tokens>,
    /// Trusted jobs that may.
    pub(crate) jobs: Option<Arc<Oidc>>,
}

/// Who owns a name, as of the last change of its project.
pub(crate) struct Ownership {
    repository: Arc<Repository>,
    reserved: Reserved,
    /// What is sounded where others have a name that is owned.
    pub(crate) alarms: Arc<Alarms>,
    /// The lists of other indexes that were looked at for such names.
    lists: Mutex<HashMap<RepositoryName, Weak<[ProjectName]>>>,
    /// Whether a project has a file of its own, by its serial.
    first_party: Cache<ProjectName, (Serial, bool)>,
}

impl Ownership {
    pub(crate) fn new(repository: Arc<Repository>, reserved: Reserved, alarms: Arc<Alarms>) -> Self {
        let (lists, first_party) = (Mutex::default(), Cache::new(REMEMBERED));
        Self { repository, reserved, alarms, lists, first_party }
    }

    /// Whether the hosted repository owns a name; none where that must be read from the store.
    pub(crate) fn known(&self, project: &ProjectName) -> Option<bool> {
        if self.is_claimed(project) || self.is_reserved(project) {
            return Some(true);
        }
        let Some(serial) = self.repository.serial(project) else { return Some(false) };
        self.first_party.get(project).filter(|(known, _)| *known == serial).map(|(_, owned)| owned)
    }

    /// The same, read from the store if need be. May block.
    pub(crate) fn owns(&self, project: &ProjectName) -> Result<bool, StoreError> {
        if let Some(known) = self.known(project) {
            return Ok(known);
        }
        // Asked before the files: what comes in between is read again the next time.
        let Some(serial) = self.repository.serial(project) else { return Ok(false) };
        let releases = self.repository.packages.releases(&self.repository.name, project)?;
        let mut files = releases.iter().flat_map(|release| &release.files);
        let owned = files.any(|file| !matches!(file.facts.origin, Some(Origin::Mirrored { .. })));
        self.first_party.insert(project.clone(), (serial, owned));
        Ok(owned)
    }

    /// Another number whenever other names are owned, but for those that are owned by what was published under them.
    pub(super) fn version(&self) -> u64 {
        let Reserved { tokens, jobs, .. } = &self.reserved;
        let jobs = jobs.as_ref().map(|jobs| jobs.reserving_version());
        let mut hasher = DefaultHasher::new();
        (tokens.reserving_version(), jobs, self.repository.projects.version()).hash(&mut hasher);
        hasher.finish()
    }

    /// Another number also whenever something was published.
    pub(super) fn last_serial(&self) -> Serial {
        self.repository.last_serial()
    }

    /// What makes the hosted repository the owner of a name, and the pattern that reserves it, if one does. May block.
    pub(crate) fn because(
        &self,
        project: &ProjectName,
    ) -> Result<Option<(Owning, Option<String>)>, StoreError> {
        let record = self.repository.projects.get(project);
        if record.is_some_and(|record| !record.owners.is_empty() || !record.pushers.is_empty()) {
            return Ok(Some((Owning::Claimed, None)));
        }
        let mut patterns = self.reserved.patterns.iter();
        if let Some(pattern) = patterns.find(|pattern| pattern.matches(project)) {
            return Ok(Some((Owning::Reserved, Some(pattern.to_string()))));
        }
        if self.is_reserved(project) {
            // By a token or a job: whose, and what else it may, is nobody's business.
            return Ok(Some((Owning::Reserved, None)));
        }
        if self.is_claimed(project) {
            return Ok(Some((Owning::Tombstone, None)));
        }
        Ok(self.owns(project)?.then_some((Owning::FirstParty, None)))
    }

    /// Whether a list of another index was not looked at before; it is from now on.
    pub(super) fn is_new_list(&self, of: &RepositoryName, names: &Arc<[ProjectName]>) -> bool {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = Arc::downgrade(names);
        let known = lists.insert(of.clone(), Weak::clone(&list));
        // What is remembered keeps its place in memory, so that no other list is taken for it.
        known.is_none_or(|known| !known.ptr_eq(&list))
    }

    /// Whether somebody keeps the name, or something of its own was deleted: a name is never free again. Deleted copies of
    /// another index's files own as little as those that are there.
    fn is_claimed(&self, project: &ProjectName) -> bool {
        // Of one whose record cannot be read nothing is known, and that must not open it.
        if self.repository.projects.is_damaged(project) {
            return true;
        }
        let record = self.repository.projects.get(project);
        record.is_some_and(|record| {
            !record.owners.is_empty()
                || !record.pushers.is_empty()
                || record.tombstones.iter().any(|tombstone| !tombstone.mirrored)
        })
    }

    /// Whether the configuration keeps the name, or who may publish under it and not under every name: the bearer of a
    /// token, or a job that may get one.
    pub(crate) fn is_reserved(&self, project: &ProjectName) -> bool {
        let Reserved { patterns, tokens, jobs } = &self.reserved;
        patterns.iter().any(|pattern| pattern.matches(project))
            || tokens.reserves(&self.repository.name, project)
            || jobs.as_ref().is_some_and(|jobs| jobs.reserves(&self.repository.name, project))
    }
}
