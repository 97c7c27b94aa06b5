//! Why a file is not published.

use depot_dist::{DistError, rules::Verdict};
use depot_proto::{ProjectName, RecordError, Sha256Digest};
use depot_tree::TreeError;

use crate::{
    auth::policy::Denied,
    python::{
        projects::{ProjectError, Refused},
        provenance::AttestationError,
    },
    service::commit::CommitError,
    store::StoreError,
};

/// Why a file was not published; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// The record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The record is another file's.
    #[error("the record speaks of `{said}`, but was sent for `{sent_for}`")]
    OtherFile {
        /// The name in the record.
        said: String,
        /// The name in the path.
        sent_for: String,
    },
    /// Whoever sent it may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The bytes are not the ones that were announced.
    #[error(
        "the bytes of `{filename}` have {what} {actual}, but {expected} was announced: send those, or announce these"
    )]
    NotAnnounced {
        /// The file.
        filename: String,
        /// Digest or size.
        what: &'static str,
        /// What was announced.
        expected: String,
        /// What came.
        actual: String,
    },
    /// The bytes break rules that everything published must keep.
    #[error("`{filename}` is not a distribution that can be published: {}", told(verdict))]
    Breaks {
        /// The file.
        filename: String,
        /// Which, and where.
        verdict: Verdict,
        /// Why an installer could not be told of it either, if that is so.
        source: Option<DistError>,
    },
    /// The bytes are not what the name promises, or not what is published here.
    #[error("`{filename}` is not a distribution that can be published: {source}")]
    Invalid {
        /// The file.
        filename: String,
        /// Why.
        source: DistError,
    },
    /// Its project would be too large with it.
    #[error(
        "project `{project}` has {taken} bytes here, and with {size} more it would pass its limit of {limit}: delete what is not needed, or ask the server's keeper for more"
    )]
    ProjectFull {
        /// The project.
        project: ProjectName,
        /// The bytes of its files.
        taken: u64,
        /// Those of the new one.
        size: u64,
        /// The most that they may have together.
        limit: u64,
    },
    /// The command that looks at files refused it.
    #[error("`{filename}` is refused by the scan of this server: {words}")]
    Scanned {
        /// The file.
        filename: String,
        /// What the command said.
        words: String,
    },
    /// The command that looks at files failed.
    #[error(
        "`{filename}` could not be scanned, so it is not published: try again later, or ask the server's keeper"
    )]
    NotScanned {
        /// The file.
        filename: String,
    },
    /// What attests of it is no copy of another index's file.
    #[error(
        "there is no copy of another index's file `{filename}` here: send it first; what attests of one's own file comes with it"
    )]
    NoCopy {
        /// The file.
        filename: String,
    },
    /// What attests of it does not.
    #[error("the attestations of `{filename}` are refused: {source}")]
    Attestations {
        /// The file.
        filename: String,
        /// Why.
        source: AttestationError,
    },
    /// Its project does not take it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Other bytes have the name.
    #[error(
        "File already exists ('{filename}', with sha256 hash '{sha256}'); a name never gets other bytes: publish a new version"
    )]
    Exists {
        /// The file that has the name.
        filename: String,
        /// The digest of its bytes.
        sha256: Sha256Digest,
    },
    /// A file is here under this name, and its record cannot be read.
    #[error("the record of `{filename}` cannot be read on the server, so nothing was changed: {source}")]
    Unreadable {
        /// The file.
        filename: String,
        /// Why.
        source: RecordError,
    },
    /// The tree could not take it.
    #[error(transparent)]
    Tree(TreeError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The change could not be committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<ProjectError> for PublishError {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Refused(refused) => refused.into(),
            ProjectError::Tree(error) => error.into(),
            ProjectError::Commit(error) => error.into(),
        }
    }
}

/// The most findings that a message has.
const TOLD: usize = 3;

/// The first errors of a verdict, in one sentence.
fn told(verdict: &Verdict) -> String {
    let mut words: Vec<String> = verdict.errors().take(TOLD).map(ToString::to_string).collect();
    let more = verdict.errors().count().saturating_sub(TOLD) + verdict.omitted;
    if more > 0 {
        words.push(format!("and {more} more, which `depot python check` tells"));
    }
    words.join("; ")
}

impl From<TreeError> for PublishError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Record { path, source } => {
                let filename = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                Self::Unreadable { filename, source }
            }
            error => Self::Tree(error),
        }
    }
}
