//! How a file is announced, judged and published: the one path that every upload takes.

use depot_dist::{DistError, Limits};
use depot_proto::{
    DistributionFilename, DistributionKind, FileRecord, Origin, RecordError, Sha256Digest,
    push::{UploadAnswer, UploadOutcome},
};
use depot_tree::{Published, Sealed, TreeError};

use super::repository::Repository;
use crate::{
    clock,
    service::commit::CommitError,
    store::{
        StoreError,
        records::{Change, Entry, FileChange},
    },
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
    /// The bytes are not the ones that were announced.
    #[error("the bytes of `{filename}` have {what} {actual}, but {expected} was announced")]
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
    /// Name or version in the metadata is another one.
    #[error("`{filename}`: {source}")]
    Disagrees {
        /// The file.
        filename: String,
        /// How.
        source: DistError,
    },
    /// The bytes are not what the name promises.
    #[error("`{filename}` is not a distribution that can be served: {source}")]
    Invalid {
        /// The file.
        filename: String,
        /// Why.
        source: DistError,
    },
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
    /// The tree could not take it.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The change could not be committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Takes what someone says of a file: changes the facts of one that is here, and otherwise remembers them until the
/// bytes come. May block.
pub(crate) fn announce(
    repository: &Repository,
    filename: &DistributionFilename,
    record: FileRecord,
    who: &str,
) -> Result<UploadAnswer, PublishError> {
    if record.filename != filename.as_str() {
        return Err(PublishError::OtherFile { said: record.filename, sent_for: filename.to_string() });
    }
    let project = filename.project();
    let _facts = repository.lock_facts(project);
    let Some(mut known) = repository.tree.record(project, filename.as_str())? else {
        let answer = answer_of(UploadOutcome::Send, &record);
        repository.announce(project, who, record);
        return Ok(answer);
    };
    if known.sha256 != record.sha256 {
        return Err(PublishError::Exists { filename: known.filename, sha256: known.sha256 });
    }
    take_facts(repository, filename, &mut known, Some(&record), who)
}

/// Publishes bytes that were received whole, with what was announced of them. May block.
pub(crate) fn publish(
    repository: &Repository,
    filename: &DistributionFilename,
    mut sealed: Sealed,
    announced: Option<&FileRecord>,
    who: &str,
) -> Result<UploadAnswer, PublishError> {
    let mut record = FileRecord::new(filename.as_str(), sealed.sha256(), sealed.size());
    if let Some(announced) = announced {
        check_announced(announced, &record)?;
        record = announced.clone();
    }
    let metadata = judge(&mut sealed, filename, &mut record)?;
    record.facts.origin.get_or_insert(Origin::FirstParty);
    record.first_seen = Some(clock::now());
    let answer = match repository.tree.publish(&sealed, &record, metadata.as_deref())? {
        Published::Created => {
            let (repository_name, project) = (repository.name.clone(), filename.project().clone());
            let (name, sha256) = (record.filename.clone(), record.sha256);
            let change = Change::Publish { repository: repository_name, project, filename: name, sha256 };
            commit(repository, filename, &record, change, who)?;
            answer_of(UploadOutcome::Created, &record)
        }
        Published::Same(_) => {
            let _facts = repository.lock_facts(filename.project());
            // Read again under the lock: its facts may have changed since.
            let known = repository.tree.record(filename.project(), filename.as_str())?;
            let mut known = known.unwrap_or_else(|| record.clone());
            take_facts(repository, filename, &mut known, announced, who)?
        }
        Published::Conflict(known) => {
            return Err(PublishError::Exists { filename: known.filename, sha256: known.sha256 });
        }
    };
    repository.forget_announced(filename, who);
    Ok(answer)
}

fn check_announced(announced: &FileRecord, came: &FileRecord) -> Result<(), PublishError> {
    let refuse = |what, expected: String, actual: String| {
        Err(PublishError::NotAnnounced { filename: came.filename.clone(), what, expected, actual })
    };
    if announced.size != came.size {
        return refuse("size", announced.size.to_string(), came.size.to_string());
    }
    if announced.sha256 != came.sha256 {
        return refuse("sha256", announced.sha256.to_string(), came.sha256.to_string());
    }
    Ok(())
}

/// Reads the bytes as the distribution they claim to be, and completes the record with what they say.
///
/// First-party files must be readable and agree with their names. Mirrored ones were accepted by an index long ago and
/// are known by their digest: they are taken as they are, without a sidecar where none can be had.
fn judge(
    sealed: &mut Sealed,
    filename: &DistributionFilename,
    record: &mut FileRecord,
) -> Result<Option<Vec<u8>>, PublishError> {
    record.core_metadata = None;
    let read = depot_dist::read(sealed.reader()?, filename, &Limits::default());
    let contents = match read {
        Ok(contents) => contents,
        Err(DistError::Io(source)) => {
            let path = filename.as_str().into();
            return Err(TreeError::Io { what: "read back", path, source }.into());
        }
        Err(DistError::Unsupported { .. }) => return Ok(None),
        Err(error) if record.is_mirrored() => {
            tracing::info!(%filename, %error, "a mirrored file is taken although it breaks the rules");
            return Ok(None);
        }
        Err(source @ DistError::Disagrees { .. }) => {
            return Err(PublishError::Disagrees { filename: filename.to_string(), source });
        }
        Err(source) => return Err(PublishError::Invalid { filename: filename.to_string(), source }),
    };
    let facts = &mut record.facts;
    facts.requires_python = facts.requires_python.take().or(contents.metadata.requires_python);
    if filename.kind() != DistributionKind::Wheel {
        return Ok(None);
    }
    record.core_metadata = Some(Sha256Digest::of(&contents.raw_metadata));
    Ok(Some(contents.raw_metadata))
}

/// Takes news about a file that is here, and sees to it that the store knows the file at all: the answer to an earlier
/// upload may have been lost before it did.
fn take_facts(
    repository: &Repository,
    filename: &DistributionFilename,
    known: &mut FileRecord,
    said: Option<&FileRecord>,
    who: &str,
) -> Result<UploadAnswer, PublishError> {
    let news = said.is_some_and(|said| known.take_facts(&said.facts));
    if news {
        repository.tree.replace_record(filename.project(), known)?;
    }
    let stored = repository.file(filename)?;
    if stored.as_ref() != Some(known) {
        let (repository_name, project) = (repository.name.clone(), filename.project().clone());
        let (name, sha256) = (known.filename.clone(), known.sha256);
        let change = match stored {
            Some(_) => Change::Facts { repository: repository_name, project, filename: name, sha256 },
            None => Change::Publish { repository: repository_name, project, filename: name, sha256 },
        };
        commit(repository, filename, known, change, who)?;
    }
    Ok(answer_of(if news { UploadOutcome::Updated } else { UploadOutcome::Same }, known))
}

fn commit(
    repository: &Repository,
    filename: &DistributionFilename,
    record: &FileRecord,
    change: Change,
    who: &str,
) -> Result<(), PublishError> {
    let entry = Entry { time: clock::now(), who: who.to_owned(), change };
    let file = FileChange {
        serial: 0,
        repository: repository.name.clone(),
        project: filename.project().clone(),
        version: filename.version().to_string(),
        key: filename.version().key(),
        file: record.clone(),
    };
    repository.committer.file(entry, file)?;
    Ok(())
}

fn answer_of(outcome: UploadOutcome, record: &FileRecord) -> UploadAnswer {
    UploadAnswer { outcome, sha256: record.sha256, facts: record.facts.digest() }
}
