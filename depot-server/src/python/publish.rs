//! How a file is announced, judged and published: the one path that every upload takes.

mod admit;
mod announce;
mod attest;
mod claim;
mod error;
mod facts;
mod judge;
mod mend;
mod room;
mod together;

use std::sync::Arc;

use depot_proto::{
    DistributionFilename, FileRecord, Origin,
    layout::Part,
    push::{UploadAnswer, UploadOutcome},
};
use depot_tree::{Published, Sealed};

pub(crate) use self::{
    admit::{Policy, Scan},
    announce::announce,
    attest::attest,
    error::PublishError,
    room::{Room, Rooms},
    together::{Candidate, examine, publish_together},
};
use self::{
    claim::claim,
    facts::{permitted, take_facts, whole},
    judge::{check_announced, judge},
    mend::mend,
};
use super::{
    projects::{self, Coming},
    repository::Repository,
};
use crate::{
    auth::policy::Principal,
    clock,
    service::commit::ReadRecord,
    store::{
        Put,
        records::{Change, Entry, FileChange},
    },
};

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
    record.provenance = sealed.provenance();
    let metadata = judge(&mut sealed, filename, &mut record)?;
    // Both are kept to the end.
    let (known, _room, _admitted) = loop {
        let is_here = repository.file(filename)?.is_some();
        let mut room = None;
        if !is_here {
            room = room::reserve(repository, filename.project(), [(filename.as_str(), sealed.size())])?;
            admit::scan(repository, filename, &sealed, &record)?;
        }
        let copy = record.is_mirrored().then_some(record.sha256);
        let admitted = repository.projects.admit([Coming { filename, is_here, copy }])?;
        // Deletions wait from here on. One that came before has made it new, and all is asked of what is new.
        let known = repository.file(filename)?;
        if known.is_some() || !is_here {
            break (known, room, admitted);
        }
    };
    if let Some(known) = known {
        // The tree may have lost a file that was published: its name is taken all the same.
        if known.sha256 != record.sha256 {
            return Err(PublishError::Exists { filename: known.filename, sha256: known.sha256 });
        }
        mend(repository, filename, &known, &sealed, principal)?;
    } else if !record.is_mirrored() {
        claim(repository, filename.project(), principal)?;
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
        Published::Created => match commit_new(repository, filename, &record, principal) {
            Ok(()) => answer_of(UploadOutcome::Created, &record),
            Err(error) => {
                // The file is in the tree: the next start must bring it into journal and store.
                sealed.leave_note();
                return Err(error);
            }
        },
        Published::Same(_) => {
            // Of two who bring a deleted file again one may be here before the other has taken its tombstone away.
            projects::publish_again(repository, filename, record.sha256, principal.name())?;
            take_facts(repository, filename, announced.map(|record| &record.facts), principal)?
        }
        Published::Conflict(known) => {
            return Err(PublishError::Exists { filename: known.filename, sha256: known.sha256 });
        }
    };
    repository.forget_announced(filename, principal);
    Ok(answer)
}

/// Commits a file that was not here, or was here before it was deleted.
fn commit_new(
    repository: &Repository,
    filename: &DistributionFilename,
    record: &FileRecord,
    principal: &Principal,
) -> Result<(), PublishError> {
    if projects::publish_again(repository, filename, record.sha256, principal.name())? {
        return Ok(());
    }
    commit(repository, filename, record, principal, false)
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
    commit_as(repository, filename, record, principal, change)
}

/// Commits a file's record as the tree has it, for this reason.
pub(super) fn commit_as(
    repository: &Repository,
    filename: &DistributionFilename,
    record: &FileRecord,
    principal: &Principal,
    change: Change,
) -> Result<(), PublishError> {
    let (entry, file, read) = committing(repository, filename, record, principal, change);
    match repository.committer.file(entry, file, read)?.put {
        Some(Put::Conflict) => {
            Err(PublishError::Exists { filename: record.filename.clone(), sha256: record.sha256 })
        }
        _ => Ok(()),
    }
}

/// What is committed of a file: the line of the journal, its record, and how that is read when its turn comes.
fn committing(
    repository: &Repository,
    filename: &DistributionFilename,
    record: &FileRecord,
    principal: &Principal,
    change: Change,
) -> (Entry, FileChange, ReadRecord) {
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
    (entry, file, read)
}

fn answer_of(outcome: UploadOutcome, record: &FileRecord) -> UploadAnswer {
    let facts = record.facts_digest.unwrap_or_else(|| record.facts.digest());
    UploadAnswer { outcome, sha256: record.sha256, facts }
}
