//! A receipt: what the other side has, as far as bundles brought it. It goes back with whoever carried the bundle, or is
//! kept here, and the next bundle leaves out what it lists.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context as _;
use depot_proto::{ProjectName, Sha256Digest, Sha256Hasher};
use serde::{Deserialize, Serialize};

use super::projects;

/// The form of a receipt.
pub(super) const SCHEMA: &str = "depot.receipt/1";

/// What the other side has once a bundle was imported.
///
/// It lists what bundles brought and nothing else that lies there, so that it tells nobody of the private packages on the
/// far side of a gap. 100,000 files make a receipt of about 15 MB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::python) struct Receipt {
    pub(super) schema: String,
    /// The bundle.
    pub(super) bundle: Sha256Digest,
    /// The files of each project.
    pub(super) files: BTreeMap<ProjectName, BTreeMap<String, Held>>,
    /// The projects with a document of their own, with the beginning of its digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) projects: BTreeMap<ProjectName, String>,
}

/// A file there: the digest of its bytes, their number, and [`mark`] of all that is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::python) struct Held(pub(super) Sha256Digest, pub(super) u64, pub(super) String);

impl Held {
    /// The digest of its bytes.
    pub(in crate::python) fn sha256(&self) -> Sha256Digest {
        self.0
    }
}

/// The beginning of a digest over the documents of a file: enough to see that one of them changed.
pub(super) fn mark(documents: &[Sha256Digest]) -> String {
    let mut hasher = Sha256Hasher::new();
    for document in documents {
        hasher.update(document.as_bytes());
    }
    hasher.finish().to_string()[..16].to_owned()
}

impl Receipt {
    /// One that lists nothing yet, of a bundle that has no name yet.
    pub(super) fn empty() -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            bundle: Sha256Digest::of(b""),
            files: BTreeMap::new(),
            projects: BTreeMap::new(),
        }
    }

    pub(super) fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        let receipt: Self = serde_json::from_slice(bytes).context("it is no receipt")?;
        anyhow::ensure!(
            receipt.schema == SCHEMA,
            "it is of the form `{}`, which this depot does not know: use a newer one",
            receipt.schema
        );
        Ok(receipt)
    }

    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let bytes = fs::read(path).with_context(|| format!("cannot read the receipt `{shown}`"))?;
        Self::read(&bytes).with_context(|| format!("cannot read the receipt `{shown}`"))
    }

    /// The same bytes for the same receipt.
    pub(super) fn to_document(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Writes it whole or not at all.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let document = self.to_document()?;
        crate::python::whole::write_whole(path, &document)
            .with_context(|| format!("cannot write the receipt `{}`", path.display()))
    }

    pub(super) fn held(&self, project: &ProjectName, filename: &str) -> Option<&Held> {
        self.files.get(project)?.get(filename)
    }

    /// The projects of which it knows something themselves, with a mark of that.
    pub(in crate::python) fn marks(&self) -> BTreeMap<ProjectName, String> {
        let said = self.projects.iter().filter(|(project, mark)| !projects::is_silent(project, mark));
        said.map(|(project, mark)| (project.clone(), mark.clone())).collect()
    }

    /// The projects that it lists files of.
    pub(in crate::python) fn projects_with_files(&self) -> impl Iterator<Item = &ProjectName> {
        self.files.keys()
    }

    /// The files of a project.
    pub(in crate::python) fn files_of(&self, project: &ProjectName) -> Option<&BTreeMap<String, Held>> {
        self.files.get(project)
    }

    /// A digest of what it lists, whichever bundle it is of.
    pub(super) fn digest(&self) -> Sha256Digest {
        let mut hasher = Sha256Hasher::new();
        for (project, files) in &self.files {
            for (filename, Held(sha256, size, mark)) in files {
                hasher.update(format!("{sha256} {size} {mark} {project}/{filename}\n").as_bytes());
            }
        }
        for (project, mark) in &self.projects {
            hasher.update(format!("{mark} {project}\n").as_bytes());
        }
        hasher.finish()
    }

    /// How many files it lists.
    pub(super) fn len(&self) -> usize {
        self.files.values().map(BTreeMap::len).sum()
    }
}
