//! What lies in a tree beside its files: a project's document, a file's provenance, which bundles were imported.

use std::{fs, io::Read as _, path::Path};

use depot_proto::{
    ProjectName,
    layout::{self, Part},
};

use crate::{
    beneath,
    error::{OnPath as _, TreeError},
    incoming::write_synced,
    sync,
    tree::{Tree, names},
};

impl Tree {
    /// The projects that have a document of their own, sorted.
    pub fn documented_projects(&self) -> Result<Vec<ProjectName>, TreeError> {
        let mut projects: Vec<ProjectName> = names(&self.root().join(layout::PROJECTS))?
            .into_iter()
            .filter_map(|name| {
                let project: ProjectName = name.strip_suffix(".json")?.parse().ok()?;
                (layout::project_path(&project).rsplit('/').next() == Some(&name)).then_some(project)
            })
            .collect();
        projects.sort_unstable();
        Ok(projects)
    }

    /// A document at this path below the root; none if it is not there.
    pub fn document(&self, below: &str) -> Result<Option<Vec<u8>>, TreeError> {
        let path = self.root().join(below);
        let Some(mut file) = beneath::open(self.root(), Path::new(below)).on("open", &path)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).on("read", path)?;
        Ok(Some(bytes))
    }

    /// Puts a document of a project in the place of what was there, durably.
    pub fn put_project_document(&self, project: &ProjectName, document: &[u8]) -> Result<(), TreeError> {
        sync::create_own_folder(&self.root().join(layout::PROJECTS))?;
        self.put_document(&layout::project_path(project), document)
    }

    /// Puts a file's PEP 740 document beside it, durably.
    pub fn put_provenance(
        &self,
        project: &ProjectName,
        filename: &str,
        document: &[u8],
    ) -> Result<(), TreeError> {
        self.put_document(&layout::file_path(project, filename, Part::Provenance), document)
    }

    /// Writes down which bundles were imported, durably.
    pub fn put_bundles(&self, document: &[u8]) -> Result<(), TreeError> {
        self.put_document(layout::BUNDLES, document)
    }

    fn put_document(&self, below: &str, document: &[u8]) -> Result<(), TreeError> {
        let target = self.root().join(below);
        let Some(session) = &self.session else {
            let refused = std::io::ErrorKind::PermissionDenied.into();
            return Err(refused).on("write into", target);
        };
        let new = session.next_scratch("document");
        write_synced(&new, document)?;
        fs::rename(&new, &target).on("replace", &target)?;
        target.parent().map_or(Ok(()), sync::sync_folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_replaced_whole_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, _) = Tree::open(folder.path()).unwrap();
        let pot: ProjectName = "tea-pot".parse().unwrap();
        assert!(tree.documented_projects().unwrap().is_empty());
        for text in ["{}", "{\"status\": \"archived\"}"] {
            tree.put_project_document(&pot, text.as_bytes()).unwrap();
            assert_eq!(tree.document("projects/tea-pot.json").unwrap().unwrap(), text.as_bytes());
        }
        fs::write(folder.path().join("projects/Tea.Pot.json"), "{}").unwrap();
        assert_eq!(tree.documented_projects().unwrap(), [pot]);
        assert!(tree.document(layout::BUNDLES).unwrap().is_none());
        tree.put_bundles(b"[]").unwrap();
        assert_eq!(tree.document(layout::BUNDLES).unwrap().unwrap(), b"[]");
        assert!(Tree::open_read_only(folder.path()).put_bundles(b"").is_err());
    }
}
