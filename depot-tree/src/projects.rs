//! Project records: read, replaced whole, and what follows from their tombstones.

use std::fs;

use depot_proto::{
    ProjectName, ProjectRecord,
    layout::{self, Part},
};

use crate::{
    error::{OnPath as _, TreeError},
    incoming::{Temporary, write_synced},
    remove::remove_file,
    sync,
    tree::Tree,
};

/// A project record that was put in its place. While it lives, a crash leaves a note of the change.
#[derive(Debug)]
pub struct ProjectChanged(Temporary);

impl ProjectChanged {
    /// Goes, but leaves the note: the next to open the tree will report the project ([`crate::Recovered`]).
    pub fn leave_note(mut self) {
        self.0.keep_note();
    }
}

impl Tree {
    /// The record of a project; none if it has none.
    pub fn project(&self, project: &ProjectName) -> Result<Option<ProjectRecord>, TreeError> {
        let below = layout::project_path(project);
        let Some(document) = self.document(&below)? else { return Ok(None) };
        let record = ProjectRecord::read(&document, project);
        record.map(Some).map_err(|source| TreeError::Project { path: self.root().join(below), source })
    }

    /// Puts a project's record in the place of what was there, durably. Whoever changes records takes care that nobody
    /// else does at the same time.
    pub fn put_project(&self, record: &ProjectRecord) -> Result<ProjectChanged, TreeError> {
        self.check_trusted()?;
        let folder = self.root().join(layout::PROJECTS);
        sync::create_own_folder(&folder)?;
        let temporary = self.temporary(&record.name)?;
        let document = record.to_document();
        write_synced(&temporary.new_record(), &document)?;
        // Not synced: it matters to who could not write the change down elsewhere, and still lives.
        fs::write(temporary.project(), &document).on("write to", temporary.project())?;
        let target = self.root().join(layout::project_path(&record.name));
        fs::rename(temporary.new_record(), &target).on("replace", &target)?;
        let changed = ProjectChanged(temporary);
        if let Err(error) = self.sync_folder(&folder) {
            changed.leave_note();
            return Err(error);
        }
        Ok(changed)
    }

    /// Whether anything of a file lies in the tree.
    pub fn has_any(&self, project: &ProjectName, filename: &str) -> bool {
        ALL.iter().any(|part| self.path(project, filename, *part).exists())
    }

    /// Removes all that lies in the tree of a file whose tombstone stands, durably; whoever keeps an index of the tree no
    /// longer lists it. The record goes last: while it is there, the removal is known to be unfinished.
    pub fn bury(&self, project: &ProjectName, filename: &str) -> Result<(), TreeError> {
        self.check_trusted()?;
        for parts in [&ALL[..3], &ALL[3..]] {
            self.exclusively(|names| {
                let remove = || {
                    parts
                        .iter()
                        .try_for_each(|part| remove_file(&self.path(project, filename, *part)).map(drop))
                };
                self.in_folder(names, project, None, remove)
            })?;
            if self.project_folder(project).is_dir() {
                self.sync(project)?;
            }
        }
        Ok(())
    }
}

const ALL: [Part; 4] = [Part::Bytes, Part::Metadata, Part::Provenance, Part::Record];

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use depot_proto::{StatusRecord, simple::ProjectStatus};

    use super::*;
    use crate::testing::{WHEEL, foo, foo_folder, left_in_tmp, publish, tree};

    fn archived(project: &ProjectName) -> ProjectRecord {
        let mut record = ProjectRecord::new(project.clone());
        record.status = Some(StatusRecord::new(ProjectStatus::Archived, None));
        record
    }

    #[test]
    fn a_project_record_is_replaced_whole_and_read_again() {
        let (folder, tree) = tree();
        assert_eq!(tree.project(&foo()).unwrap(), None);
        for record in [ProjectRecord::new(foo()), archived(&foo())] {
            drop(tree.put_project(&record).unwrap());
            assert_eq!(tree.project(&foo()).unwrap(), Some(record));
        }
        assert!(left_in_tmp(folder.path()).is_empty());
        fs::write(folder.path().join("projects/foo.json"), "{").unwrap();
        assert!(matches!(tree.project(&foo()), Err(TreeError::Project { .. })));
        assert!(Tree::open_read_only(folder.path()).put_project(&archived(&foo())).is_err());
    }

    #[test]
    fn a_change_that_was_written_down_nowhere_else_is_reported_until_it_is_settled() {
        let (folder, tree) = tree();
        tree.put_project(&archived(&foo())).unwrap().leave_note();
        drop(tree);
        assert_eq!(crate::gc(folder.path(), Duration::ZERO, false).unwrap().needed, 1);
        for _ in 0..2 {
            let (tree, recovered) = Tree::open(folder.path()).unwrap();
            assert_eq!((&recovered.projects[..], recovered.swept), (&[foo()][..], 0));
            assert_eq!(tree.project(&foo()).unwrap(), Some(archived(&foo())));
        }
        let (tree, recovered) = Tree::open(folder.path()).unwrap();
        tree.settle(&recovered).unwrap();
        drop(tree);
        assert!(Tree::open(folder.path()).unwrap().1.projects.is_empty());
    }

    #[test]
    fn a_buried_file_leaves_nothing_and_its_neighbours_stay() {
        let (folder, tree) = tree();
        for name in [WHEEL, "foo-2.tar.gz"] {
            publish(&tree, name, name.as_bytes()).unwrap();
        }
        tree.write_metadata(&foo(), WHEEL, b"Name: foo").unwrap();
        tree.put_provenance(&foo(), WHEEL, b"{}").unwrap();
        tree.bury(&foo(), WHEEL).unwrap();
        assert!(!tree.has_any(&foo(), WHEEL));
        assert_eq!(foo_folder(folder.path()), ["foo-2.tar.gz", "foo-2.tar.gz.json"]);
        // Nothing is left to do the second time, nor where there never was anything.
        tree.bury(&foo(), WHEEL).unwrap();
        tree.bury(&"bar".parse().unwrap(), WHEEL).unwrap();
        assert!(!Path::exists(&folder.path().join("files/bar")));
    }
}
