//! What is said to a server about releases that are there: yanks, deletions, states of life, roles.
//!
//! Each is a `POST` of one of these documents below a repository's mount, and is answered with [`ReleaseAnswer`] where it
//! is about files and with [`ProjectAnswer`] where it is about a project.

use serde::{Deserialize, Serialize};

use crate::{Role, Sha256Digest, StatusRecord, Subject, simple::ProjectStatus};

/// The path of [`YankRequest`] under a repository's mount.
pub const YANK_PATH: &str = "_/yank";
/// The path of [`FilesRequest`] that takes yanks back.
pub const UNYANK_PATH: &str = "_/unyank";
/// The path of [`FilesRequest`] that deletes.
pub const DELETE_PATH: &str = "_/delete";
/// The path of [`StatusRequest`].
pub const STATUS_PATH: &str = "_/status";
/// The path of [`RoleRequest`].
pub const ROLES_PATH: &str = "_/roles";

/// The largest of these documents taken, in bytes.
pub const MAX_REQUEST_SIZE: usize = 16 * 1024;

/// Which files: those of a version, or one by its name. Names are plain text here, so that a wrong one is refused in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesRequest {
    /// The project, in any spelling.
    pub project: String,
    /// The version whose files are all meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The one file that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// Yank these files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct YankRequest {
    /// Which.
    #[serde(flatten)]
    pub files: FilesRequest,
    /// Why, in a few words that stand on pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Give a project a state of life (PEP 792).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRequest {
    /// The project, in any spelling.
    pub project: String,
    /// The state.
    pub state: ProjectStatus,
    /// Why, in a few words that stand on pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Grant a role on a project, or take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRequest {
    /// The project, in any spelling.
    pub project: String,
    /// The account.
    pub subject: Subject,
    /// The role.
    pub role: Role,
    /// Whether it is granted; else it is taken.
    pub granted: bool,
}

/// What became of files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseAnswer {
    /// The project by its normalized name.
    pub project: String,
    /// Each file that was meant.
    pub files: Vec<FileOutcome>,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOutcome {
    /// Its name.
    pub filename: String,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// Whether anything was changed; else it was so already.
    pub changed: bool,
}

/// What a project is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectAnswer {
    /// The project by its normalized name.
    pub project: String,
    /// Whether anything was changed; else it was so already.
    pub changed: bool,
    /// Its state of life, as its pages show it; none where nothing is said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusRecord>,
    /// Its owners.
    pub owners: Vec<Subject>,
    /// Who else may push to it.
    pub pushers: Vec<Subject>,
}
