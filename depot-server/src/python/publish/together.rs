//! The files of a release that are published together: all are visible at once, or none.

use depot_proto::{DistributionFilename, FileRecord, Origin, ProjectName, push::UploadOutcome};
use depot_tree::{Member, Sealed, Together};

use super::{PublishError, admit, claim::claim, committing, judge::judge, mend::mend, room};
use crate::{
    auth::policy::Principal,
    clock,
    python::{projects::Coming, repository::Repository},
    store::records::Change,
};

/// A file that was received whole and that nothing speaks against.
pub(crate) struct Candidate {
    filename: DistributionFilename,
    sealed: Sealed,
    record: FileRecord,
    metadata: Option<Vec<u8>>,
}

/// Judges a file as it comes, before the others of its release are there: as [`super::publish`] does, and as somebody's own.
/// May block.
pub(crate) fn examine(
    repository: &Repository,
    filename: DistributionFilename,
    mut sealed: Sealed,
) -> Result<Candidate, PublishError> {
    let mut record = FileRecord::new(filename.as_str(), sealed.sha256(), sealed.size());
    record.facts.origin = Some(Origin::FirstParty);
    record.provenance = sealed.provenance();
    let metadata = judge(&mut sealed, &filename, &mut record)?;
    if repository.file(&filename)?.is_none() {
        admit::scan(repository, &filename, &sealed, &record)?;
    }
    sealed.set_aside();
    Ok(Candidate { filename, sealed, record, metadata })
}

/// Publishes the files of one release together, and says of each whether it was created or here already. May block.
pub(crate) fn publish_together(
    repository: &Repository,
    project: &ProjectName,
    candidates: Vec<Candidate>,
    principal: &Principal,
) -> Result<Vec<UploadOutcome>, PublishError> {
    let known = candidates.iter().map(|candidate| repository.file(&candidate.filename));
    let known = known.collect::<Result<Vec<_>, _>>()?;
    for (candidate, known) in candidates.iter().zip(&known) {
        if let Some(known) = known.as_ref().filter(|known| known.sha256 != candidate.record.sha256) {
            return Err(PublishError::Exists { filename: known.filename.clone(), sha256: known.sha256 });
        }
    }
    let new = candidates.iter().zip(&known).filter(|(_, known)| known.is_none());
    let new = new.map(|(candidate, _)| (candidate.filename.as_str(), candidate.record.size));
    // Kept to the end.
    let _room = room::reserve(repository, project, new)?;
    let files = candidates.iter().zip(&known);
    let files = files.map(|(candidate, known)| Coming {
        filename: &candidate.filename,
        is_here: known.is_some(),
        copy: None,
    });
    let _admitted = repository.projects.admit(files)?;
    let (mut outcomes, mut names, mut members) = (Vec::new(), Vec::new(), Vec::new());
    let first_seen = Some(clock::now());
    for (Candidate { filename, sealed, mut record, metadata }, known) in candidates.into_iter().zip(known) {
        if let Some(known) = known {
            mend(repository, &filename, &known, &sealed, principal)?;
            outcomes.push(UploadOutcome::Same);
            continue;
        }
        record.first_seen = first_seen;
        outcomes.push(UploadOutcome::Created);
        names.push(filename);
        members.push(Member { sealed, record, metadata });
    }
    if members.is_empty() {
        return Ok(outcomes);
    }
    claim(repository, project, principal)?;
    let note = match repository.tree.publish_together(project, &mut members)? {
        Together::Published(note) => note,
        Together::Conflict(known) => {
            return Err(PublishError::Exists { filename: known.filename, sha256: known.sha256 });
        }
    };
    let changes = names.iter().zip(&members).map(|(filename, Member { record, .. })| {
        let (of, project) = (repository.name.clone(), project.clone());
        let (name, sha256) = (record.filename.clone(), record.sha256);
        let change = Change::Publish { repository: of, project, filename: name, sha256 };
        committing(repository, filename, record, principal, change)
    });
    if let Err(error) = repository.committer.files(changes.collect()) {
        // They are in the tree: the next start must bring them into journal and store.
        note.leave_note();
        return Err(error.into());
    }
    Ok(outcomes)
}
