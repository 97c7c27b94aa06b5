//! What a scrub finds of a project as a whole: its record, and what lies there of files that were deleted.

use depot_proto::{ProjectName, Sha256Digest, layout};
use depot_tree::TreeError;

use super::{Fault, Outcome, Scrub, ScrubError, Subject};
use crate::{private, python::projects};

impl Scrub<'_> {
    /// Whether a file was deleted, so that nothing of it is missed.
    pub(super) fn is_deleted(&self, subject: &Subject<'_>) -> bool {
        self.repository.projects.is_deleted(subject.project, subject.filename)
    }

    /// The server has the record in memory since its start: that is as good as the one that the tree lost.
    pub(super) fn project_record(&self, project: &ProjectName) -> Result<(), ScrubError> {
        let below = layout::project_path(project);
        let subject = Subject { project, filename: &below };
        let known = self.repository.projects.get(project);
        let (fault, detail) = match self.repository.tree.project(project) {
            Ok(None) if known.is_some() => (Fault::ProjectRecordMissing, "the record is gone".to_owned()),
            Ok(_) => return self.buried(project),
            Err(TreeError::Project { source, .. }) if known.is_some() => {
                self.keep_damaged_project(&subject)?;
                (Fault::ProjectRecordUnreadable, source.to_string())
            }
            Err(error) => {
                let detail = error.to_string();
                self.report(&subject, Fault::ProjectRecordUnreadable, Outcome::Left, detail);
                return Ok(());
            }
        };
        projects::put_back(self.repository, project)?;
        self.report(&subject, fault, Outcome::Mended, detail);
        self.buried(project)
    }

    /// Removes what a deletion could not.
    fn buried(&self, project: &ProjectName) -> Result<(), ScrubError> {
        // A file that comes again lies there for a moment before its tombstone is gone.
        let _closed = self.repository.projects.close();
        let Some(record) = self.repository.projects.get(project) else { return Ok(()) };
        for tombstone in &record.tombstones {
            let filename = &tombstone.filename;
            if self.repository.tree.has_any(project, filename) {
                self.repository.tree.bury(project, filename)?;
                let subject = Subject { project, filename };
                self.report(&subject, Fault::StillThere, Outcome::Mended, "it was deleted".to_owned());
            }
        }
        Ok(())
    }

    fn keep_damaged_project(&self, subject: &Subject<'_>) -> Result<(), ScrubError> {
        let path = self.repository.tree.root().join(subject.filename);
        let kept = std::fs::read(&path).and_then(|damaged| {
            let folder = self.options.quarantine.join(self.repository.name.as_str());
            let name = format!("project.json.{}", Sha256Digest::of(&damaged));
            let folder = folder.join(subject.project.as_str());
            private::create_folder(&folder)?;
            private::write(&folder.join(name), &damaged)
        });
        kept.map_err(|source| TreeError::Io { what: "keep a copy of", path, source }.into())
    }
}
