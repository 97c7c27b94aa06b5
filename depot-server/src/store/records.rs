//! What the stores hold.

mod user;

use depot_proto::{
    FileRecord, ProjectName, RepositoryName, Role, Sha256Digest, Subject, Timestamp, VersionKey,
    scope::Scope, simple::ProjectStatus,
};
use serde::{Deserialize, Serialize};

pub(crate) use self::user::{PasswordHash, UserRecord, standing};

/// The number of a change; every change of anything has its own, in order.
pub(crate) type Serial = u64;

/// One release: all files of one version of a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReleaseRecord {
    /// The version, as its first file spells it.
    pub(crate) version: String,
    /// The serial of its last change.
    pub(crate) serial: Serial,
    /// Its files, in the order they came.
    pub(crate) files: Vec<FileRecord>,
}

/// A file's record on its way into a release.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileChange {
    /// The number of the change.
    pub(crate) serial: Serial,
    /// The repository.
    pub(crate) repository: RepositoryName,
    /// The project.
    pub(crate) project: ProjectName,
    /// The version, as the file name spells it.
    pub(crate) version: String,
    /// The key of that version.
    pub(crate) key: VersionKey,
    /// The file.
    pub(crate) file: FileRecord,
}

/// What the token is named that a server makes for whoever may read its files, and whom it is for.
pub(crate) const BOOTSTRAP: (&str, &str) = ("bootstrap", "admin");

/// A token that was issued. Its text is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenRecord {
    /// The token's `jti`.
    pub(crate) id: String,
    /// Who bears it.
    pub(crate) subject: String,
    /// What it was named when it was made.
    pub(crate) name: String,
    /// What it grants.
    pub(crate) scopes: Vec<Scope>,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// When it ends.
    pub(crate) expires: Timestamp,
    /// Whether it was made for an account: without that it is worth nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) account: bool,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoked: Option<Timestamp>,
    /// What it was minted for, if nobody issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) minted: Option<Minted>,
}

/// What a CI job showed to get a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Minted {
    /// Who says who the job is.
    pub(crate) issuer: String,
    /// Who the job is, in its issuer's words.
    pub(crate) subject: String,
    /// Until when what it showed could be shown again.
    pub(crate) until: Timestamp,
}

impl TokenRecord {
    /// Whether it is the administrator's by right of the data directory, and not an account's.
    pub(crate) fn is_bootstrap(&self) -> bool {
        (self.name.as_str(), self.subject.as_str()) == BOOTSTRAP
    }
}

/// One line of the journal, without its number and its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// When.
    pub(crate) time: Timestamp,
    /// Who: the subject of a token, or what the server did itself.
    pub(crate) who: String,
    /// What.
    #[serde(flatten)]
    pub(crate) change: Change,
}

/// What a line of the journal says happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[expect(clippy::enum_variant_names, reason = "a change of a user is called so in the journal")]
pub(crate) enum Change {
    /// A file became visible.
    Publish {
        /// The repository.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
        /// The file's name.
        filename: String,
        /// The digest of its bytes.
        sha256: Sha256Digest,
    },
    /// The facts of a file changed; its bytes did not.
    Facts {
        /// The repository.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
        /// The file's name.
        filename: String,
        /// The digest of its bytes.
        sha256: Sha256Digest,
    },
    /// A project's records were read again from the tree.
    Reindex {
        /// The repository.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
    },
    /// A repository's records were read again from the tree, because the journal had lost lines.
    Rebuild {
        /// The repository.
        repository: RepositoryName,
    },
    /// The bytes of a file were not what its record says, and were taken out of the tree.
    Quarantine {
        /// The repository.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
        /// The file's name.
        filename: String,
        /// The digest of the bytes that were there.
        sha256: Sha256Digest,
    },
    /// Everything up to here was imported.
    Import {},
    /// A token was issued.
    TokenCreate {
        /// Its `jti`.
        id: String,
        /// Who bears it.
        subject: String,
    },
    /// A token was revoked.
    TokenRevoke {
        /// Its `jti`.
        id: String,
    },
    /// A file was yanked here.
    Yank {
        /// The repository.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
        /// The file's name.
        filename: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A yank that was made here was taken back.
    Unyank {
        /// The repository.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
        /// The file's name.
        filename: String,
    },
    /// A file was deleted; its name stays taken.
    Delete {
        /// The repository.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
        /// The file's name.
        filename: String,
        /// The digest of the bytes that it had.
        sha256: Sha256Digest,
        /// Whether it was a copy of another index's file.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        mirrored: bool,
    },
    /// A project got another state of life.
    Status {
        /// The repository.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
        /// The state.
        state: ProjectStatus,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An account got a role on a project, or lost it.
    Role {
        /// The repository.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
        /// The account.
        subject: Subject,
        /// The role.
        role: Role,
        /// Whether it was granted; else it was taken.
        granted: bool,
    },
    /// The first to publish a project became its owner.
    Claim {
        /// The repository.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
        /// The account.
        subject: Subject,
    },
    /// An account was made.
    UserCreate {
        /// Its name.
        name: Subject,
    },
    /// An account was changed.
    UserChange {
        /// Its name.
        name: Subject,
        /// What of it; never a secret.
        change: AccountChange,
    },
    /// An account was deleted.
    UserDelete {
        /// Its name.
        name: Subject,
    },
    /// A new key signs tokens from here on.
    KeyRotate {
        /// Its id.
        id: String,
    },
    /// What an exception of a policy does to one version changed.
    PolicyException {
        /// The repository or group that follows the policy.
        repository: RepositoryName,
        /// The project.
        project: ProjectName,
        /// The version.
        version: String,
        /// What became of the exception.
        state: ExceptionState,
        /// The moment at which it ends.
        until: Timestamp,
        /// The reason that is given for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Who made it, as the policy says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A change that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What became of an exception of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExceptionState {
    /// It holds from now on, or holds otherwise than before.
    InForce,
    /// It was taken out of the policy.
    Removed,
    /// Its time is over.
    Ended,
    /// What this version does not know.
    #[serde(other)]
    Other,
}

/// How an account was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AccountChange {
    /// It has another password.
    Password,
    /// It may do nothing for now.
    Disabled,
    /// It may do again what it might.
    Enabled,
    /// In a way that this version does not know.
    #[serde(other)]
    Other,
}

impl Change {
    /// The project whose records the change concerns.
    pub(crate) fn project(&self) -> Option<(&RepositoryName, &ProjectName)> {
        match self {
            Self::Publish { repository, project, .. }
            | Self::Facts { repository, project, .. }
            | Self::Reindex { repository, project }
            | Self::Quarantine { repository, project, .. }
            | Self::Yank { repository, project, .. }
            | Self::Unyank { repository, project, .. }
            | Self::Delete { repository, project, .. }
            | Self::Status { repository, project, .. }
            | Self::Role { repository, project, .. }
            | Self::Claim { repository, project, .. } => Some((repository, project)),
            Self::Rebuild { .. }
            | Self::Import {}
            | Self::TokenCreate { .. }
            | Self::TokenRevoke { .. }
            | Self::UserCreate { .. }
            | Self::UserChange { .. }
            | Self::UserDelete { .. }
            | Self::KeyRotate { .. }
            | Self::PolicyException { .. }
            | Self::Unknown => None,
        }
    }
}

/// Puts a file into a release; the shared rule of every backend.
pub(crate) fn put_into(release: &mut ReleaseRecord, change: &FileChange) -> super::Put {
    use super::Put;
    let put = match release.files.iter_mut().find(|file| file.filename == change.file.filename) {
        Some(known) if known.sha256 != change.file.sha256 => return Put::Conflict,
        Some(known) if *known == change.file => Put::Same,
        Some(known) => {
            known.clone_from(&change.file);
            Put::Replaced
        }
        None => {
            release.files.push(change.file.clone());
            Put::Created
        }
    };
    release.serial = change.serial;
    put
}

impl FileChange {
    /// The release that the file founds, without the file.
    pub(crate) fn empty_release(&self) -> ReleaseRecord {
        ReleaseRecord { version: self.version.clone(), serial: self.serial, files: Vec::new() }
    }
}
