//! How a file is announced, judged and published: the one path that every upload takes.

use std::sync::Arc;

use depot_dist::{DistError, Limits};
use depot_proto::{
    DistributionFilename, DistributionKind, Facts, FileRecord, Origin, RecordError, Sha256Digest,
    layout::Part,
    push::{UploadAnswer, UploadOutcome},
    scope::Action,
};
use depot_tree::{Changed, Finding, Published, Sealed, TreeError};

use super::{
    plan::{may_change, may_upload},
    reindex,
    repository::Repository,
};
use crate::{
    auth::policy::{Denied, Principal},
    clock,
    service::commit::CommitError,
    store::{
        Put, StoreError,
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
    /// Name or version in the metadata is another one.
    #[error("`{filename}`: {source}")]
    Disagrees {
        /// The file.
        filename: String,
        /// How.
        source: DistError,
    },
    /// The bytes are not what the name promises, or not what is published here.
    #[error("`{filename}` is not a distribution that can be published: {source}")]
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

/// Takes what someone says of a file: changes the facts of one that is here, and otherwise remembers them until the
/// bytes come. May block.
pub(crate) fn announce(
    repository: &Repository,
    filename: &DistributionFilename,
    mut record: FileRecord,
    principal: &Principal,
) -> Result<UploadAnswer, PublishError> {
    // What others said to its sender is the sender's affair.
    record.facts_digest = None;
    if record.filename != filename.as_str() {
        return Err(PublishError::OtherFile { said: record.filename, sent_for: filename.to_string() });
    }
    may_upload(repository, principal, filename.project(), record.is_mirrored())?;
    let known = match repository.tree.record(filename.project(), filename.as_str()) {
        // The bytes may mend it; see `publish`.
        Err(TreeError::Record { source, .. }) if !matches!(source, RecordError::TooNew(_)) => {
            repository.file(filename)?
        }
        known => known?,
    };
    match known {
        Some(known) if known.sha256 != record.sha256 => {
            Err(PublishError::Exists { filename: known.filename, sha256: known.sha256 })
        }
        Some(known) if is_whole(repository, filename, &known) => {
            take_facts(repository, filename, Some(&record.facts), principal)
        }
        // Of a file that is not here, or was lost here, the bytes are wanted.
        _ => {
            let answer = answer_of(UploadOutcome::Send, &record);
            repository.announce(filename.project(), principal, record);
            Ok(answer)
        }
    }
}

/// Whether a file has its record and bytes of the right size.
fn is_whole(repository: &Repository, filename: &DistributionFilename, known: &FileRecord) -> bool {
    let (tree, project) = (&repository.tree, filename.project());
    matches!(tree.record(project, filename.as_str()), Ok(Some(_)))
        && tree.has_bytes(project, filename.as_str(), known.size)
}

/// Publishes bytes that were received whole, with what was announced of them. May block.
pub(crate) fn publish(
    repository: &Repository,
    filename: &DistributionFilename,
    mut sealed: Sealed,
    announced: Option<&FileRecord>,
    principal: &Principal,
) -> Result<UploadAnswer, PublishError> {
    let mut record = FileRecord::new(filename.as_str(), sealed.sha256(), sealed.size());
    record.facts.origin = Some(Origin::FirstParty);
    if let Some(announced) = announced {
        check_announced(announced, &record)?;
        record.facts.origin = announced.facts.origin.clone().or(record.facts.origin);
        record.depot_other.clone_from(&announced.depot_other);
        let said = permitted(repository, filename, &announced.facts, &record, principal);
        record.facts.take(&said);
        record.facts_digest = whole(&said, &announced.facts);
    }
    record.first_seen = Some(clock::now());
    let metadata = judge(&mut sealed, filename, &mut record)?;
    if let Some(known) = repository.file(filename)? {
        // The tree may have lost a file that was published: its name is taken all the same.
        if known.sha256 != record.sha256 {
            return Err(PublishError::Exists { filename: known.filename, sha256: known.sha256 });
        }
        mend(repository, filename, &known, &sealed, principal)?;
    }
    let published = match repository.tree.publish(&sealed, &record, metadata.as_deref()) {
        Ok(published) => published,
        Err(error) => {
            // It may have become visible before it failed: then the next start must bring it into journal and store.
            if repository.tree.path(filename.project(), filename.as_str(), Part::Record).exists() {
                sealed.leave_note();
            }
            return Err(error.into());
        }
    };
    let answer = match published {
        Published::Created => match commit(repository, filename, &record, principal, false) {
            Ok(()) => answer_of(UploadOutcome::Created, &record),
            Err(error) => {
                // The file is in the tree: the next start must bring it into journal and store.
                sealed.leave_note();
                return Err(error);
            }
        },
        Published::Same(_) => {
            take_facts(repository, filename, announced.map(|record| &record.facts), principal)?
        }
        Published::Conflict(known) => {
            return Err(PublishError::Exists { filename: known.filename, sha256: known.sha256 });
        }
    };
    repository.forget_announced(filename, principal);
    Ok(answer)
}

/// Puts back what the tree lost of a file that the store knows, when its very bytes come again: its record with all that
/// was known, and its bytes where they are not right.
fn mend(
    repository: &Repository,
    filename: &DistributionFilename,
    known: &FileRecord,
    sealed: &Sealed,
    principal: &Principal,
) -> Result<(), PublishError> {
    let (tree, project) = (&repository.tree, filename.project());
    match tree.record(project, filename.as_str()) {
        Ok(Some(present)) if present.sha256 == sealed.sha256() => {
            if matches!(tree.verify(project, filename.as_str()), Ok(Finding::Right)) {
                return Ok(());
            }
        }
        Ok(None) | Err(TreeError::Record { .. }) => {
            if !tree.put_record_back(project, known)? {
                return Ok(());
            }
        }
        _ => return Ok(()),
    }
    tree.repair(sealed, filename.as_str())?;
    tracing::warn!(%filename, "a file that was lost or damaged is mended by an upload of its bytes");
    // The serial moves on, and with it what is open of the damaged bytes.
    let change = Change::Reindex { repository: repository.name.clone(), project: project.clone() };
    reindex::reread(repository, project, change, principal.name())?;
    Ok(())
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

/// What of someone's words about a file is theirs to say.
///
/// A mirrored file's facts are its index's, and whoever may mirror brings them. When a first-party file was uploaded the
/// server knows best, unless one says otherwise who may mirror; whether it is yanked is for those to say who may yank.
fn permitted(
    repository: &Repository,
    filename: &DistributionFilename,
    said: &Facts,
    known: &FileRecord,
    principal: &Principal,
) -> Facts {
    let mut facts = said.clone();
    if known.is_mirrored() {
        return facts;
    }
    let may = |action| principal.may(&[action], &repository.name, filename.project()).is_ok();
    if !may(Action::Mirror) {
        facts.upload_time = None;
    }
    if !may(Action::Yank) {
        facts.yanked = known.facts.yanked.clone();
    }
    facts
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
        Err(error) if record.is_mirrored() => {
            if !matches!(error, DistError::Unsupported { .. }) {
                tracing::info!(%filename, %error, "a mirrored file is taken although it breaks the rules");
            }
            return Ok(None);
        }
        Err(source @ DistError::Disagrees { .. }) => {
            return Err(PublishError::Disagrees { filename: filename.to_string(), source });
        }
        Err(source) => return Err(PublishError::Invalid { filename: filename.to_string(), source }),
    };
    let said = record.facts.requires_python.take();
    record.facts.requires_python = contents.metadata.requires_python.or(said);
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
    said: Option<&Facts>,
    principal: &Principal,
) -> Result<UploadAnswer, PublishError> {
    let change = |known: &mut FileRecord| match said {
        Some(said) if may_change(repository, principal, filename.project(), known).is_ok() => {
            let permitted = permitted(repository, filename, said, known, principal);
            known.take_facts(&permitted, whole(&permitted, said))
        }
        _ => false,
    };
    let changed = repository.tree.change_record(filename.project(), filename.as_str(), change)?;
    let Some(changed) = changed else {
        let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(TreeError::Io { what: "find", path: filename.as_str().into(), source: gone }.into());
    };
    if let Err(error) = bring_up(repository, filename, &changed, principal) {
        changed.leave_note();
        return Err(error);
    }
    let outcome = if changed.is_news() { UploadOutcome::Updated } else { UploadOutcome::Same };
    Ok(answer_of(outcome, &changed.record))
}

/// Sees to it that the store has a record as the tree has it.
fn bring_up(
    repository: &Repository,
    filename: &DistributionFilename,
    changed: &Changed,
    principal: &Principal,
) -> Result<(), PublishError> {
    let stored = repository.file(filename)?;
    if !changed.is_news() {
        if stored.as_ref() == Some(&changed.record) {
            return Ok(());
        }
        // Whoever published it may not have come to syncing it.
        repository.tree.sync(filename.project())?;
    }
    commit(repository, filename, &changed.record, principal, stored.is_some())
}

/// The digest of someone's facts, if what they may say is all that they said.
fn whole(permitted: &Facts, said: &Facts) -> Option<Sha256Digest> {
    (permitted == said).then(|| said.digest())
}

fn commit(
    repository: &Repository,
    filename: &DistributionFilename,
    record: &FileRecord,
    principal: &Principal,
    is_known: bool,
) -> Result<(), PublishError> {
    let (of, project) = (repository.name.clone(), filename.project().clone());
    let (name, sha256) = (record.filename.clone(), record.sha256);
    let change = if is_known {
        Change::Facts { repository: of, project, filename: name, sha256 }
    } else {
        Change::Publish { repository: of, project, filename: name, sha256 }
    };
    let entry = Entry { time: clock::now(), who: principal.name().to_owned(), change };
    let file = FileChange {
        serial: 0,
        repository: repository.name.clone(),
        project: filename.project().clone(),
        version: filename.version().to_string(),
        key: filename.version().key(),
        file: record.clone(),
    };
    let (tree, named) = (Arc::clone(&repository.tree), filename.clone());
    let read = Box::new(move || tree.record(named.project(), named.as_str()).ok().flatten());
    match repository.committer.file(entry, file, read)?.put {
        Some(Put::Conflict) => {
            Err(PublishError::Exists { filename: record.filename.clone(), sha256: record.sha256 })
        }
        _ => Ok(()),
    }
}

fn answer_of(outcome: UploadOutcome, record: &FileRecord) -> UploadAnswer {
    let facts = record.facts_digest.unwrap_or_else(|| record.facts.digest());
    UploadAnswer { outcome, sha256: record.sha256, facts }
}
