//! What the index of a copied file attests of it (PEP 740), brought by who carries it.

use depot_proto::{
    DistributionFilename, FileRecord, Sha256Digest,
    layout::{Part, file_path},
    push::{UploadAnswer, UploadOutcome},
    scope::Action,
};

use super::{PublishError, answer_of, facts::bring_up};
use crate::{
    auth::policy::Principal,
    python::{projects::Coming, provenance, repository::Repository},
};

/// Puts the document beside a copy of another index's file that is here. It must speak of these very bytes; whether what it
/// attests is true is for whoever asks for it. May block.
pub(crate) fn attest(
    repository: &Repository,
    filename: &DistributionFilename,
    document: &[u8],
    principal: &Principal,
) -> Result<UploadAnswer, PublishError> {
    let (tree, project, name) = (&repository.tree, filename.project(), filename.as_str());
    principal.may(&[Action::Mirror], &repository.name, project)?;
    let no_copy = || PublishError::NoCopy { filename: name.to_owned() };
    let known = repository.file(filename)?.filter(FileRecord::is_mirrored).ok_or_else(no_copy)?;
    provenance::check_document(document, known.sha256)
        .map_err(|source| PublishError::Attestations { filename: name.to_owned(), source })?;
    let copy = Some(known.sha256);
    let _admitted = repository.projects.admit([Coming { filename, is_here: true, copy }])?;
    // It may have been deleted until then, and is not from here on.
    repository.file(filename)?.ok_or_else(no_copy)?;
    let sha256 = Sha256Digest::of(document);
    let path = file_path(project, name, Part::Provenance);
    let is_there = || matches!(tree.document(&path), Ok(Some(there)) if Sha256Digest::of(&there) == sha256);
    loop {
        let mut written = Ok(());
        let change = |record: &mut FileRecord| {
            record.provenance = match record.provenance {
                Some(there) if there == sha256 && is_there() => return false,
                // Before another one takes its place the record speaks of none: it never names what does not lie there.
                Some(_) => None,
                None => {
                    written = tree.put_provenance(project, name, document);
                    written.is_ok().then_some(sha256)
                }
            };
            written.is_ok()
        };
        let changed = tree.change_record(project, name, change)?.ok_or_else(no_copy)?;
        written?;
        if let Err(error) = bring_up(repository, filename, &changed, principal) {
            changed.leave_note();
            return Err(error);
        }
        if changed.record.provenance.is_some() {
            let outcome = if changed.is_news() { UploadOutcome::Updated } else { UploadOutcome::Same };
            return Ok(answer_of(outcome, &changed.record));
        }
    }
}
