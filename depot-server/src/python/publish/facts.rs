//! What is said of a file, beside its bytes: whose it is to say, and how it changes.

use depot_proto::{
    DistributionFilename, Facts, FileRecord, Sha256Digest,
    push::{UploadAnswer, UploadOutcome},
    scope::Action,
};
use depot_tree::{Changed, TreeError};

use super::{PublishError, answer_of, commit};
use crate::{
    auth::policy::Principal,
    python::{plan::may_change, repository::Repository},
};

/// What of someone's words about a file is theirs to say.
///
/// A mirrored file's facts are its index's, and whoever may mirror brings them. When a first-party file was uploaded the
/// server knows best, unless one says otherwise who may mirror; whether it is yanked is for those to say who may yank.
pub(super) fn permitted(
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

/// Takes news about a file that is here, and sees to it that the store knows the file at all: the answer to an earlier
/// upload may have been lost before it did.
pub(super) fn take_facts(
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
pub(super) fn bring_up(
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
pub(super) fn whole(permitted: &Facts, said: &Facts) -> Option<Sha256Digest> {
    (permitted == said).then(|| said.digest())
}
