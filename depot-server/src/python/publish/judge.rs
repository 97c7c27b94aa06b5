//! Whether bytes are what was said of them, and what their name promises.

use depot_dist::{DistError, Limits, rules};
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

/// Reads the bytes as the distribution they claim to be, judges them by the rules, and completes the record with what they
/// say.
///
/// First-party files must keep every rule that is no mere warning. Mirrored ones were accepted by an index long ago and are
/// known by their digest: they are taken as they are, without a sidecar where none can be had, and the rules that they
/// break are written into the record.
pub(super) fn judge(
    sealed: &mut Sealed,
    filename: &DistributionFilename,
    record: &mut FileRecord,
) -> Result<Option<Vec<u8>>, PublishError> {
    let limits = Limits::default();
    let unreadable = |source| {
        let path = filename.as_str().into();
        PublishError::from(TreeError::Io { what: "read back", path, source })
    };
    record.core_metadata = None;
    // What whoever sent it says of the rules counts for nothing.
    record.set_verdict(&[]);
    let read = depot_dist::read(sealed.reader()?, filename, &limits);
    if let Err(DistError::Io(source)) = read {
        return Err(unreadable(source));
    }
    let verdict = rules::check(sealed.reader()?, filename, &limits).map_err(unreadable)?;
    if record.is_mirrored() {
        let codes = verdict.codes();
        if !codes.is_empty() {
            tracing::info!(%filename, ?codes, "a mirrored file is taken although it breaks rules");
            record.set_verdict(&codes);
        }
    } else if verdict.is_refused() {
        return Err(PublishError::Breaks { filename: filename.to_string(), verdict, source: read.err() });
    }
    let contents = match read {
        Ok(contents) => contents,
        Err(_) if record.is_mirrored() => return Ok(None),
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
