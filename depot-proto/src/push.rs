//! What `depot python push` and the server say to each other.
//!
//! One plan ([`PlanRequest`] to `POST {mount}/_/plan`) says which files the server wants. Each of those is then
//! announced (`PUT {mount}/simple/{project}/{filename}.json`, a file record) and sent
//! (`PUT {mount}/simple/{project}/{filename}`, the bytes); both are answered with an [`UploadAnswer`]. The provenance of a copy
//! of another index's file comes last (`PUT {mount}/simple/{project}/{filename}.provenance`, the PEP 740 document).

use serde::{Deserialize, Serialize};

use crate::{Sha256Digest, simple::ProjectStatus};

/// The path of the plan under a repository's mount.
pub const PLAN_PATH: &str = "_/plan";

/// Where the state that is declared of a project goes, under a repository's mount and before the project's name.
pub const PROJECTS_PATH: &str = "_/projects";

/// The header of sent bytes that names the facts announced for them, by their digest ([`crate::Facts::digest`]). A server
/// that has forgotten the announcement refuses the bytes with `not-announced`, rather than publish them without their facts.
pub const FACTS_HEADER: &str = "x-depot-facts";

/// The most files one plan may ask about; more are asked about in turns.
pub const MAX_PLAN_FILES: usize = 10_000;

/// The largest file record taken, in bytes. PyPI's own file objects are under 2 KiB.
pub const MAX_RECORD_SIZE: usize = 64 * 1024;

/// The largest provenance document taken (`PUT {mount}/simple/{project}/{filename}.provenance`), in bytes.
pub const MAX_PROVENANCE_SIZE: usize = 1024 * 1024;

/// Which of these files do you want?
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PlanRequest {
    /// The files, at most [`MAX_PLAN_FILES`].
    pub files: Vec<PlanFile>,
    /// What the indexes of mirrored projects declare of them, of at most as many. Servers that do not know this pass over
    /// it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<PlanProject>,
}

/// The state that the index of a project declares (PEP 792).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanProject {
    /// The project, in any spelling.
    pub project: String,
    /// The state.
    pub state: ProjectStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A file that a client has. Names are plain text here, so that one bad name is one answer and not the end of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanFile {
    /// The project, in any spelling.
    pub project: String,
    /// The file's name.
    pub filename: String,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The digest of the facts about it ([`crate::Facts::digest`]).
    pub facts: Sha256Digest,
    /// Whether its record says that it was mirrored, which needs a right of its own.
    #[serde(default)]
    pub mirrored: bool,
    /// The SHA-256 of the PEP 740 document that lies beside it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Sha256Digest>,
}

/// The answers to a plan, one for each file, in order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PlanResponse {
    /// The answers.
    pub answers: Vec<PlanAnswer>,
    /// The answers for projects, in order: have, update or forbidden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<PlanAnswer>,
}

/// The answer to the declared state of a project (`PUT {mount}/_/projects/{project}`, a [`crate::StatusRecord`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectAnswer {
    /// Updated or same.
    pub outcome: UploadOutcome,
}

/// What the server says of one file of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanAnswer {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, where that is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether its provenance is wanted, once the file is there. Servers that do not know this want none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provenance: bool,
}

impl From<Verdict> for PlanAnswer {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, reason: None, provenance: false }
    }
}

impl PlanAnswer {
    /// A verdict that is not plain.
    pub fn because(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..verdict.into() }
    }
}

/// Whether the server wants a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It has the bytes and the facts.
    Have,
    /// It has the bytes; the facts are news.
    Update,
    /// It has neither.
    Missing,
    /// It has other bytes under this name, and keeps them.
    Conflict,
    /// The token does not allow it, or the name cannot be stored.
    Forbidden,
}

/// The answer to an announced record or to sent bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadAnswer {
    /// What became of it.
    pub outcome: UploadOutcome,
    /// The SHA-256 the server has, or expects, for the file.
    pub sha256: Sha256Digest,
    /// The digest of the facts the server now has.
    pub facts: Sha256Digest,
}

/// What became of an announcement or an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UploadOutcome {
    /// 201: the bytes are published.
    Created,
    /// 200: the same bytes and facts were here already.
    Same,
    /// 200: the bytes were here; the facts were taken.
    Updated,
    /// 202: announced; now send the bytes.
    Send,
}
