//! Whether bytes are what was said of them, and what their name promises.

use depot_dist::{DistError, Limits};
use depot_proto::{DistributionFilename, DistributionKind, FileRecord, Sha256Digest};
use depot_tree::{Sealed, TreeError};

use super::PublishError;

pub(super) fn check_announced(announced: &FileRecord, came: &FileRecord) -> Result<(), PublishError> {
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
pub(super) fn judge(
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
