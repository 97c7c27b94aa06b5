//! Taking files out of a tree for good.

use std::{collections::BTreeSet, fs, io, path::Path};

use depot_proto::{
    DistributionFilename, ProjectName,
    layout::{self, Part},
};

use crate::{
    error::{OnPath as _, TreeError},
    session::{is_dead, session_of},
    sync,
    tree::{Tree, names},
};

/// What came of removing files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// They are gone.
    Done {
        /// How many files that was: of those that were named, the ones that had a record.
        files: usize,
    },
    /// Somebody else has the tree open for writing, and may rely on what is in it: nothing was removed.
    InUse,
}

impl Tree {
    /// Whether somebody else has this tree open for writing.
    pub fn is_shared(&self) -> Result<bool, TreeError> {
        self.exclusively(|_| self.has_other_sessions())
    }

    /// Removes files for good, and what lies beside them, unless somebody else writes this tree; nobody begins to while
    /// this goes on. Of each file the record goes first, so that no reader sees one without its bytes.
    ///
    /// Whoever keeps an index of the tree must bring it up themselves.
    pub fn remove(&self, files: &[(ProjectName, String)]) -> Result<Removal, TreeError> {
        self.exclusively(|known| {
            if self.has_other_sessions()? {
                return Ok(Removal::InUse);
            }
            known.clear();
            let mut removed = 0;
            for of_project in files.chunk_by(|(one, _), (other, _)| one == other) {
                removed += self.remove_of_project(of_project)?;
            }
            Ok(Removal::Done { files: removed })
        })
    }

    /// Removes the document of a project that has no file left, if it says nothing but what an index declares, unless somebody
    /// else writes this tree; whether it did.
    pub fn forget_project(&self, project: &ProjectName) -> Result<bool, TreeError> {
        self.exclusively(|_| {
            let is_declared_alone = || match self.project(project) {
                Ok(record) => Ok(record.is_some_and(|record| record.is_declared_alone())),
                // Of one that cannot be read nobody knows what it says.
                Err(TreeError::Project { .. }) => Ok(false),
                Err(error) => Err(error),
            };
            if self.has_other_sessions()? || self.project_folder(project).exists() || !is_declared_alone()? {
                return Ok(false);
            }
            let removed = remove_file(&self.root().join(layout::project_path(project)))?;
            sync::sync_folder(&self.root().join(layout::PROJECTS))?;
            Ok(removed)
        })
    }

    fn remove_of_project(&self, files: &[(ProjectName, String)]) -> Result<usize, TreeError> {
        let Some((project, _)) = files.first() else { return Ok(0) };
        let folder = self.project_folder(project);
        let mut removed = 0;
        for (_, filename) in files {
            removed += usize::from(remove_file(&self.path(project, filename, Part::Record))?);
        }
        // What is not there for readers any more must not come back without its bytes.
        if folder.is_dir() {
            sync::sync_folder(&folder)?;
        }
        for (_, filename) in files {
            for part in [Part::Bytes, Part::Metadata, Part::Provenance] {
                remove_file(&self.path(project, filename, part))?;
            }
        }
        self.sweep_project(project)?;
        Ok(removed)
    }

    /// Removes what lies in the folders of projects without a record, as a removal that was cut off leaves it, unless
    /// somebody else writes this tree. What is no part of a distribution of the project is not depot's, and stays.
    pub fn sweep_strays(&self) -> Result<Removal, TreeError> {
        self.exclusively(|_| {
            if self.has_other_sessions()? {
                return Ok(Removal::InUse);
            }
            let mut files = 0;
            for project in self.projects()? {
                files += self.sweep_project(&project)?;
            }
            Ok(Removal::Done { files })
        })
    }

    /// How many files had a part without a record: nobody is between the bytes of a file and its record now.
    fn sweep_project(&self, project: &ProjectName) -> Result<usize, TreeError> {
        let folder = self.project_folder(project);
        let mut swept = BTreeSet::new();
        for stray in names(&folder)? {
            let (filename, part) = Part::split(&stray);
            let is_ours = DistributionFilename::parse(filename, project).is_ok() && part != Part::Record;
            if is_ours && !self.path(project, filename, Part::Record).exists() {
                remove_file(&folder.join(&stray))?;
                swept.insert(filename.to_owned());
            }
        }
        // It stays where something is in it.
        let _ = fs::remove_dir(&folder);
        Ok(swept.len())
    }

    fn has_other_sessions(&self) -> Result<bool, TreeError> {
        let tmp = self.root().join(layout::TMP);
        let own = self.session.as_ref().map(|session| session.scratch(""));
        let own = own.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        let own = own.and_then(session_of);
        let others = names(&tmp)?;
        let others = others.iter().filter_map(|name| session_of(name));
        Ok(others.filter(|session| Some(*session) != own).any(|session| !is_dead(&tmp, session)))
    }
}

/// Removes a file; false if it is not there.
pub(crate) fn remove_file(path: &Path) -> Result<bool, TreeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.on("remove", path).map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use depot_proto::FileRecord;

    use super::*;

    fn publish(tree: &Tree, project: &ProjectName, filename: &str) {
        let mut incoming = tree.begin(project).unwrap();
        incoming.write(b"tea").unwrap();
        let sealed = incoming.seal().unwrap();
        let record = FileRecord::new(filename, sealed.sha256(), sealed.size());
        tree.publish(&sealed, &record, Some(b"Name: x\n")).unwrap();
    }

    #[test]
    fn a_file_goes_with_all_its_parts_and_an_empty_folder_goes_too() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, _) = Tree::open(folder.path()).unwrap();
        let pot: ProjectName = "pot".parse().unwrap();
        let both = ["pot-1.tar.gz", "pot-2.tar.gz"].map(str::to_owned);
        for name in &both {
            publish(&tree, &pot, name);
        }
        tree.put_provenance(&pot, &both[0], b"{}").unwrap();
        let file = |number: usize| (pot.clone(), both[number].clone());
        assert_eq!(tree.remove(&[file(0)]).unwrap(), Removal::Done { files: 1 });
        assert_eq!(tree.filenames(&pot).unwrap(), [both[1].clone()]);
        assert_eq!(names(&tree.project_folder(&pot)).unwrap().len(), 3);
        assert_eq!(tree.remove(&[file(0), file(1)]).unwrap(), Removal::Done { files: 1 });
        assert!(!tree.project_folder(&pot).exists());
        // The name is free again.
        publish(&tree, &pot, &both[0]);
        assert_eq!(tree.filenames(&pot).unwrap(), [both[0].clone()]);
    }

    #[test]
    fn a_project_without_files_is_forgotten_unless_more_is_known_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, _) = Tree::open(folder.path()).unwrap();
        let pot: ProjectName = "pot".parse().unwrap();
        let archived = br#"{"project-status": {"status": "archived"}}"#;
        let owned = br#"{"project-status": {"status": "archived"}, "depot": {"v": 1, "owners": ["ann"]}}"#;
        let newer = br#"{"depot": {"v": 2}}"#;
        publish(&tree, &pot, "pot-1.tar.gz");
        tree.put_project_document(&pot, archived).unwrap();
        assert!(!tree.forget_project(&pot).unwrap());
        tree.remove(&[(pot.clone(), "pot-1.tar.gz".to_owned())]).unwrap();
        for kept in [&owned[..], newer, br#"{"later": 1}"#] {
            tree.put_project_document(&pot, kept).unwrap();
            assert!(!tree.forget_project(&pot).unwrap());
        }
        tree.put_project_document(&pot, archived).unwrap();
        assert!(tree.forget_project(&pot).unwrap() && !tree.forget_project(&pot).unwrap());
        assert_eq!(tree.documented_projects().unwrap(), []);
    }

    #[test]
    fn what_was_cut_off_is_done_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, _) = Tree::open(folder.path()).unwrap();
        let pot: ProjectName = "pot".parse().unwrap();
        for name in ["pot-1.tar.gz", "pot-2.tar.gz"] {
            publish(&tree, &pot, name);
        }
        let at = |name: &str| tree.project_folder(&pot).join(name);
        fs::remove_file(at("pot-1.tar.gz.json")).unwrap();
        fs::write(at("notes.txt"), "somebody's").unwrap();
        tree.remove(&[(pot.clone(), "pot-2.tar.gz".to_owned())]).unwrap();
        assert_eq!(names(&tree.project_folder(&pot)).unwrap(), ["notes.txt"]);
    }

    #[test]
    fn strays_are_swept_in_every_project_unless_somebody_else_writes() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, _) = Tree::open(folder.path()).unwrap();
        let [pot, lid]: [ProjectName; 2] = ["pot", "lid"].map(|name| name.parse().unwrap());
        for (project, name) in [(&pot, "pot-1.tar.gz"), (&pot, "pot-2.tar.gz"), (&lid, "lid-1.tar.gz")] {
            publish(&tree, project, name);
        }
        tree.put_provenance(&lid, "lid-1.tar.gz", b"{}").unwrap();
        for (project, record) in [(&pot, "pot-1.tar.gz.json"), (&lid, "lid-1.tar.gz.json")] {
            fs::remove_file(tree.project_folder(project).join(record)).unwrap();
        }
        fs::write(tree.project_folder(&pot).join("notes.txt"), "somebody's").unwrap();
        let other = Tree::open(folder.path()).unwrap().0;
        assert_eq!(tree.sweep_strays().unwrap(), Removal::InUse);
        assert_eq!(tree.strays(&lid).unwrap().len(), 3);
        drop(other);
        assert_eq!(tree.sweep_strays().unwrap(), Removal::Done { files: 2 });
        assert!(!tree.project_folder(&lid).exists());
        let left = ["notes.txt", "pot-2.tar.gz", "pot-2.tar.gz.json", "pot-2.tar.gz.metadata"];
        let mut found = names(&tree.project_folder(&pot)).unwrap();
        found.sort_unstable();
        assert_eq!(found, left);
        assert_eq!(tree.sweep_strays().unwrap(), Removal::Done { files: 0 });
    }

    #[test]
    fn nothing_goes_while_somebody_else_writes() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, _) = Tree::open(folder.path()).unwrap();
        let pot: ProjectName = "pot".parse().unwrap();
        publish(&tree, &pot, "pot-1.tar.gz");
        let other = Tree::open(folder.path()).unwrap().0;
        let files = [(pot.clone(), "pot-1.tar.gz".to_owned())];
        assert!(tree.is_shared().unwrap());
        assert_eq!(tree.remove(&files).unwrap(), Removal::InUse);
        assert_eq!(tree.filenames(&pot).unwrap().len(), 1);
        drop(other);
        assert!(!tree.is_shared().unwrap());
        assert_eq!(tree.remove(&files).unwrap(), Removal::Done { files: 1 });
    }
}
