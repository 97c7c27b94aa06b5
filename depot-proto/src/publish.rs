//! What `depot python publish` and the server say to each other.
//!
//! One `POST` to `{mount}/_/publish` carries a release: a line of JSON, the [`Manifest`], and after its line feed the
//! bytes of all files that it names, one after the other in its order, with nothing between or after them. The answer is
//! a [`PublishAnswer`], or a problem document: then nothing of it was published.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Sha256Digest, push::UploadOutcome};

/// The path under a repository's mount.
pub const PUBLISH_PATH: &str = "_/publish";

/// The most files that are published together.
pub const MAX_FILES: usize = 256;

/// The longest manifest, in bytes: as many files as there may be, with attestations of 16 KiB each.
pub const MAX_MANIFEST_SIZE: usize = MAX_FILES * 16 * 1024;

/// The files of one release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The project, in any spelling.
    pub project: String,
    /// The files, at most [`MAX_FILES`], in the order in which their bytes follow.
    pub files: Vec<ManifestFile>,
}

/// A file of a release. Its name is plain text here, so that a wrong one is refused in words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ManifestFile {
    /// The file's name.
    pub filename: String,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256Digest,
    /// Their number.
    pub size: u64,
    /// What attests of these bytes (PEP 740).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<Value>,
}

/// What became of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishAnswer {
    /// The project by its normalized name.
    pub project: String,
    /// Its version.
    pub version: String,
    /// The files, in the order of the manifest.
    pub files: Vec<PublishedFile>,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// Its name.
    pub filename: String,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256Digest,
    /// Created, or the same bytes were here already.
    pub outcome: UploadOutcome,
}
