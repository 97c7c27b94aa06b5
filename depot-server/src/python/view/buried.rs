//! Files that were deleted here: a name means one sha256 for ever, also to readers of a group in which others have it.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use depot_proto::{
    DistributionFilename, ProjectName, ProjectRecord, RepositoryName, Sha256Digest, Version,
    simple::{PageFile, ProjectPage},
};

use super::{
    Readable, View, ViewError,
    member::{Hosted, Source},
};
use crate::{python::listing::Listing, service::alarms::Alarms};

/// What was deleted of a project in the hosted repository of a view; nothing where it is no member.
pub(super) struct Buried(Option<Arc<ProjectRecord>>);

impl View {
    /// What was deleted here of a project.
    pub(super) fn buried(&self, project: &ProjectName) -> Buried {
        let record = self.hosted().and_then(|(_, hosted)| hosted.repository.projects.get(project));
        Buried(record.filter(|record| !record.tombstones.is_empty()))
    }

    /// The hosted repository and its place, where it is a member.
    pub(super) fn hosted(&self) -> Option<(usize, &Hosted)> {
        self.members.iter().enumerate().find_map(|(place, member)| match &member.source {
            Source::Hosted(hosted) => Some((place, &**hosted)),
            Source::Proxy(_) | Source::Directory(_) => None,
        })
    }

    /// Says to who may read there that a file was deleted, where who deleted it owns the name: nobody else may have it.
    pub(super) async fn check_deleted(
        &self,
        filename: &DistributionFilename,
        readable: Readable,
    ) -> Result<(), ViewError> {
        let may_know = self.hosted().is_some_and(|(place, _)| readable.includes(place));
        let is_buried = self.buried(filename.project()).digest(filename.as_str()).is_some();
        if may_know && is_buried && self.is_owned(filename.project()).await? {
            return Err(ViewError::Deleted(filename.to_string()));
        }
        Ok(())
    }
}

impl Buried {
    /// The digest that a deleted file of this name had.
    pub(super) fn digest(&self, filename: &str) -> Option<Sha256Digest> {
        Some(self.0.as_ref()?.tombstone(filename)?.sha256)
    }

    /// Whether a file of this name and digest is not what a deleted one was. Of one whose digest nobody knows that cannot
    /// be said, and it must not be shown.
    pub(super) fn is_other(&self, filename: &str, sha256: Option<Sha256Digest>) -> bool {
        self.digest(filename).is_some_and(|buried| sha256 != Some(buried))
    }

    /// A number that differs where something else was deleted; none where nothing was.
    pub(super) fn version(&self) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        for tombstone in &self.0.as_ref()?.tombstones {
            (&tombstone.filename, tombstone.sha256.to_string()).hash(&mut hasher);
        }
        Some(hasher.finish())
    }

    /// Takes out of another member's page what has the name of a deleted file and other bytes, and sounds an alarm.
    pub(super) fn take_out(&self, listing: &mut Listing, of: &RepositoryName, alarms: &Alarms) {
        let other_than = |file: &PageFile| {
            self.digest(&file.filename).filter(|_| self.is_other(&file.filename, file.sha256()))
        };
        if !listing.page.files.iter().any(|file| other_than(file).is_some()) {
            return;
        }
        let mut page = (*listing.page).clone();
        page.files.retain(|file| match other_than(file) {
            Some(deleted) => {
                alarms.deleted_bytes(of, &file.filename, (deleted, file.sha256()));
                false
            }
            None => true,
        });
        // A version of which this took the last file is none that is there.
        let (before, left) = (versions_of(&listing.page), versions_of(&page));
        page.versions.retain(|version| {
            let version = Version::read(version);
            left.contains(&version) || !before.contains(&version)
        });
        listing.page = Arc::new(page);
    }
}

/// The versions of which a page has files.
fn versions_of(page: &ProjectPage) -> BTreeSet<Version> {
    let read = |file: &PageFile| DistributionFilename::parse(&file.filename, &page.project).ok();
    page.files.iter().filter_map(read).map(|filename| filename.version().clone()).collect()
}
