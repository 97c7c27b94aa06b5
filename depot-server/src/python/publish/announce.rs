//! What is said of a file before its bytes come.

use depot_proto::{
    DistributionFilename, FileRecord, RecordError,
    push::{UploadAnswer, UploadOutcome},
};
use depot_tree::TreeError;

use super::{PublishError, answer_of, facts::take_facts};
use crate::{
    auth::policy::Principal,
    python::{plan::may_upload, projects::Coming, repository::Repository},
};

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
    let copy = record.is_mirrored().then_some(record.sha256);
    let is_here = known(repository, filename)?.is_some();
    let _admitted = repository.projects.admit([Coming { filename, is_here, copy }])?;
    // Read again: it may have been deleted until then, and is not from here on.
    match known(repository, filename)? {
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

/// What is known of a file that is here.
fn known(
    repository: &Repository,
    filename: &DistributionFilename,
) -> Result<Option<FileRecord>, PublishError> {
    if repository.projects.is_deleted(filename.project(), filename.as_str()) {
        return Ok(None);
    }
    match repository.tree.record(filename.project(), filename.as_str()) {
        // The bytes may mend it; see `publish`.
        Err(TreeError::Record { source, .. }) if !matches!(source, RecordError::TooNew(_)) => {
            Ok(repository.file(filename)?)
        }
        known => Ok(known?),
    }
}

/// Whether a file has its record and bytes of the right size.
fn is_whole(repository: &Repository, filename: &DistributionFilename, known: &FileRecord) -> bool {
    let (tree, project) = (&repository.tree, filename.project());
    matches!(tree.record(project, filename.as_str()), Ok(Some(_)))
        && tree.has_bytes(project, filename.as_str(), known.size)
}
