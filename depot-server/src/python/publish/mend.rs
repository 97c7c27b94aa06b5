//! Bytes that come again, of a file that the tree lost.

use depot_proto::{DistributionFilename, FileRecord};
use depot_tree::{Finding, Sealed, TreeError};

use super::PublishError;
use crate::{
    auth::policy::Principal,
    python::{reindex, repository::Repository},
    store::records::Change,
};

/// Puts back what the tree lost of a file that the store knows, when its very bytes come again: its record with all that
/// was known, and its bytes where they are not right.
pub(super) fn mend(
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
